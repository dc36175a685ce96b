"""Trees as the artifact holds them say what the library that grew them says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo.prediction.forest import Forest
from leeroo.training import forest

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 6)).astype(np.float32)
QUALITY = np.stack([np.sign(X[:, 0]), X[:, 1] * 0.1], axis=1).astype(np.float64)
LENGTHS = np.abs(X[:, [2]]).astype(np.float64) * 9


@pytest.fixture(scope="module")
def grown() -> Forest:
    few = forest.grow(X[:20], QUALITY[:20], LENGTHS[:20], seed=0)
    many = forest.grow(X, QUALITY, LENGTHS, seed=0)
    other = forest.grow(X[:120], -QUALITY[:120], LENGTHS[:120], seed=1)
    return Forest(forest.arrays_of([many, few, other]), remembered=8)


def test_a_kind_of_few_queries_has_none(grown: Forest) -> None:
    assert [grown.has(k) for k in range(3)] == [True, False, True]
    assert forest.arrays_of([forest.grow(X[:20], QUALITY[:20], LENGTHS[:20], seed=0)]) == {}


def test_it_says_what_the_library_says(grown: Forest) -> None:
    from sklearn.ensemble import ExtraTreesRegressor

    spread = [part.var(axis=0).sum() ** 0.5 for part in (QUALITY, LENGTHS)]
    targets = np.concatenate([QUALITY / spread[0], LENGTHS / spread[1]], axis=1)
    theirs = ExtraTreesRegressor(
        forest.TREES,
        min_samples_leaf=forest.QUERIES_OF_A_LEAF,
        max_leaf_nodes=forest.LEAVES,
        max_features=forest.SHARE_OF_COORDINATES,
        random_state=0,
    ).fit(X, targets)
    asked = RNG.normal(size=(50, 6)).astype(np.float32)
    expected = theirs.predict(asked) * np.array([spread[0], spread[0], spread[1]])
    # Leaves are kept in 127ths of the largest.
    assert grown.told(asked, 0) == pytest.approx(expected, abs=0.02 * np.abs(expected).max())


def test_it_learns_what_splits_on_one_coordinate_show(grown: Forest) -> None:
    asked = RNG.normal(size=(200, 6)).astype(np.float32)
    told = grown.told(asked, 0)
    assert np.corrcoef(told[:, 0], np.sign(asked[:, 0]))[0, 1] > 0.75
    assert np.corrcoef(told[:, 2], np.abs(asked[:, 2]))[0, 1] > 0.6
    assert np.corrcoef(grown.told(asked, 2)[:, 0], told[:, 0])[0, 1] < -0.6


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_one_query_is_told_as_it_is_among_others(seed: int) -> None:
    trees = [forest.grow(X, QUALITY, LENGTHS, seed=3), forest.grow(X[:20], QUALITY[:20], LENGTHS[:20], seed=0)]
    few = Forest(forest.arrays_of(trees), remembered=2)
    asked = np.random.default_rng(seed).normal(size=(7, 6)).astype(np.float32)
    together = few.told(asked, 0)
    for one, told in zip(asked, together, strict=True):
        assert few.told(one[None], 0)[0] == pytest.approx(told, abs=1e-5)


def test_queries_that_are_all_alike_say_their_mean() -> None:
    same = np.ones((150, 3), dtype=np.float32)
    trees = forest.grow(same, QUALITY[:150], np.zeros((150, 1)), seed=0)
    told = Forest(forest.arrays_of([trees]), remembered=2).told(RNG.normal(size=(4, 3)).astype(np.float32), 0)
    assert told[:, :2] == pytest.approx(np.tile(QUALITY[:150].mean(axis=0), (4, 1)), abs=0.02)
    assert (told[:, 2] == 0).all()
