import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leeroo.consult.model import ConsultModel
from leeroo.consult.places import ABSTAINED, UNASKED
from leeroo.consult.policy import STOP, Limits, plan, promising, rate_reaching, rate_within
from leeroo.consult.posterior import outlook
from tests.core.consult.reference import value

NAMES = ("a", "b", "c", "d")
MODEL = ConsultModel()
START = (UNASKED,) * 4
qualities = st.lists(st.floats(0.1, 0.9), min_size=4, max_size=4)
prices = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4)


def look(quality, costs, rate, state=START, depth=4, **kwargs):
    ahead = outlook(MODEL, np.array([quality]), NAMES, state, depth)
    must = all(place == UNASKED for place in state)
    return plan(ahead, np.array([costs])[:, list(ahead.left)], np.array([[rate]]), must=must, **kwargs)


@settings(deadline=None, max_examples=12)
@given(qualities, prices, st.floats(0.001, 1.0), st.sampled_from([1, 2, 4]))
def test_plans_are_those_of_the_recursion(quality, costs, rate, depth):
    expected, action = value(MODEL, tuple(quality), NAMES, tuple(costs), rate, depth=depth)
    found = look(quality, costs, rate, depth=depth)
    assert found.value[0, 0] == pytest.approx(expected)
    if depth > 1:
        again = look(quality, [c + (0.001 if e == action else 0) for e, c in enumerate(costs)], rate, depth=depth)
        assert again.value[0, 0] <= found.value[0, 0] + 1e-12


def test_one_step_never_asks_twice_of_equals_and_two_steps_do():
    quality, costs = [0.6] * 4, [0.01] * 4
    first = (0, UNASKED, UNASKED, UNASKED)
    assert look(quality, costs, 1.0, state=first, depth=1).action[0, 0] == STOP
    assert look(quality, costs, 1.0, state=first, depth=2).action[0, 0] != STOP


def test_somebody_is_asked_whatever_it_costs():
    assert look([0.1] * 4, [9.0, 5.0, 7.0, 8.0], 10.0).action[0, 0] == 1


def test_where_asking_is_free_everybody_is_asked():
    found = look([0.5, 0.6, 0.7, 0.65], [0.0] * 4, 1.0)
    everything = look([0.5, 0.6, 0.7, 0.65], [0.0] * 4, 0.0)
    assert found.quality == pytest.approx(everything.quality)
    single = look([0.5, 0.6, 0.7, 0.65], [0.0, 0.0, 0.0, 0.0], 0.0, depth=1)
    assert found.quality[0, 0] > single.quality[0, 0]


@pytest.mark.parametrize("left", [0.5, 1.0, 1.5, 2.5])
def test_plans_stay_within_what_is_left(left):
    limit = Limits(np.full(4, 1.0), np.full(4, 1.0), left)
    found = look([0.6] * 4, [1.0] * 4, 0.001, limits=(limit,))
    assert (found.action[0, 0] == STOP) == (left < 1)
    assert found.quality[0, 0] <= look([0.6] * 4, [1.0] * 4, 0.001).quality[0, 0]


def test_two_are_asked_at_once_where_the_second_is_nearly_sure_to_be_asked():
    assert look([0.6] * 4, [0.01] * 4, 0.5, haste=0.3).beside[0, 0] != STOP
    assert look([0.6] * 4, [0.01] * 4, 0.5, haste=0.0).beside[0, 0] == STOP
    assert look([0.95, 0.3, 0.3, 0.3], [0.01, 1, 1, 1], 1.0, haste=0.3).beside[0, 0] == STOP


@settings(deadline=None, max_examples=15)
@given(qualities, prices, st.floats(0.2, 0.9))
@example([0.5, 0.53125, 0.75, 0.5], [1.0, 0.125, 1.0, 0.25], 0.625)  # rates that were tried too far apart
def test_a_demanded_quality_is_reached_at_the_largest_rate_or_not_at_all(quality, costs, least):
    ahead = outlook(MODEL, np.array([quality]), NAMES, START, 4)
    rate = float(rate_reaching(ahead, np.array([costs]), np.array([least]), must=True)[0, 0])
    found, most = look(quality, costs, rate).quality[0, 0], look(quality, costs, 0.0).quality[0, 0]
    assert found >= least - 1e-6 or most < least + 0.002 * 4
    assert look(quality, costs, rate * 2).quality[0, 0] < least or rate > 100 / max(costs)


def test_enough_is_enough():
    state = (0, UNASKED, UNASKED, UNASKED)
    ahead = outlook(MODEL, np.full((1, 4), 0.8), NAMES, state, 3)
    costs = np.full((1, 3), 0.01)
    rates = rate_reaching(ahead, costs, np.array([0.7, 0.8]), must=False)
    content, demanding = plan(ahead, costs, rates, must=False).action[0]
    assert content == STOP
    assert demanding != STOP


def test_all_have_abstained_and_nobody_is_left():
    found = look([0.5] * 4, [0.1] * 4, 0.1, state=(ABSTAINED,) * 4)
    assert found.action[0, 0] == STOP
    assert found.quality[0, 0] == 0


@settings(deadline=None, max_examples=15)
@given(qualities, prices, st.floats(0.0, 0.2))
def test_the_rate_of_a_tolerance_gives_no_more_away(quality, costs, tolerance):
    ahead = outlook(MODEL, np.array([quality]), NAMES, START, 4)
    rate = rate_within(ahead, np.array([costs]), tolerance)
    most = look(quality, costs, 0.0).quality[0, 0]
    assert look(quality, costs, float(rate[0])).quality[0, 0] >= most - tolerance - 1e-6


def test_of_a_large_pool_those_are_kept_that_few_others_beat():
    rng = np.random.default_rng(0)
    quality, costs = rng.uniform(0.2, 0.9, 30), rng.uniform(0.01, 1.0, 30)
    kept = promising(quality, costs)
    assert len(kept) == 8
    assert int(quality.argmax()) in kept
    assert int(costs.argmin()) in kept
    assert promising(quality[:8], costs[:8]) == list(range(8))
    assert promising(quality, costs, quality > 0.8) == np.flatnonzero(quality > 0.8).tolist()


@settings(deadline=None, max_examples=30)
@given(qualities, st.sampled_from([None, 3, 1]))
def test_whose_agreement_speaks_for_the_best(quality, alternatives):
    confirming, best = MODEL.confirming(np.array(quality), NAMES, alternatives), int(np.argmax(quality))
    assert confirming[best]
    for e in set(range(4)) - {best}:
        pair, names = np.array([[quality[best], quality[e]]]), (NAMES[best], NAMES[e])
        alone = outlook(MODEL, pair, names, (0, UNASKED), 0, alternatives=alternatives).posterior()
        both = outlook(MODEL, pair, names, (0, 0), 0, alternatives=alternatives).posterior()
        assert confirming[e] == (both[0, 0] >= alone[0, 0]) or both[0, 0] == pytest.approx(alone[0, 0])
