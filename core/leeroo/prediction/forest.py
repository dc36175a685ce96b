"""The second opinion on what functions of a query say: trees beside the Gaussian process of `leeroo.prediction.kinds`.

A Gaussian process is smooth in all of a vector at once; trees split on single coordinates. Each sees what the other
misses, and the mean of both is better than either. A kind's forest is extremely randomised trees (Geurts et al. 2006)
that were grown on its queries, with one value of every function f and g in each leaf.

Arrays of the artifact (N inner nodes, B leaves, T trees, K kinds, R + S functions of quality and of lengths):
    forest_feature (N), forest_threshold (N)    a query goes right where this coordinate lies above
    forest_children (N, 2)                      the nodes left and right, from the tree's first; -1 - leaf at leaves
    forest_roots (T, 2)                         each tree's first node and first leaf
    forest_starts (K+1)                         where each kind's trees begin; a kind with few queries has none
    forest_values (B, R+S), forest_scale (K, R+S)       what a leaf says, in 127ths of the kind's scale
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Nodes = npt.NDArray[np.int32]
PREFIX = "forest_"


class Forest:
    """The arithmetic of trees.

    Args:
        arrays: An artifact's.
        remembered: Queries whose leaves are kept.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], remembered: int) -> None:
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
        self._all = roots[:, 0].astype(np.int32)
        self._roots = [self._all[start:end] for start, end in pairwise(starts.tolist())]
        self._kinds = starts[:-1][np.diff(starts) > 0], np.flatnonzero(np.diff(starts))
        self._values, self._scale = a["values"], a["scale"].astype(np.float32) / 127
        self._of_one = lru_cache(maxsize=remembered)(self._tell_of_one)

    def has(self, k: int) -> bool:
        """Whether a kind has trees."""
        return len(self._roots[k]) > 0

    def told(self, x: Float32, k: int) -> Float32:
        """What a kind's trees say, shape (queries, functions).

        Args:
            x: As `Kinds.scaled` gives it.
            k: A kind with trees.
        """
        if len(x) == 1:
            return self._of_one(x.tobytes())[[k]]
        leaves = self._leaves(x, self._roots[k])
        return np.asarray(self._values[leaves].mean(axis=1, dtype=np.float32) * self._scale[k])

    def _tell_of_one(self, scaled_vector: bytes) -> Float32:
        """What all trees say of one query, shape (kinds, functions): one walk costs hardly more than a kind's."""
        values = self._values[self._leaves(np.frombuffer(scaled_vector, dtype=np.float32)[None], self._all)[0]]
        found = np.zeros(self._scale.shape, dtype=np.float32)
        starts, kinds = self._kinds
        count = np.diff(np.append(starts, len(values)))[:, None]
        found[kinds] = np.add.reduceat(values, starts, dtype=np.float32) / count * self._scale[kinds]
        return found

    def _leaves(self, x: Float32, roots: Nodes) -> Nodes:
        """The leaf of every query in every tree, shape (queries, trees)."""
        flat, start = x.reshape(-1), (np.arange(len(x), dtype=np.int32) * x.shape[1])[:, None]
        node = np.repeat(roots[None], len(x), axis=0)
        for _ in range(self._steps):
            right = flat.take(start + self._feature.take(node)) > self._threshold.take(node)
            node = self._children.take(2 * node + right)
        return node - self._nodes


def _depth(children: npt.NDArray[np.int64], roots: npt.NDArray[np.int64], nodes: int) -> int:
    """Steps from a root to the furthest leaf."""
    steps, front = 0, roots
    while len(front):
        below = children[front].reshape(-1)
        steps, front = steps + 1, below[below < nodes]
    return steps
