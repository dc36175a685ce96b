from collections import Counter
from functools import cache
from math import comb, lgamma

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leeroo.consult.lattice import MOST_REPEATED, depth_for
from leeroo.consult.model import ConsultModel, Trait
from leeroo.consult.places import ABSTAINED, UNASKED
from leeroo.consult.policy import STOP, plan
from leeroo.consult.posterior import outlook
from leeroo.consult.repeats import drawn_from
from leeroo.errors import ConfigError
from tests.core.consult.reference import simulate

NAMES = ("a", "b", "a", "a")
DRAWS = (0, 1, 0, 0)
ONE = ConsultModel(repeat_correlation=0.4, traits={"a": Trait(0.3, 1.2, 0.2), "b": Trait(-0.2, 0.7)})
qualities = st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
places = st.lists(st.integers(-1, 3), min_size=4, max_size=4)


def model(rho):
    return ConsultModel(repeat_correlation=rho)


def look(rho_or_model, quality, state, depth=0, draws=DRAWS, **kwargs):
    own = rho_or_model if isinstance(rho_or_model, ConsultModel) else model(rho_or_model)
    given_quality = np.array([[quality[0], quality[1], quality[0], quality[0]]])
    return outlook(own, given_quality, NAMES, state, depth, draws=draws, **kwargs)


def state_of(places, asked):
    """The first `asked` draws of a and then, where there is one more, b's answer: further draws come in order."""
    order = (0, 1, 2, 3)
    seen: dict[int, int] = {}
    state = [UNASKED] * 4
    for column in order:
        if column in asked:
            place = places[column]
            state[column] = place if place < 0 else seen.setdefault(place, len(seen))
    return tuple(state)


askeds = st.sampled_from([(0,), (1,), (0, 1), (0, 2), (0, 1, 2), (0, 2, 3), (0, 1, 2, 3)])


@pytest.mark.parametrize("alternatives", [None, 3])
def test_probabilities_are_the_frequencies_of_draws_from_an_expert_s_own_distribution(alternatives):
    quality, draws = (0.6, 0.5), 20_000
    drawn = list(
        simulate(ONE, [0.6, 0.5, 0.6, 0.6], NAMES, draws, np.random.default_rng(0), alternatives=alternatives, of=DRAWS)
    )
    reached, right = Counter(state for state, _ in drawn), Counter(drawn)
    start = look(ONE, quality, (UNASKED,) * 4, 4, alternatives=alternatives)
    # The lattice has the draws of an expert side by side.
    assert start.left == (0, 1)
    for state, times in reached.most_common(10):
        here = look(ONE, quality, state, alternatives=alternatives)
        assert times / draws == pytest.approx(here.reached[0, 0], abs=0.012)
        for k, p in enumerate(here.posterior()[0]):
            assert right[state, k] / times == pytest.approx(p, abs=4 * np.sqrt(0.25 / times) + 0.01)


