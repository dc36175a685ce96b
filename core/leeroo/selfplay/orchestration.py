"""Which experts to run on which queries: the most information about their traits for the money.

Information is counted where it matters, as the fall of the posterior's variance of P(right), averaged over all queries
of the round (I-optimal design; Cohn, Ghahramani and Jordan 1996, "Active Learning with Statistical Models"). Mutual
information about theta itself (BALD) was measured worse at small shares: it goes on rising in directions that no query
asks for, so that cheap experts take all the money. Greedy, pair by pair, by gain per dollar; after each choice the
expert's covariance shrinks as the outcome will make it (rank one, by its expected Fisher information), so that a second
query of the same kind is worth less. A share of the money is spent on pairs drawn by chance: a floor of exploration,
which keeps dear experts and sure ones in view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.selfplay.posterior import Belief

Float64 = npt.NDArray[np.float64]
Pair = tuple[int, int]
"""(query, expert) as row and column."""


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        pairs: In the order of choice.
        cost: Their expected cost, in the unit of the costs given.
        full_cost: That of running every expert on every query.
    """

    pairs: tuple[Pair, ...]
    cost: float
    full_cost: float


def choose(
    beliefs: Sequence[Belief],
    X: Float64,
    costs: Float64,
    *,
    share: float,
    explore: float = 0.2,
    seed: int = 0,
    forced: Mapping[int, int] | None = None,
) -> Plan:
    """Choose pairs for a share of what running all would cost.

    Args:
        beliefs: One per expert.
        X: Inputs of the queries, shape (queries, d).
        costs: Expected cost of each pair, shape (queries, experts).
        share: 0..1 of the cost of all pairs that may be spent; 1 runs all. Where nothing costs anything, pairs count.
        explore: 0..1 of that money goes to pairs drawn by chance.
        seed: Of the chance.
        forced: Rows that need at least so many experts (for consensus), the cheapest ones.
    """
    if not costs.any():
        costs = np.ones_like(costs)
    full = float(costs.sum())
    every = [(row, column) for row in range(len(X)) for column in range(len(beliefs))]
    if share >= 1:
        return Plan(tuple(every), full, full)
    money = share * full
    taken: dict[Pair, None] = {}
    for row, count in (forced or {}).items():
        taken |= dict.fromkeys((row, int(column)) for column in np.argsort(costs[row], kind="stable")[:count])
    spent = sum(float(costs[pair]) for pair in taken)
    rng = np.random.default_rng(seed)
    # Query by query, so that every expert is drawn as often as any other, whatever it costs.
    for place in rng.permutation(len(every)):
        if spent >= money * explore:
            break
        pair = every[place]
        if pair not in taken and spent + costs[pair] <= money:
            taken[pair] = None
            spent += float(costs[pair])
    spent = _informative(taken, spent, money, [_Design(belief, X) for belief in beliefs], costs)
    return Plan(tuple(taken), spent, full)


def _informative(
    taken: dict[Pair, None], spent: float, money: float, designs: "Sequence[_Design]", costs: Float64
) -> float:
    """Take more pairs, always the one of most information per cost, while there is money; returns what all cost."""
    for row, column in taken:
        designs[column].observe(row)
    gains = np.stack([design.gains() for design in designs], axis=1) if len(costs) else np.zeros(costs.shape)
    price = np.maximum(costs, 1e-9 * float(costs.sum()))
    open_pairs = np.ones(costs.shape, dtype=bool)
    for pair in taken:
        open_pairs[pair] = False
    while True:
        value = np.where(open_pairs & (spent + costs <= money), gains / price, -1.0)
        row, column = divmod(int(value.argmax()), len(designs))
        if value[row, column] < 0:
            return spent
        taken[row, column] = None
        open_pairs[row, column] = False
        spent += float(costs[row, column])
        designs[column].observe(row)
        gains[:, column] = designs[column].gains()


class _Design:
    """One expert's covariance as queries are chosen for it, seen at all queries.

    Only X cov X' is kept and updated, never cov itself: C = X cov X' of shape (queries, queries).
    """

    def __init__(self, belief: Belief, X: Float64) -> None:
        self._mean = X @ belief.mean
        self._cov = X @ belief.cov @ X.T

    def gains(self) -> Float64:
        """How much each outcome would lower the mean variance of P(right) over all queries, shape (queries,)."""
        p = 1 / (1 + np.exp(-self._mean))
        slope = p * (1 - p)
        weight = slope / (1 + slope * np.maximum(self._cov.diagonal(), 0))
        return np.asarray(weight * (slope**2 @ self._cov**2) / len(p))

    def observe(self, row: int) -> None:
        """Shrink the covariance by the expected Fisher information p (1 - p) x x' of a query (Sherman-Morrison)."""
        v = float(max(self._cov[row, row], 0))
        p = 1 / (1 + np.exp(-self._mean[row] / np.sqrt(1 + np.pi * v / 8)))
        weight = p * (1 - p)
        column = self._cov[:, row].copy()
        self._cov -= np.outer(column, column) * (weight / (1 + weight * v))
