"""How sure the figures are: 95% intervals by drawing the queries again and again (Efron and Tibshirani 1993)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from leeroo.evaluation import metrics

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]


def bootstrap(
    figures: Callable[[npt.NDArray[np.intp]], dict[str, float]], queries: int, *, draws: int = 300, seed: int = 0
) -> dict[str, Interval]:
    """The middle 95% of each figure over samples of the queries, drawn with replacement.

    Args:
        figures: The figures of some queries, given their indices.
        queries: How many there are.
        draws: Number of samples.
        seed: Of the samples.

    Returns:
        By figure: 2.5% and 97.5% quantile. A cost that a sample never reaches counts as infinite.
    """
    rng = np.random.default_rng(seed)
    drawn = [figures(rng.integers(0, queries, queries)) for _ in range(draws)]
    found = {}
    for name in drawn[0]:
        values = np.sort(np.nan_to_num([one[name] for one in drawn], nan=np.inf))
        found[name] = (float(values[int(0.025 * draws)]), float(values[min(int(0.975 * draws), draws - 1)]))
    return found


class RoutingFigures:
    """The figures of one method on any sample of the queries, quickly: no choice depends on the sample.

    Args:
        predicted: Predicted quality, shape (queries, experts).
        expected: Expected cost, USD, same shape.
        scores: What came out, same shape.
        costs: What it cost, USD, same shape.
        ref: Column of the reference.
        weak: Column of the cheap expert of APGR and CPT.
    """

    def __init__(
        self, predicted: Floats, expected: Floats, scores: Floats, costs: Floats, *, ref: int, weak: int
    ) -> None:
        self._predicted, self._scores, self._costs = predicted, scores, costs
        self._ref, self._weak = ref, weak
        picks, rows = metrics.choices(predicted, expected, points=200), np.arange(len(predicted))
        self._picked_cost, self._picked_score = costs[rows, picks], scores[rows, picks]

    def __call__(self, rows: npt.NDArray[np.intp]) -> dict[str, float]:
        """auc, apgr, cpt50, cpt80, accuracy_at_reference_cost, cost_100, cost_99 and cost_95 of some queries."""
        counts = np.bincount(rows, minlength=len(self._scores)) / len(rows)
        curve = metrics.Curve(self._picked_cost @ counts, self._picked_score @ counts)
        ref_cost, ref_accuracy = counts @ self._costs[:, self._ref], counts @ self._scores[:, self._ref]
        predicted, scores = self._predicted[rows], self._scores[rows]
        weak, strong = scores[:, self._weak], scores[:, self._ref]
        advantage = predicted[:, self._ref] - predicted[:, self._weak]
        aucs = [metrics.auc(p, y) for p, y in zip(predicted.T, scores.T, strict=True)]
        return {
            "auc": float(np.nanmean(aucs)),
            "apgr": metrics.apgr(advantage, weak, strong),
            "cpt50": metrics.cpt(advantage, weak, strong, 0.5),
            "cpt80": metrics.cpt(advantage, weak, strong, 0.8),
            "accuracy_at_reference_cost": metrics.accuracy_at(curve, float(ref_cost)),
            **{
                f"cost_{share}": metrics.cost_at(curve, share / 100 * float(ref_accuracy)) / float(ref_cost)
                for share in (100, 99, 95)
            },
        }
