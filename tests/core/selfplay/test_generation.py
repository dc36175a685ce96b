from random import Random

import numpy as np
import pytest

from leeroo.outcomes.sandbox import Limits, run
from leeroo.selfplay.domains import Domain
from leeroo.selfplay.families import VERIFIED, programs
from leeroo.selfplay.generation import CellRecord, aim, evenly, pick, verified
from leeroo.selfplay.posterior import Belief

DOMAINS = {"sums": Domain(family="arithmetic"), "words": Domain(family="strings", difficulty=(1,), weight=3.0)}


def test_the_held_out_part_is_drawn_by_weight_alone():
    assert evenly(DOMAINS, 40) == {("sums", 1): 4, ("sums", 2): 3, ("sums", 3): 3, ("words", 1): 30}


def test_rounds_are_aimed_where_predictions_were_wrong_and_experts_differed():
    known = {("sums", 1): CellRecord([0.0] * 20, [0.0] * 10), ("sums", 3): CellRecord([0.25] * 20, [1.0] * 10)}
    found = aim(DOMAINS, 100, known)
    assert sum(found.values()) == 100
    assert found["sums", 1] < found["sums", 2] < found["sums", 3]
    assert found["sums", 1] > 0


@pytest.mark.parametrize("family", VERIFIED)
def test_verified_questions_are_new_and_have_answers(family):
    seen: set[str] = set()
    for level in (1, 2, 3):
        made = verified("mine", family, level, 3, seen, Random(level))
        assert len(made) == 3
        assert all(item.answer and item.domain == "mine" and item.difficulty == level for item in made)
    assert len(seen) == 9


def test_a_family_that_runs_out_gives_fewer():
    seen: set[str] = set()
    assert 0 < len(verified("f", "facts", 1, 500, seen, Random(0))) < 500
    assert verified("f", "facts", 1, 5, seen, Random(1)) == []


def test_the_tests_of_a_program_tell_right_from_wrong():
    problem = programs(Random(4), 1)
    assert problem.answer.count("assert f(") == 5
    assert run("def f(x): return None", problem.answer, Limits(2)) == "AssertionError"


def test_what_would_tell_most_is_picked_with_some_by_chance():
    """Of three kinds of candidates, the first is known to both experts, the second to none, the third divides them."""
    kinds = np.repeat(np.eye(3), 20, axis=0)
    sure = 1e-3 * np.eye(3)
    beliefs = [Belief(np.array([4.0, -4, 3]), sure), Belief(np.array([4.0, -4, -3]), sure)]
    chosen = pick(kinds, beliefs, 12, seed=0)
    assert len(set(chosen)) == 12
    assert sum(i >= 40 for i in chosen) >= 9
    assert pick(kinds[:5], beliefs, 12, seed=0) == [0, 1, 2, 3, 4]
