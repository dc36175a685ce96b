"""The joint assignment against brute force, and against what single calls would do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo.errors import BudgetExceeded, InvalidRequest
from leeroo.selection.batch import assign

small = st.integers(min_value=0, max_value=20)


@given(
    st.integers(1, 4).flatmap(
        lambda experts: st.lists(
            st.tuples(
                st.lists(small, min_size=experts, max_size=experts), st.lists(small, min_size=experts, max_size=experts)
            ),
            min_size=1,
            max_size=4,
        )
    ),
    st.integers(0, 80),
)
@settings(max_examples=300, deadline=None)
def test_between_brute_force_and_the_bound_and_never_above_the_total(rows, total):
    quality = np.array([r[0] for r in rows], dtype=float) / 20
    cost = np.array([r[1] for r in rows], dtype=float)
    options = [
        (sum(quality[i, e] for i, e in enumerate(choice)), sum(cost[i, e] for i, e in enumerate(choice)))
        for choice in itertools.product(range(quality.shape[1]), repeat=len(rows))
    ]
    fitting = [q for q, c in options if c <= total]
    if not fitting:
        with pytest.raises(BudgetExceeded):
            assign(quality, cost, total)
        return
    found = assign(quality, cost, total)
    assert found.cost <= total
    assert found.quality <= max(fitting) + 1e-9
    assert found.bound >= max(fitting) - 1e-9
    # At most one query is left between two experts, so at most one query's worth of quality is lost.
    assert found.quality >= max(fitting) - (quality.max(axis=1) - quality.min(axis=1)).max() - 1e-9


def test_money_goes_where_it_buys_most():
    quality = np.array([[0.5, 0.9], [0.8, 0.9], [0.1, 0.9]])
    cost = np.array([[1.0, 10.0]] * 3)
    assert assign(quality, cost, 12).experts.tolist() == [0, 0, 1]
    assert assign(quality, cost, 21).experts.tolist() == [1, 0, 1]
    assert assign(quality, cost, 30).experts.tolist() == [1, 1, 1]


def test_the_price_of_quality_leads_single_calls_to_the_same_choice():
    rng = np.random.default_rng(0)
    quality, cost = rng.random((200, 5)), rng.random((200, 5)) * [1, 2, 4, 8, 16]
    found = assign(quality, cost, 150.0)
    alone = np.argmax(quality * found.price_of_quality - cost, axis=1)
    assert (alone == found.experts).mean() >= 0.97


def test_beats_a_fixed_tolerance_at_equal_spend():
    rng = np.random.default_rng(1)
    quality, cost = rng.random((500, 4)), np.tile([1.0, 2.0, 5.0, 20.0], (500, 1))
    for tolerance in (0.05, 0.2, 0.4):
        adequate = quality >= quality.max(axis=1, keepdims=True) - tolerance
        greedy = np.argmin(np.where(adequate, cost, np.inf), axis=1)
        rows = np.arange(500)
        found = assign(quality, cost, float(cost[rows, greedy].sum()))
        assert found.quality > quality[rows, greedy].sum()


def test_experts_that_cannot_are_not_chosen():
    quality = np.array([[-np.inf, 0.2], [0.9, -np.inf]])
    assert assign(quality, np.ones((2, 2)), 2.0).experts.tolist() == [1, 0]
    with pytest.raises(InvalidRequest, match="Query 1"):
        assign(np.array([[0.1], [-np.inf]]), np.ones((2, 1)), 5.0)
    with pytest.raises(InvalidRequest, match="shape"):
        assign(np.ones((2, 2)), np.ones((2, 3)), 5.0)
