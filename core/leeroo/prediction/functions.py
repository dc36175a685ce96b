"""What functions of a query say in each kind of work, f of quality and g of lengths: a Gaussian process and trees.

See `leeroo.prediction.kinds` for the model and its arrays.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.prediction.forest import PREFIX as OF_TREES
from leeroo.prediction.forest import Forest

Float32 = npt.NDArray[np.float32]
REMEMBERED = 4096
"""Queries of which is kept what was told."""
ARRAYS, OF_LENGTHS = ("kinds_landmarks", "kinds_starts", "kinds_directions"), "answer_directions"
SAY_OF_TREES = 0.65
"""Of what a kind with trees says of a query; the Gaussian process has the rest."""


class Functions:
    """The arithmetic of f and g.

    Args:
        arrays: An artifact's.
        counted: How many of a vector's last coordinates are counts.

    Attributes:
        of_quality: How many of the functions are of quality; those of lengths stand behind them.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], counted: int) -> None:
        landmarks, begin, directions = (arrays[name] for name in ARRAYS)
        starts: list[int] = begin.astype(np.int64).tolist()
        own = [slice(start, end) for start, end in pairwise(starts)]
        both = [directions, *([arrays[OF_LENGTHS]] if OF_LENGTHS in arrays else [])]
        self.of_quality = directions.shape[1]
        self._landmarks = [landmarks[at].astype(np.float32) for at in own]
        self._squares = [(points**2).sum(axis=1) for points in self._landmarks]
        self._directions = [np.concatenate([part[at] for part in both], axis=1, dtype=np.float32) for at in own]
        self._forest = Forest(arrays, counted) if f"{OF_TREES}roots" in arrays else None
        self._of_one = lru_cache(maxsize=REMEMBERED)(self._tell_of_one)

    def told(self, x: Float32, wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[int, npt.NDArray[np.int64], Float32]]:
        """Each kind, the queries that are asked about in it, and its f and g of them, shape (rows, directions of both).

        Args:
            x: As `leeroo.prediction.kinds.scaled` gives it, shape (queries, W).
            wanted: Whether a query is asked about in a kind, shape (queries, kinds).
        """
        kinds = np.flatnonzero(wanted.any(axis=0)).tolist()
        if len(x) == 1:
            for k, told in zip(kinds, self._of_one(x.tobytes(), tuple(kinds)), strict=True):
                yield k, np.zeros(1, dtype=np.int64), told[None]
            return
        for k in kinds:
            rows = np.flatnonzero(wanted[:, k])
            some, points = x[rows], self._landmarks[k]
            distance = (some**2).sum(axis=1)[:, None] + self._squares[k] - 2 * some @ points.T
            smooth = np.exp(-0.5 * np.maximum(distance, 0)) @ self._directions[k]
            if self._forest is not None and self._forest.has(k):
                smooth = _with_trees(smooth, self._forest.told(some, smooth, k))
            yield k, rows, smooth

    def _tell_of_one(self, scaled_vector: bytes, kinds: tuple[int, ...]) -> Float32:
        """What `told` gives of one query, shape (kinds, directions of both).

        Remembered: all steps of an agent's loop ask about the same text.
        """
        x = np.frombuffer(scaled_vector, dtype=np.float32)
        smooth = np.empty((len(kinds), self._directions[0].shape[1]), dtype=np.float32)
        for i, k in enumerate(kinds):
            # Without BLAS: its threads wait for each other, for 10 ms and more where the cores are busy.
            distance = (x**2).sum() + self._squares[k] - 2 * np.einsum("lw,w->l", self._landmarks[k], x)
            smooth[i] = np.einsum("l,lr->r", np.exp(-0.5 * np.maximum(distance, 0)), self._directions[k])
        if self._forest is not None and (grown := [i for i, k in enumerate(kinds) if self._forest.has(k)]):
            trees = self._forest.told_of_one(x, smooth[grown], [kinds[i] for i in grown])
            smooth[grown] = _with_trees(smooth[grown], trees)
        return smooth


def _with_trees(smooth: Float32, trees: Float32) -> Float32:
    """What the Gaussian process and the trees say together; trees grown without lengths say nothing of them."""
    trees = trees[:, : smooth.shape[1]]
    return np.asarray(SAY_OF_TREES * trees + (1 - SAY_OF_TREES) * smooth, dtype=np.float32)
