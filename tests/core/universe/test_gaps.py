import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.universe.gaps import find_gaps

SCORES = np.array([[1, 0, 0], [1, 0, 1], [0, 1, np.nan], [0, 1, 0]], dtype=np.float32)
NAMES, DOMAINS = ("a", "b", "c"), ("x", "x", "y", "y")


def test_the_worst_served_domain_comes_first_with_who_would_help():
    worst, best = find_gaps(SCORES, NAMES, DOMAINS, ["a"], least=2)
    assert (worst.domain, worst.best, worst.helper, worst.gain) == ("y", 0.0, "b", 1.0)
    assert (best.domain, best.best, best.expert, best.single, best.gain) == ("x", 1.0, "a", 1.0, 0.0)


def test_a_pool_of_all_has_no_helper_and_small_domains_are_left_out():
    assert {gap.helper for gap in find_gaps(SCORES, NAMES, DOMAINS, NAMES, least=1)} == {None}
    assert find_gaps(SCORES, NAMES, DOMAINS, NAMES, least=3) == []


def test_an_unknown_expert_is_named():
    with pytest.raises(ConfigError, match="Unknown expert 'd'"):
        find_gaps(SCORES, NAMES, DOMAINS, ["d"])
