from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo.consult.lattice import MOST_STATES, Drawn, depth_for, lattice
from leeroo.consult.model import ConsultModel, Trait
from leeroo.consult.places import ABSTAINED, UNASKED
from leeroo.consult.posterior import outlook
from tests.core.consult.reference import joint, simulate

NAMES = ("a", "b", "c", "d")
MODEL = ConsultModel(traits={"a": Trait(0.3, 1.2, 0.2), "b": Trait(-0.2, 0.7)})
qualities = st.lists(st.floats(0.05, 0.95), min_size=4, max_size=4)
states = st.lists(st.integers(-2, 3), min_size=4, max_size=4).map(
    lambda places: tuple(p if p < 0 else [q for q in dict.fromkeys(places) if q >= 0].index(p) for p in places)
)


@settings(deadline=None, max_examples=40)
@given(qualities, states)
def test_posterior_is_the_formula(quality, state):
    expected = joint(MODEL, quality, NAMES, state)
    found = outlook(MODEL, np.array([quality]), NAMES, state, 0).joint[0]
    assert found == pytest.approx(expected)


@settings(deadline=None, max_examples=25)
@given(qualities, states, st.sampled_from([None, 9, 3, 1]))
def test_what_an_ask_may_bring_sums_to_what_is_known(quality, state, alternatives):
    ahead = outlook(MODEL, np.array([quality]), NAMES, state, 4, alternatives=alternatives)
    for level in ahead.lattice.levels:
        after = np.add.reduceat(ahead.reached[:, level.children], level.starts, axis=1)
        here = ahead.reached[:, level.first : level.first + level.size]
        assert after.reshape(1, *level.asks.shape) == pytest.approx(np.repeat(here[..., None], level.asks.shape[1], 2))


@settings(deadline=None, max_examples=25)
@given(qualities, states)
def test_looking_ahead_from_a_state_agrees_with_looking_from_the_start(quality, state):
    start = outlook(MODEL, np.array([quality]), NAMES, (UNASKED,) * 4, 4)
    at = start.lattice.states[state]
    here = outlook(MODEL, np.array([quality]), NAMES, state, 0)
    assert here.reached[0, 0] == pytest.approx(start.reached[0, at])
    assert here.best[0, 0] == pytest.approx(start.best[0, at])


@pytest.mark.parametrize("alternatives", [None, 3, 1])
def test_probabilities_are_the_frequencies_of_the_generative_model(alternatives):
    quality, draws = [0.7, 0.5, 0.6, 0.3], 20_000
    drawn = list(simulate(MODEL, quality, NAMES, draws, np.random.default_rng(0), alternatives=alternatives))
    reached, right = Counter(state for state, _ in drawn), Counter(drawn)
    start = outlook(MODEL, np.array([quality]), NAMES, (UNASKED,) * 4, 4, alternatives=alternatives)
    for state, times in reached.most_common(8):
        at = start.lattice.states[state]
        assert times / draws == pytest.approx(start.reached[0, at], abs=0.012)
        here = outlook(MODEL, np.array([quality]), NAMES, state, 0, alternatives=alternatives)
        for k, p in enumerate(here.posterior()[0]):
            assert right[state, k] / times == pytest.approx(p, abs=4 * np.sqrt(0.25 / times) + 0.01)


def test_two_options_leave_wrong_answers_no_choice():
    state = (0, 1, 2, UNASKED)
    assert outlook(MODEL, np.full((1, 4), 0.5), NAMES, state, 0, alternatives=1).reached[0, 0] == pytest.approx(0)
    agreed = outlook(MODEL, np.full((1, 4), 0.5), NAMES, (0, 1, 1, UNASKED), 0, alternatives=1)
    assert agreed.posterior()[0].sum() == pytest.approx(1)


def test_agreement_counts_less_on_hard_questions():
    def gain(quality):
        one, two = (outlook(ConsultModel(), np.full((1, 2), quality), ("x", "y"), s, 0) for s in ((0, -2), (0, 0)))
        return two.posterior()[0, 0] / one.posterior()[0, 0]

    assert gain(0.5) > 1.2


def test_abstentions_are_no_agreement():
    silent = outlook(ConsultModel(), np.full((1, 3), 0.6), ("x", "y", "z"), (ABSTAINED,) * 3, 0)
    assert silent.posterior().shape == (1, 0)
    assert silent.best[0, 0] == 0


def test_a_lattice_is_made_once_and_holds_every_state():
    assert lattice((), (Drawn(),) * 5, 5) is lattice((), (Drawn(),) * 5, 5)
    assert len(lattice((), (Drawn(),) * 5, 5).states) == 674
    assert len(lattice((2, 1), (Drawn(),) * 2, 2).states) == 1 + 2 * 4 + (4 * 4 + 1)


@pytest.mark.parametrize("experts", [1, 5, 6, 8, 29])
def test_the_look_ahead_is_as_deep_as_its_states_allow(experts):
    depth = depth_for(0, experts)
    assert depth >= min(2, experts)
    assert depth == experts or experts > 6
    assert len(lattice((), (Drawn(),) * experts, depth).states) <= MOST_STATES
