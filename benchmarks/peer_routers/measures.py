"""What `benchmarks/peers.py` says of a router: won, order, and what 99% and 95% of the reference's accuracy cost."""

from dataclasses import dataclass

import numpy as np

from leeroo.evaluation.crossval import frontier_areas, ordered
from leeroo.evaluation.metrics import hull, sweep

LEVELS = (0.99, 0.95)
RESAMPLES = 200


@dataclass(frozen=True)
class Pool:
    """One pool's outcomes, known and asked about.

    Attributes:
        scores: 0..1, shape (queries, experts).
        costs: USD, same shape.
        fold: Of each query asked about; -1 where it is only known, shape (queries,).
    """

    scores: np.ndarray
    costs: np.ndarray
    fold: np.ndarray


def table_figures(pools: list[Pool], predictions: list[np.ndarray], seed: int = 0) -> dict[str, object]:
    """Figures of one router on one table, over its pools.

    Args:
        pools: With the same queries asked about in all of them.
        predictions: By pool, of its asked queries, shape (asked, experts).
        seed: Of the resamples.

    Returns:
        won (and `won_samples`, one per resample), order, cost_99 and cost_95 as shares of the reference's cost.
    """
    areas, orders, costs = [], [], []
    for pool, predicted in zip(pools, predictions, strict=True):
        asked = pool.fold >= 0
        whole = np.full(pool.scores.shape, np.nan)
        whole[asked] = predicted
        rng = np.random.default_rng(seed)  # the same resamples of the same queries for every pool
        drawn = rng.multinomial(asked.sum(), np.full(asked.sum(), 1 / asked.sum()), size=RESAMPLES)
        weight = np.zeros((RESAMPLES + 1, len(asked)))
        weight[:, asked] = np.concatenate([np.ones((1, asked.sum())), drawn]) / asked.sum()
        areas.append(frontier_areas(pool.scores, pool.costs, whole, pool.fold, weight))
        orders.append(ordered(predicted, pool.scores[asked]))
        costs.append(_costs(pool, asked, predicted))
    router, fixed, oracle, _ = np.array(areas).sum(axis=0)
    won = (router - fixed) / np.maximum(oracle - fixed, 1e-9)
    return {
        "won": float(won[0]),
        # An oracle is luckier on resamples, which have fewer distinct queries: their spread counts, not their place.
        "won_samples": (won[0] + won[1:] - won[1:].mean()).tolist(),
        "order": float(np.nanmean(orders)),
        **{f"cost_{int(100 * level)}": float(np.mean([c[i] for c in costs])) for i, level in enumerate(LEVELS)},
    }


def _costs(pool: Pool, asked: np.ndarray, predicted: np.ndarray) -> list[float]:
    """Cost at each level, as a share of what always asking the reference costs.

    The reference is the expert that is best on the known queries. A router that does not reach the level at a lower
    price pays the reference's price: anyone can ask it always.
    """
    known = ~asked if (~asked).any() else asked
    reference = int(pool.scores[known].mean(axis=0).argmax())
    expected = np.broadcast_to(pool.costs[known].mean(axis=0), predicted.shape)
    scores, costs = pool.scores[asked], pool.costs[asked]
    edge = hull(sweep(np.asarray(predicted, float), expected, scores, costs))
    paid, reached = float(costs[:, reference].mean()), float(scores[:, reference].mean())
    found = []
    for level in LEVELS:
        goal = level * reached
        least = np.interp(goal, edge.accuracy, edge.cost) if goal <= edge.accuracy[-1] else paid
        found.append(min(1.0, float(least) / paid))
    return found
