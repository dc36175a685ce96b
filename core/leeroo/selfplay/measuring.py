"""How good a predictor, and a router on it, are on a run's held-out part."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from leeroo.budget import Budget
from leeroo.evaluation.metrics import sweep
from leeroo.evaluation.promotion import judge
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.pool.pool import Pool
from leeroo.prediction.predictor import Prediction
from leeroo.prediction.response import ResponsePredictor
from leeroo.query import Query
from leeroo.routing.router import Router
from leeroo.selfplay.items import Float32

POINTS = 60
"""Of the curve of accuracy against cost."""


def measure(
    predictor: ResponsePredictor, pool: Pool, held_out: OutcomeTable, budget: Budget, vectors: Float32 | None = None
) -> dict[str, Any]:
    """Figures of a predictor on outcomes that it did not learn from, JSON-safe.

    Args:
        predictor: Who is measured.
        pool: The experts, as columns of the table.
        held_out: The held-out outcomes.
        budget: The rule by which the router chooses.
        vectors: Of the held-out queries by the predictor's encoder, if at hand, shape (queries, width).

    Returns:
        `log_loss`, `auc`, `ece`, `experts` (see `leeroo.evaluation.promotion.judge`), `routing` (accuracy, cost in USD
        per query, and share of each expert), and `curve` ([cost, accuracy] for every willingness to pay), the last two
        on queries that every expert answered.
    """
    vectors = predictor.encode(held_out.queries) if vectors is None else vectors
    figures = judge(predictor, held_out, vectors=vectors).figures
    rows = np.flatnonzero(~np.isnan(held_out.scores).any(axis=1))
    if not len(rows):
        return figures
    table = held_out.take(rows)
    scores, costs = table.scores.astype(np.float64), table.costs.astype(np.float64)
    predicted = predictor.predict_vectors(vectors[rows], list(pool))
    router = Router(pool, predictor=_Known(table.queries, predicted))
    picks = []
    for query in table.queries:
        decision = router.decide(Query(text=query, prompt=query), budget)
        picks.append(table.experts.index(decision.expert.name))
    at = np.arange(len(rows))
    expected = (table.prompt_tokens * table.prices[:, 0] + predicted.output_tokens * table.prices[:, 1]) / 1e6
    curve = sweep(predicted.quality.astype(np.float64), expected.astype(np.float64), scores, costs, POINTS)
    points = sorted({(float(c), float(a)) for c, a in zip(curve.cost, curve.accuracy, strict=True)})
    return {
        **figures,
        "routing": {
            "queries": len(rows),
            "accuracy": float(scores[at, picks].mean()),
            "cost": float(costs[at, picks].mean()),
            "shares": {name: picks.count(j) / len(picks) for j, name in enumerate(table.experts)},
        },
        "curve": [[cost, accuracy] for cost, accuracy in points],
    }


class _Known:
    """A predictor that has its predictions at hand.

    Args:
        queries: Their texts.
        found: What was predicted of them.
    """

    def __init__(self, queries: Sequence[str], found: Prediction) -> None:
        self._row_of = {query: row for row, query in enumerate(queries)}
        self._found = found

    def predict(self, queries: Sequence[str], experts: Sequence[Expert]) -> Prediction:
        """The rows of the queries."""
        rows = [self._row_of[query] for query in queries]
        found = self._found
        return Prediction(found.quality[rows], found.output_tokens[rows], found.novelty[rows], found.sources)


def always(held_out: OutcomeTable) -> dict[str, dict[str, float]]:
    """Accuracy and cost (USD per query) of each expert alone, and of the oracle, where every expert answered."""
    rows = ~np.isnan(held_out.scores).any(axis=1)
    scores, costs = held_out.scores[rows].astype(np.float64), held_out.costs[rows].astype(np.float64)
    if not len(scores):
        return {}
    found = {
        name: {"accuracy": float(scores[:, j].mean()), "cost": float(costs[:, j].mean())}
        for j, name in enumerate(held_out.experts)
    }
    # The cheapest of the best on every query: what no router can pass.
    best = np.argmin(np.where(scores >= scores.max(axis=1, keepdims=True), costs, np.inf), axis=1)
    at = np.arange(len(scores))
    return {**found, "oracle": {"accuracy": float(scores[at, best].mean()), "cost": float(costs[at, best].mean())}}
