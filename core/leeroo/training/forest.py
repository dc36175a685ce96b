"""Grow the trees of every kind of work: see `leeroo.prediction.forest`. Needs scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency
from leeroo.prediction.forest import coordinates

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
TREES = 100
LEAVES = 300
"""Of a tree at most: more queries do not make the artifact larger."""
QUERIES_OF_A_LEAF = 4
SHARE_OF_COORDINATES = 0.5
"""That a split chooses from."""
AXES = 32
FEWEST = 100
"""Queries of a kind that trees are grown on; with fewer they say less than the Gaussian process alone."""


@dataclass(frozen=True)
class Trees:
    """One kind's; N inner nodes, B leaves, T trees, A axes, W width of vectors, F functions.

    Attributes:
        axes: That vectors are seen along, shape (A, W).
        feature: Shape (N,).
        threshold: Shape (N,).
        children: Shape (N, 2), as `leeroo.prediction.forest` has them.
        roots: Shape (T, 2).
        values: Of the leaves, shape (B, F).
    """

    axes: Float32
    feature: npt.NDArray[np.int64]
    threshold: Float32
    children: npt.NDArray[np.int64]
    roots: npt.NDArray[np.int64]
    values: Float64


def grow(x: Float32, smooth: Float64, quality: Float64, lengths: Float64, *, counted: int, seed: int) -> Trees:
    """The trees of a kind; none of one with few queries.

    One forest says both how good answers are and how long: they have the say that their variance gives them, made
    equal.

    Args:
        x: The kind's queries, as `leeroo.prediction.kinds.scaled` gives them, shape (queries, W).
        smooth: What the Gaussian process says of their quality where their own outcomes are not known, shape
            (queries, R).
        quality: What its functions of quality ought to be, shape (queries, R).
        lengths: The same of lengths, shape (queries, S).
        counted: How many of the last coordinates of `x` are counts.
        seed: Of the splits.

    Raises:
        MissingDependency: scikit-learn is not installed.
    """
    functions = quality.shape[1] + lengths.shape[1]
    if len(x) < FEWEST:
        return _none(functions, x.shape[1])
    try:
        from sklearn.ensemble import ExtraTreesRegressor
    except ImportError as error:
        raise MissingDependency(f"Training needs {error.name}: pip install 'leeroo[train]'.") from None
    spread = [max(float(part.var(axis=0).sum()), 1e-12) ** 0.5 for part in (quality, lengths)]
    weight = np.repeat([1 / s if s > 1e-5 else 0.0 for s in spread], [quality.shape[1], lengths.shape[1]])
    targets = np.concatenate([quality, lengths], axis=1) * weight
    axes = _axes_of(x)
    grown = ExtraTreesRegressor(
        TREES,
        min_samples_leaf=QUERIES_OF_A_LEAF,
        max_leaf_nodes=LEAVES,
        max_features=SHARE_OF_COORDINATES,
        n_jobs=-1,
        random_state=seed,
    ).fit(coordinates(x @ axes.T, smooth, x, counted), targets)
    trees = [_packed(one.tree_) for one in grown.estimators_]
    inner, leaves = (_starts([tree[part] for tree in trees])[:-1] for part in (0, 3))
    feature, threshold, children, values = (np.concatenate(parts) for parts in zip(*trees, strict=True))
    undone = np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > 0)
    return Trees(axes, feature, threshold, children, np.stack([inner, leaves], axis=1), values * undone)


def arrays_of(trees: Sequence[Trees]) -> dict[str, npt.NDArray[Any]]:
    """All kinds' trees as the artifact holds them; nothing where no kind has any."""
    if not any(len(of.roots) for of in trees):
        return {}
    nodes, leaves = _starts([of.feature for of in trees]), _starts([of.values for of in trees])
    scale = np.array([np.abs(of.values).max(axis=0, initial=1e-12) for of in trees])
    values = [np.rint(of.values / s * 127) for of, s in zip(trees, scale, strict=True)]
    roots = [of.roots + np.array([n, b]) for of, n, b in zip(trees, nodes, leaves, strict=False)]
    return {
        "forest_axes": np.array([of.axes for of in trees], np.float16),
        "forest_feature": np.concatenate([of.feature for of in trees]).astype(np.int16),
        "forest_threshold": np.concatenate([of.threshold for of in trees]).astype(np.float32),
        "forest_children": np.concatenate([of.children for of in trees]).astype(np.int16),
        "forest_roots": np.concatenate(roots).astype(np.int32),
        "forest_starts": _starts([of.roots for of in trees]).astype(np.int32),
        "forest_values": np.concatenate(values).astype(np.int8),
        "forest_scale": scale.astype(np.float32),
    }


def _starts(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    """Where each part begins once all are below each other, and behind them where the last one ends."""
    return np.cumsum([0, *map(len, parts)])


def _axes_of(x: Float32) -> Float32:
    """The principal axes of queries, the first differ most, shape (A, W); rounded as the artifact keeps them."""
    middle = x - x.mean(axis=0)
    _, axes = np.linalg.eigh(middle.T @ middle)
    return np.asarray(axes[:, ::-1][:, :AXES].T, dtype=np.float16).astype(np.float32)


def _none(functions: int, width: int) -> Trees:
    no = np.zeros(0, np.int64)
    pairs = np.zeros((0, 2), np.int64)
    axes = np.zeros((min(AXES, width), width), np.float32)
    return Trees(axes, no, no.astype(np.float32), pairs, pairs, np.zeros((0, functions)))


def _packed(tree: Any) -> tuple[npt.NDArray[np.int64], Float32, npt.NDArray[np.int64], Float64]:
    """Inner nodes (feature, threshold, children) and the values of leaves of one of scikit-learn's trees."""
    inner = tree.children_left >= 0
    if not inner.any():  # all queries alike: a node that leads to the only leaf either way
        return np.zeros(1, np.int64), np.zeros(1, np.float32), np.full((1, 2), -1), tree.value[:, :, 0]
    place = np.where(inner, np.cumsum(inner) - 1, -np.cumsum(~inner))
    children = np.stack([place[tree.children_left[inner]], place[tree.children_right[inner]]], axis=1)
    return tree.feature[inner], tree.threshold[inner].astype(np.float32), children, tree.value[~inner, :, 0]