@settings(deadline=None, max_examples=30)
@given(qualities, places, askeds, st.sampled_from([None, 9, 3, 1]))
def test_without_correlation_a_draw_is_another_expert_of_the_same_quality(quality, places, asked, alternatives):
    state = state_of(places, asked)
    assume(alternatives is None or max(state) <= alternatives)
    again = look(ConsultModel(repeat_correlation=0.0), quality, state, alternatives=alternatives)
    other = look(ConsultModel(), quality, state, draws=(), alternatives=alternatives)
    assert again.reached == pytest.approx(other.reached, rel=1e-6, abs=1e-12)
    assert again.posterior() == pytest.approx(other.posterior(), rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(qualities, st.lists(st.integers(-1, 1), min_size=2, max_size=2), st.floats(1e-6, 1.0))
def test_with_full_correlation_a_draw_moves_nothing_and_is_never_asked(quality, told, rate):
    a, b = told
    before = state_of([a, b, 0, 0], (0, 1))
    after = (*before[:2], before[0], before[0])
    assert look(1.0, quality, after).reached == pytest.approx(look(1.0, quality, before).reached, rel=1e-6)
    assert look(1.0, quality, after).posterior() == pytest.approx(look(1.0, quality, before).posterior(), abs=1e-6)
    for state in (before, (before[0] if a < 0 else 0, UNASKED, UNASKED, UNASKED)):
        ahead = look(1.0, quality, state, 3)
        found = plan(ahead, np.full((1, len(ahead.left)), 0.01), np.array([[rate]]), must=False, haste=0.5)
        assert found.action[0, 0] in (STOP, 1)
        assert found.beside[0, 0] == STOP


@settings(deadline=None, max_examples=30)
@given(qualities, places, askeds, st.floats(0, 1), st.sampled_from([None, 9, 3, 1]))
def test_what_an_ask_may_bring_sums_to_what_is_known(quality, places, asked, rho, alternatives):
    state = state_of(places, asked)
    ahead = look(rho, quality, state, 4, alternatives=alternatives)
    assert (ahead.reached >= -1e-12).all()
    assert alternatives is None or max(state) <= alternatives or ahead.reached[0, 0] == 0
    if ahead.reached[0, 0]:
        assert -1e-9 <= ahead.posterior().sum() <= 1 + 1e-9
    for level in ahead.lattice.levels:
        after = np.add.reduceat(ahead.reached[:, level.children], level.starts, axis=1)
        here = ahead.reached[:, level.first : level.first + level.size]
        assert after.reshape(1, *level.asks.shape) == pytest.approx(np.repeat(here[..., None], level.asks.shape[1], 2))


@settings(deadline=None, max_examples=30)
@given(st.floats(0.5, 0.95), st.floats(0.5, 0.95), st.floats(0, 0.99), st.floats(0.01, 0.5))
def test_agreement_raises_the_posterior_and_less_so_the_more_draws_are_correlated(a, b, rho, more):
    def first(rho, state):
        return look(rho, (a, b), state).posterior()[0, 0]

    alone, agreed, parted = (first(rho, (0, UNASKED, place, UNASKED)) for place in (UNASKED, 0, 1))
    assert parted - 1e-9 <= alone <= agreed + 1e-9
    assert first(min(rho + more, 1.0), (0, UNASKED, 0, UNASKED)) <= agreed + 1e-9
    assert agreed <= first(rho, (0, UNASKED, 0, 0)) + 1e-9


@pytest.mark.parametrize("right", range(4))
def test_how_often_an_expert_is_right_is_beta_binomial(right):
    q, rho = 0.7, 0.3
    flat = ConsultModel(slope=1.0, spread=0.0, repeat_correlation=rho, abstention=0.01)
    alpha, beta = q * (1 - rho) / rho, (1 - q) * (1 - rho) / rho

    def log_beta(x, y):
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    expected = comb(3, right) * np.exp(log_beta(alpha + right, beta + 3 - right) - log_beta(alpha, beta))
    start = outlook(flat, np.full((1, 3), q), ("a",) * 3, (UNASKED,) * 3, 3, draws=(0, 0, 0))
    total, rows = 0.0, start.lattice.rows
    for at, state in enumerate(start.lattice.states):
        ends = [*rows.starts[1:], len(rows.cluster)]
        if UNASKED in state:
            continue
        for h in range(rows.starts[at], ends[at]):
            if rows.cluster[h] >= 0:
                total += start.joint[0, h] * (state.count(rows.cluster[h]) == right)
            elif right == 0:
                total += start.joint[0, h]
    assert total == pytest.approx(expected)


@settings(deadline=None, max_examples=8)
@given(qualities, st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.floats(0.0, 0.9), st.floats(0.01, 0.5))
def test_plans_are_those_of_a_recursion_over_single_states(quality, cheap, dear, rho, rate):
    costs = (cheap, dear)

    @cache
    def best(state):
        here = look(rho, quality, state)
        stop = float(here.best[0, 0]) if any(p != UNASKED for p in state) else -1.0
        worth = [stop]
        for column, cost in zip(here.left, [costs[DRAWS[c]] for c in here.left], strict=True):
            new = 1 + max(*state, -1)
            after = [tuple(k if c == column else p for c, p in enumerate(state)) for k in range(-1, new + 1)]
            worth.append(sum(best(one) for one in after) - rate * cost * float(here.reached[0, 0]))
        return max(worth)

    ahead = look(rho, quality, (UNASKED,) * 4, 4)
    found = plan(ahead, np.array([costs]), np.array([[rate]]), must=True)
    assert found.value[0, 0] == pytest.approx(best((UNASKED,) * 4))


def test_a_cheap_expert_is_asked_again_where_its_draws_differ_and_both_may_be_at_once():
    ahead = look(0.2, (0.6, 0.65), (UNASKED,) * 4, 4)
    found = plan(ahead, np.array([[0.001, 1.0]]), np.array([[1.0]]), must=True, haste=0.5)
    assert (found.action[0, 0], found.beside[0, 0]) == (0, 2)


@pytest.mark.parametrize("draws", [[2] * 5, [3] * 5, [5] * 5, [3, 1, 1]])
def test_the_look_ahead_stays_small_enough_to_be_quick(draws):
    depth = depth_for(0, draws)
    assert depth >= 2
    columns = [e for e, many in enumerate(draws) for _ in range(many)]
    firsts = [columns.index(e) for e in columns]
    names = [f"e{e}" for e in columns]
    start = outlook(model(0.5), np.full((1, len(columns)), 0.6), names, (UNASKED,) * len(columns), depth, draws=firsts)
    assert len(start.lattice.states) <= MOST_REPEATED


def test_a_correlation_is_a_share():
    with pytest.raises(ConfigError, match="repeat_correlation"):
        ConsultModel(repeat_correlation=1.5)
    assert ABSTAINED < 0


def test_a_name_with_a_number_is_a_draw_of_who_stands_beside_it():
    names = ("small", "small#2", "small#10", "other#2", "small#1", "small#02")
    assert drawn_from(names) == ("small", "small", "small", "other#2", "small#1", "small#02")
