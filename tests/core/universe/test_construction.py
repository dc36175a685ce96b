"""Greedy pools against brute force and their bound."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo.errors import ConfigError
from leeroo.universe.construction import construct, coverage

NAMES = [f"e{i}" for i in range(6)]


@given(st.integers(0, 10_000), st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_greedy_reaches_its_guarantee_and_the_bound_holds(seed, size):
    scores = (np.random.default_rng(seed).random((25, 6)) < 0.3).astype(np.float32)
    best = max(coverage(scores, NAMES, pool) for pool in itertools.combinations(NAMES, size))
    found = construct(scores, NAMES, size)
    value = coverage(scores, NAMES, found.experts)
    assert math.isclose(value, found.values[-1], abs_tol=1e-6)
    assert (1 - 1 / math.e) * best - 1e-6 <= value <= best + 1e-6 <= found.bound + 2e-6


def test_lazy_evaluation_takes_what_plain_greedy_takes():
    scores = np.random.default_rng(0).random((200, 40)).astype(np.float32) ** 3
    names = [str(i) for i in range(40)]
    found = construct(scores, names, 8)
    best, plain = np.zeros(200, dtype=np.float32), []
    for _ in range(8):
        gains = [np.maximum(scores[:, e] - best, 0).mean() if e not in plain else -1 for e in range(40)]
        plain.append(int(np.argmax(gains)))
        best = np.maximum(best, scores[:, plain[-1]])
    assert [int(name) for name in found.experts] == plain
    assert found.evaluations < 8 * 40
    assert list(found.gains) == sorted(found.gains, reverse=True)


def test_complements_are_preferred_to_the_second_best():
    scores = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
    assert construct(scores, ["good", "same", "other"], 2).experts == ("good", "other")


def test_forced_excluded_unknown_and_missing():
    scores = np.array([[1, np.nan, 0], [0, 1, 1]], dtype=np.float32)
    names = ["a", "b", "c"]
    assert construct(scores, names, 2, include=["c"]).experts == ("c", "a")
    assert construct(scores, names, 2, exclude=["b"]).experts == ("a", "c")
    with pytest.raises(ConfigError, match="Unknown expert 'd'"):
        construct(scores, names, 1, include=["d"])
    with pytest.raises(ConfigError, match="both"):
        construct(scores, names, 2, include=["a"], exclude=["a"])
    with pytest.raises(ConfigError, match="size is 4"):
        construct(scores, names, 4)


def test_cost_moves_the_choice_to_the_cheaper_equal():
    scores = np.array([[1, 0.95], [1, 0.95]], dtype=np.float32)
    names = ["dear", "cheap"]
    costs = np.array([10.0, 1.0])
    assert construct(scores, names, 1).experts == ("dear",)
    assert construct(scores, names, 1, costs=costs, cost_weight=0.05).experts == ("cheap",)
