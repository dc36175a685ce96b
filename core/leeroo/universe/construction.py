"""Which experts make the best small pool: greedy, submodular universe construction.

S(U) = mean over queries of the best score in U (arXiv 2401.13979, section on universe construction) is monotone and
submodular, so the greedy pool reaches at least 1 - 1/e of the best pool of its size (Nemhauser, Wolsey and Fisher
1978). Lazy evaluation (Minoux 1978) recomputes only gains that could still be the largest.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError, did_you_mean

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Universe:
    """A pool, in the order in which its experts were taken.

    Attributes:
        experts: Names.
        gains: What each added to S(U) when it was taken.
        values: S(U) after each.
        bound: An upper bound of S over all pools of this size, from the gains that were left (tighter than 1 - 1/e).
        evaluations: Gains computed, of experts x size that a plain greedy would compute.
    """

    experts: tuple[str, ...]
    gains: tuple[float, ...]
    values: tuple[float, ...]
    bound: float
    evaluations: int


def construct(
    scores: FloatArray,
    names: Sequence[str],
    size: int,
    *,
    costs: npt.NDArray[np.float64] | None = None,
    cost_weight: float = 0.0,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Universe:
    """Choose `size` experts whose best answers together score the most.

    With `cost_weight`, a query's value under an expert is its score - cost_weight x cost: coverage of the
    cost-accuracy frontier instead of accuracy alone, still monotone and submodular.

    Args:
        scores: 0..1, shape (queries, experts); NaN where unknown, which counts as not answered.
        names: The experts' names.
        size: How many to choose, forced ones included.
        costs: Cost of each answer, shape (queries, experts) or (experts,).
        cost_weight: What a unit of cost takes off the score.
        include: Experts that must be in.
        exclude: Experts that must not.

    Raises:
        ConfigError: An unknown name, or a size that the experts do not allow.
    """
    places = {name: place for place, name in enumerate(names)}
    free = _free(places, size, include, exclude)
    value = np.nan_to_num(np.asarray(scores, dtype=np.float32), nan=0.0)
    if costs is not None and cost_weight:
        value = np.maximum(value - np.float32(cost_weight) * np.asarray(costs, dtype=np.float32), 0)
    pool = _Pool(np.ascontiguousarray(value.T))
    for name in include:
        pool.take(places[name])
    queue = [(-pool.gain(e), e, len(pool.taken)) for e in free if e not in pool.taken]
    evaluations = len(queue)
    heapq.heapify(queue)
    while len(pool.taken) < size:
        _, e, when = heapq.heappop(queue)
        if when == len(pool.taken):
            pool.take(e)
            continue
        heapq.heappush(queue, (-pool.gain(e), e, len(pool.taken)))
        evaluations += 1
    reached = float(pool.best.mean(dtype=np.float64))
    return Universe(
        experts=tuple(names[e] for e in pool.taken),
        gains=tuple(pool.gains),
        values=tuple(np.cumsum(pool.gains).tolist()),
        bound=min(float(pool.columns[free].max(axis=0).mean(dtype=np.float64)), reached + _most_left(queue, size)),
        evaluations=evaluations,
    )


def _free(places: Mapping[str, int], size: int, include: Sequence[str], exclude: Sequence[str]) -> list[int]:
    """The columns that may be taken, once what is asked for has been checked."""
    for name in (*include, *exclude):
        if name not in places:
            raise ConfigError(f"Unknown expert {name!r}.{did_you_mean(name, places)}")
    if both := set(include) & set(exclude):
        raise ConfigError(f"{sorted(both)[0]!r} is both included and excluded.")
    free = [e for name, e in places.items() if name not in exclude]
    if not max(1, len(include)) <= size <= len(free):
        raise ConfigError(f"size is {size}; give {max(1, len(include))} to {len(free)} for these experts.")
    return free


class _Pool:
    """Experts taken so far, and the best value that each query has of them.

    Args:
        columns: Values, shape (experts, queries).
    """

    def __init__(self, columns: FloatArray) -> None:
        self.columns = columns
        self.best = np.zeros(columns.shape[1], dtype=np.float32)
        self.taken: list[int] = []
        self.gains: list[float] = []

    def gain(self, e: int) -> float:
        """What an expert would add to S(U)."""
        return float(np.maximum(self.columns[e] - self.best, 0).mean(dtype=np.float64))

    def take(self, e: int) -> None:
        self.gains.append(self.gain(e))
        np.maximum(self.best, self.columns[e], out=self.best)
        self.taken.append(e)


def _most_left(queue: list[tuple[float, int, int]], size: int) -> float:
    """What any `size` of the experts left could still add at most: their last known gains never grow."""
    return -sum(negative for negative, _, _ in heapq.nsmallest(size, queue))


def coverage(scores: FloatArray, names: Sequence[str], pool: Sequence[str]) -> float:
    """S(U) of a pool on given queries, for example held-out ones.

    Args:
        scores: 0..1, shape (queries, experts), NaN where unknown.
        names: The experts' names.
        pool: The pool's names.
    """
    places = {name: place for place, name in enumerate(names)}
    columns = [places[name] for name in pool]
    return float(np.nan_to_num(scores[:, columns], nan=0.0).max(axis=1).mean(dtype=np.float64))
