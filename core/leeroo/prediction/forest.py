"""The second opinion on what functions of a query say: trees beside the Gaussian process of `leeroo.prediction.kinds`.

A Gaussian process is smooth in all of a vector at once; trees split on single coordinates. Each sees what the other
misses, and a mean of both is better than either. A kind's forest is extremely randomised trees (Geurts et al. 2006)
that were grown on its queries, with one value of every function f and g in each leaf. They split on the vector along
the axes that the kind's queries differ most on, on what the process itself says (in training: without the query's own
outcomes, as in stacking, Wolpert 1992), and on what can be counted in the text.

Arrays of the artifact (N inner nodes, B leaves, T trees, K kinds, A axes, R + S functions of quality and of lengths):
    forest_axes (K, A, W)                       what a kind's queries differ most on
    forest_feature (N), forest_threshold (N)    a query goes right where this coordinate lies above
    forest_children (N, 2)                      the nodes left and right, from the tree's first; -1 - leaf at leaves
    forest_roots (T, 2)                         each tree's first node and first leaf
    forest_starts (K+1)                         where each kind's trees begin; a kind with few queries has none
    forest_values (B, R+S), forest_scale (K, R+S)       what a leaf says, in 127ths of the kind's scale
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Nodes = npt.NDArray[np.int32]
PREFIX = "forest_"
FUNCTIONS = 8
"""Of quality that trees are told of; the others hardly part models."""


class Forest:
    """The arithmetic of trees.

    Args:
        arrays: An artifact's.
        counted: How many of a vector's last coordinates are counts.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], counted: int) -> None:
        a = {name.removeprefix(PREFIX): values for name, values in arrays.items() if name.startswith(PREFIX)}
        roots, starts = a["roots"].astype(np.int64), a["starts"].astype(np.int64)
        nodes, leaves = len(a["feature"]), len(a["values"])
        counts = np.diff(np.append(roots[:, 0], nodes))
        first, leaf = np.repeat(roots[:, 0], counts)[:, None], np.repeat(roots[:, 1], counts)[:, None]
        children = a["children"].astype(np.int64)
        children = np.where(children >= 0, first + children, nodes + leaf - 1 - children)
        # Leaves are nodes behind the others that lead to themselves: all walks take as many steps as the longest.
        ends = np.repeat(np.arange(nodes, nodes + leaves)[:, None], 2, axis=1)
        self._children = np.concatenate([children, ends]).astype(np.int32).reshape(-1)
        self._feature = np.append(a["feature"], np.zeros(leaves)).astype(np.int32)
        self._threshold = np.append(a["threshold"], np.zeros(leaves)).astype(np.float32)
        self._nodes, self._steps = nodes, _depth(children, roots[:, 0], nodes)
        first_nodes = roots[:, 0].astype(np.int32)
        self._roots = [first_nodes[start:end] for start, end in pairwise(starts.tolist())]
        self._axes, self._counted = a["axes"].astype(np.float32), counted
        self._values, self._scale = a["values"], a["scale"].astype(np.float32) / 127

    def has(self, k: int) -> bool:
        """Whether a kind has trees."""
        return len(self._roots[k]) > 0

    def told(self, x: Float32, smooth: Float32, k: int) -> Float32:
        """What a kind's trees say of some queries, shape (queries, functions).

        Args:
            x: As `Kinds.scaled` gives it.
            smooth: What the Gaussian process says, shape (queries, functions).
            k: A kind with trees.
        """
        seen = coordinates(x @ self._axes[k].T, smooth, x, self._counted)
        return self._means(self._leaves(seen, self._roots[k]), self._scale[k])

    def told_of_one(self, x: Float32, smooth: Float32, kinds: Sequence[int]) -> Float32:
        """What the trees of some kinds say of one query, shape (kinds, functions).

        One walk through all of them costs hardly more than one through a kind's.

        Args:
            x: Shape (W,).
            smooth: What the Gaussian process of each kind says, shape (kinds, functions).
            kinds: Kinds with trees.
        """
        rows = list(kinds)
        along = np.einsum("kaw,w->ka", self._axes[rows], x)  # without BLAS: see `Functions`
        seen = coordinates(along, smooth, np.repeat(x[None], len(rows), axis=0), self._counted)
        return self._means(self._leaves(seen, np.stack([self._roots[k] for k in rows])), self._scale[rows])

    def _means(self, leaves: Nodes, scale: npt.NDArray[Any]) -> Float32:
        return np.asarray(self._values[leaves].mean(axis=1, dtype=np.float32) * scale)

    def _leaves(self, seen: Float32, roots: Nodes) -> Nodes:
        """The leaf that each row comes to in every tree, shape (rows, trees); `roots` are all rows' or each's."""
        flat, start = seen.reshape(-1), (np.arange(len(seen), dtype=np.int32) * seen.shape[1])[:, None]
        node = np.broadcast_to(roots, (len(seen), roots.shape[-1]))
        for _ in range(self._steps):
            right = flat.take(start + self._feature.take(node)) > self._threshold.take(node)
            node = self._children.take(2 * node + right)
        return node - self._nodes


def coordinates(along: Float32, smooth: npt.NDArray[Any], x: Float32, counted: int) -> Float32:
    """What trees split on, shape (queries, A + FUNCTIONS + counted).

    Args:
        along: The vectors along the kind's axes, shape (queries, A).
        smooth: What the Gaussian process says of quality and, behind it, of lengths.
        x: The vectors, whose last `counted` coordinates are counts.
        counted: How many.
    """
    return np.concatenate([along, smooth[:, :FUNCTIONS], x[:, x.shape[1] - counted :]], axis=1, dtype=np.float32)


def _depth(children: npt.NDArray[np.int64], roots: npt.NDArray[np.int64], nodes: int) -> int:
    """Steps from a root to the furthest leaf."""
    steps, front = 0, roots
    while len(front):
        below = children[front].reshape(-1)
        steps, front = steps + 1, below[below < nodes]
    return steps
