"""Trees as the artifact holds them say what the library that grew them says."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo.prediction.forest import FUNCTIONS, Forest, coordinates
from leeroo.training import forest

Floats = npt.NDArray[Any]

RNG = np.random.default_rng(0)
WIDTH, COUNTED = 6, 2
X = RNG.normal(size=(160, WIDTH)).astype(np.float32)
QUALITY = np.stack([np.sign(X[:, 0]), X[:, 4] * 0.1], axis=1).astype(np.float64)
LENGTHS = np.abs(X[:, [2]]).astype(np.float64) * 9
SMOOTH = X[:, [1, 3]].astype(np.float64) * 0.5


def grow(x: Floats = X, quality: Floats = QUALITY, lengths: Floats = LENGTHS, seed: int = 0) -> forest.Trees:
    rows = slice(0, len(x))
    return forest.grow(x, SMOOTH[rows], quality[rows], lengths[rows], counted=COUNTED, seed=seed)


def served(*kinds: forest.Trees) -> Forest:
    return Forest(forest.arrays_of(kinds), counted=COUNTED)


@pytest.fixture(scope="module")
def grown() -> Forest:
    return served(grow(), grow(X[:20]), grow(X[:120], quality=-QUALITY, seed=1))


def test_a_kind_of_few_queries_has_none(grown: Forest) -> None:
    assert [grown.has(k) for k in range(3)] == [True, False, True]
    assert forest.arrays_of([grow(X[:20])]) == {}


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
    )
    axes = forest.arrays_of([grow()])["forest_axes"][0].astype(np.float32)
    theirs.fit(coordinates(X @ axes.T, SMOOTH, X, COUNTED), targets)
    asked, smooth = RNG.normal(size=(50, WIDTH)).astype(np.float32), RNG.normal(size=(50, 3)).astype(np.float32)
    expected = theirs.predict(coordinates(asked @ axes.T, smooth[:, :2], asked, COUNTED)) * np.array(
        [spread[0], spread[0], spread[1]]
    )
    # Leaves are kept in 127ths of the largest.
    assert grown.told(asked, smooth[:, :2], 0) == pytest.approx(expected, abs=0.02 * np.abs(expected).max())


def test_what_they_split_on_are_axes_what_the_process_says_and_counts() -> None:
    stretched = X * np.array([1, 1, 9, 1, 1, 1], np.float32)
    axes = forest.arrays_of([grow(stretched)])["forest_axes"][0].astype(np.float32)
    assert abs(axes[0, 2]) == pytest.approx(1, abs=0.01)  # what queries differ most on comes first
    seen = coordinates(X[:3] @ axes.T, SMOOTH[:3], X[:3], COUNTED)
    assert seen.shape == (3, WIDTH + SMOOTH.shape[1] + COUNTED)
    assert (seen[:, WIDTH:] == np.concatenate([SMOOTH[:3], X[:3, -COUNTED:]], axis=1)).all()
    none = coordinates(X[:3] @ axes.T, np.zeros((3, 40), np.float32), X[:3], 0)
    assert none.shape == (3, WIDTH + FUNCTIONS)


def test_it_learns_what_splits_on_one_coordinate_show() -> None:
    """A step in what the process says, and one in a count: no process with a smooth kernel tells either."""
    quality = np.stack([np.sign(SMOOTH[:, 0]), np.sign(X[:, -1])], axis=1).astype(np.float64)
    asked = RNG.normal(size=(200, WIDTH)).astype(np.float32)
    told = served(grow(quality=quality)).told(asked, asked[:, [1, 3]] * 0.5, 0)
    assert np.corrcoef(told[:, 0], np.sign(asked[:, 1]))[0, 1] > 0.75
    assert np.corrcoef(told[:, 1], np.sign(asked[:, -1]))[0, 1] > 0.75


def test_every_kind_has_trees_of_its_own(grown: Forest) -> None:
    asked, smooth = RNG.normal(size=(200, WIDTH)).astype(np.float32), np.zeros((200, 2), np.float32)
    assert np.corrcoef(grown.told(asked, smooth, 2)[:, 0], grown.told(asked, smooth, 0)[:, 0])[0, 1] < -0.5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_one_query_is_told_in_several_kinds_as_many_are_in_each(seed: int) -> None:
    some = served(grow(seed=3), grow(X[:20]), grow(X[:120], quality=-QUALITY))
    asked = np.random.default_rng(seed).normal(size=(5, WIDTH)).astype(np.float32)
    smooth = asked[:, :2]
    each = [some.told(asked, smooth, k) for k in (0, 2)]
    for i, one in enumerate(asked):
        told = some.told_of_one(one, np.repeat(smooth[[i]], 2, axis=0), [0, 2])
        assert told == pytest.approx(np.stack([told_of_all[i] for told_of_all in each]), abs=1e-5)


def test_queries_that_are_all_alike_say_their_mean() -> None:
    same = np.ones((150, 3), dtype=np.float32)
    trees = forest.grow(same, np.zeros((150, 2)), QUALITY[:150], np.zeros((150, 1)), counted=COUNTED, seed=0)
    told = served(trees).told(RNG.normal(size=(4, 3)).astype(np.float32), np.zeros((4, 2), np.float32), 0)
    assert told[:, :2] == pytest.approx(np.tile(QUALITY[:150].mean(axis=0), (4, 1)), abs=0.02)
    assert (told[:, 2] == 0).all()
