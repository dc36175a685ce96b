"""Many queries under one budget: the optimum of the relaxed assignment.

Choosing one expert per query so that the summed quality is the largest under a total cost is the multiple-choice
knapsack problem. Its linear relaxation is solved exactly by walking the queries' upper convex hulls in order of
quality gained per dollar (Sinha and Zoltners 1979, "The Multiple-Choice Knapsack Problem"): at most one query is left
between two experts, and it stays with the cheaper one, so the total is never passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from leeroo.errors import BudgetExceeded, InvalidRequest
from leeroo.visible import counted

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Assignment:
    """Which expert answers which query.

    Attributes:
        experts: Index of the expert of each query, shape (queries,).
        quality: Summed quality of the assignment.
        cost: Summed cost, never above the total.
        bound: Summed quality of the relaxed optimum: no assignment within the total has more.
        price_of_quality: Cost per unit of quality at the margin, infinite where money is left over: the
            `willingness_to_pay` that leads single calls to this assignment.
    """

    experts: npt.NDArray[np.intp]
    quality: float
    cost: float
    bound: float
    price_of_quality: float


def assign(quality: FloatArray, cost: FloatArray, total: float) -> Assignment:
    """Choose an expert for every query together.

    Args:
        quality: Predicted quality, shape (queries, experts); -inf where an expert cannot take a query.
        cost: Cost in any unit, shape (queries, experts).
        total: Most that all queries together may cost, in the same unit.

    Raises:
        BudgetExceeded: Even the cheapest experts pass the total.
        InvalidRequest: The shapes differ, or a query has no expert.
    """
    quality, cost = np.asarray(quality, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    hulls = _hulls(quality, cost)
    chosen = np.array([hull[0] for hull in hulls], dtype=np.intp)
    rows = np.arange(len(quality))
    spent = float(cost[rows, chosen].sum())
    if spent > total:
        raise BudgetExceeded(
            f"Even the cheapest experts cost {spent:g} for {counted(len(quality), 'query', 'queries')}; "
            f"the total is {total:g}."
        )
    bound: float | None = None
    margin = 0.0
    stopped: set[int] = set()
    for slope, i, a, b in _steps(quality, cost, hulls):
        extra = float(cost[i, b] - cost[i, a])
        if i in stopped:
            continue
        if spent + extra <= total:
            chosen[i] = b
            spent += extra
            continue
        if bound is None:
            # The relaxed optimum takes the fitting fraction of this step; the integral one leaves it out and goes on.
            bound = float(quality[rows, chosen].sum()) + slope * (total - spent)
            margin = slope
        stopped.add(i)
    reached = float(quality[rows, chosen].sum())
    return Assignment(
        experts=chosen,
        quality=reached,
        cost=float(cost[rows, chosen].sum()),
        bound=reached if bound is None else bound,
        price_of_quality=float("inf") if margin <= 0 else 1 / margin,
    )


def _hulls(quality: FloatArray, cost: FloatArray) -> list[list[int]]:
    """Every query's hull.

    Raises:
        InvalidRequest: The shapes differ, or a query has no expert.
    """
    if quality.shape != cost.shape or quality.ndim != 2:
        raise InvalidRequest(f"quality has shape {quality.shape}, cost {cost.shape}; give (queries, experts) twice.")
    possible = np.isfinite(quality)
    if not possible.any(axis=1).all():
        raise InvalidRequest(f"Query {int(np.argmin(possible.any(axis=1)))} has no expert that can take it.")
    return [_hull(quality[i], cost[i], np.flatnonzero(possible[i])) for i in range(len(quality))]


def _steps(quality: FloatArray, cost: FloatArray, hulls: Sequence[Sequence[int]]) -> list[tuple[float, int, int, int]]:
    """(quality gained per cost, query, from expert, to expert) along all hulls, the most gain first."""
    steps = [
        ((quality[i, b] - quality[i, a]) / (cost[i, b] - cost[i, a]), i, a, b)
        for i, hull in enumerate(hulls)
        for a, b in pairwise(hull)
    ]
    return sorted(steps, key=lambda step: -step[0])


def _hull(quality: FloatArray, cost: FloatArray, possible: npt.NDArray[np.intp]) -> list[int]:
    """Experts on one query's upper convex hull of quality over cost, cheapest first."""
    order = sorted(possible.tolist(), key=lambda e: (cost[e], -quality[e]))
    hull: list[int] = []
    for e in order:
        if hull and quality[e] <= quality[hull[-1]]:
            continue
        while len(hull) >= 2:
            a, b = hull[-2], hull[-1]
            if (quality[e] - quality[b]) * (cost[b] - cost[a]) >= (quality[b] - quality[a]) * (cost[e] - cost[b]):
                hull.pop()
            else:
                break
        if len(hull) == 1 and cost[e] == cost[hull[0]]:
            hull.pop()
        hull.append(e)
    return hull
