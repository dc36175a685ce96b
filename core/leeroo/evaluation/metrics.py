"""The numbers that judge a router. NumPy only.

Shapes: scores and predictions (queries, experts); costs (queries, experts) in USD.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
TOLERANCE = 0.02
"""Of the default rule: the cheapest expert within this of the best predicted quality."""


@dataclass(frozen=True)
class Curve:
    """Accuracy against cost, one point per willingness to pay, cheapest first.

    Attributes:
        cost: Mean USD per query, shape (points,).
        accuracy: Mean score, shape (points,).
    """

    cost: Floats
    accuracy: Floats


def auc(predicted: Floats, scores: Floats) -> float:
    """P(a right answer was predicted higher than a wrong one); ties count half. NaN when one kind is missing.

    The area under the ROC curve, by the ranks of the right answers (Mann and Whitney 1947).

    Args:
        predicted: 0..1, any shape; for an expert's AUC, its column, shape (queries,).
        scores: 0..1, NaN where unknown, same shape; scores between 0 and 1 count as right from 0.5 on.
    """
    known = ~np.isnan(scores)
    p, y = predicted[known], scores[known] >= 0.5
    right, wrong = int(y.sum()), int((~y).sum())
    if not right or not wrong:
        return float("nan")
    _, inverse, counts = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[y].sum() - right * (right + 1) / 2) / (right * wrong))


def calibration_error(predicted: Floats, scores: Floats, bins: int = 10) -> float:
    """Expected calibration error over equally filled bins (Nixon et al. 2019, adaptive calibration error).

    sum over bins of n / N x |mean prediction - mean score|; NaN when no score is known.

    Args:
        predicted: 0..1, any shape; for an expert's, its column, shape (queries,).
        scores: 0..1, NaN where unknown, same shape.
        bins: How many; equal predictions stay in one.
    """
    known = ~np.isnan(scores)
    p, y = predicted[known], scores[known]
    if not len(p):
        return float("nan")
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    bin_of = np.searchsorted(edges, p, side="right")  # equal predictions stay together
    gaps = np.bincount(bin_of, weights=p - y, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def chance_calibration_error(predicted: Floats, scores: Floats, *, draws: int = 40, seed: int = 0) -> float:
    """What `calibration_error` would be on average, were every prediction exactly right: the floor of so few outcomes.

    Args:
        predicted: 0..1, any shape.
        scores: Of which only is looked at where they are known, same shape.
        draws: Outcomes are drawn from the predictions this often.
        seed: Of the draws.
    """
    told = predicted[~np.isnan(scores)]
    if not len(told):
        return float("nan")
    rng = np.random.default_rng(seed)
    return float(
        np.mean([calibration_error(told, (rng.random(len(told)) < told).astype(np.float64)) for _ in range(draws)])
    )


def reliability(predicted: Floats, scores: Floats, bins: int = 10) -> Floats:
    """The reliability diagram: what came out against what was predicted, lowest predictions first.

    Args:
        predicted: 0..1, any shape.
        scores: 0..1, NaN where unknown, same shape.
        bins: How many, equally filled.

    Returns:
        Rows of (mean prediction, mean score, outcomes), shape (bins, 3); fewer rows than bins when outcomes are fewer.
    """
    known = ~np.isnan(scores)
    order = np.argsort(predicted[known], kind="stable")
    p, y = predicted[known][order], scores[known][order]
    parts = [part for part in np.array_split(np.arange(len(p)), bins) if len(part)]
    return np.array([(p[part].mean(), y[part].mean(), len(part)) for part in parts]).reshape(-1, 3)


def calls_curve(advantage: Floats, weak: Floats, strong: Floats) -> Floats:
    """Performance gap recovered against the share of strong calls, shape (queries + 1,) (RouteLLM, section 3.2).

    NaN when the two experts score the same.

    Args:
        advantage: Predicted advantage of the strong expert, shape (queries,); the largest are sent to it first.
        weak: The weak expert's scores, shape (queries,).
        strong: The strong expert's scores, shape (queries,).
    """
    order = np.argsort(-advantage, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((strong - weak)[order])])
    gap = float((strong - weak).sum())
    return np.asarray(gained / gap) if gap else np.full(len(gained), np.nan)


def apgr(advantage: Floats, weak: Floats, strong: Floats) -> float:
    """Average performance gap recovered over all shares of strong calls (RouteLLM, eq. 5); arguments of `calls_curve`.

    0.5 is what sending calls to the strong expert by chance recovers.
    """
    curve = calls_curve(advantage, weak, strong)
    return float((curve[1:] + curve[:-1]).mean() / 2)


def cpt(advantage: Floats, weak: Floats, strong: Floats, share: float) -> float:
    """Call-performance threshold: the least share of strong calls that recovers a share of the gap (RouteLLM).

    Args:
        advantage: As in `calls_curve`.
        weak: As in `calls_curve`.
        strong: As in `calls_curve`.
        share: 0..1 of the gap.

    Returns:
        0..1; 1 when no smaller share of calls reaches it.
    """
    reached = np.flatnonzero(calls_curve(advantage, weak, strong) >= share - 1e-12)
    return float(reached[0] / len(weak)) if len(reached) else 1.0


def choices(predicted: Floats, expected_cost: Floats, points: int = 400) -> npt.NDArray[np.intp]:
    """The expert with the largest predicted quality - price x expected cost, for log-spaced prices of a dollar.

    Args:
        predicted: Predicted quality, 0..1, shape (queries, experts).
        expected_cost: USD, same shape.
        points: Number of prices.

    Returns:
        Shape (points + 1, queries), from always the cheapest to always the best predicted.
    """
    scale = float(np.mean(expected_cost.max(axis=1))) or 1.0
    prices = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, points) / scale])[::-1]
    return np.array([np.argmax(predicted - price * expected_cost, axis=1) for price in prices])


def sweep(predicted: Floats, expected_cost: Floats, scores: Floats, costs: Floats, points: int = 400) -> Curve:
    """Route by the largest predicted quality x willingness to pay - expected cost, for every willingness.

    Args:
        predicted: Predicted quality, 0..1, shape (queries, experts).
        expected_cost: USD as known before the call, same shape.
        scores: What came out, 0..1, same shape.
        costs: USD that it cost, same shape.
        points: Number of willingnesses, log-spaced between always cheapest and always best.
    """
    picks, rows = choices(predicted, expected_cost, points), np.arange(len(predicted))
    cost, accuracy = costs[rows, picks].mean(axis=1), scores[rows, picks].mean(axis=1)
    order = np.lexsort((accuracy, cost))
    return Curve(cost[order], accuracy[order])


def cost_at(curve: Curve, accuracy: float) -> float:
    """The least cost on the curve that reaches an accuracy; NaN when none does."""
    reached = curve.accuracy >= accuracy - 1e-12
    return float(curve.cost[reached].min()) if reached.any() else float("nan")


def accuracy_at(curve: Curve, cost: float) -> float:
    """The best accuracy on the curve for at most a cost; NaN when all points cost more."""
    paid = curve.cost <= cost + 1e-15
    return float(curve.accuracy[paid].max()) if paid.any() else float("nan")


def on_hull(cost: Floats, accuracy: Floats) -> list[int]:
    """Which points make the non-decreasing convex hull, by cost."""
    kept: list[int] = []
    for i in np.lexsort((-accuracy, cost)).tolist():
        if kept and accuracy[i] <= accuracy[kept[-1]]:
            continue
        while len(kept) >= 2 and (accuracy[kept[-1]] - accuracy[kept[-2]]) * (cost[i] - cost[kept[-2]]) <= (
            accuracy[i] - accuracy[kept[-2]]
        ) * (cost[kept[-1]] - cost[kept[-2]]):
            kept.pop()
        kept.append(i)
    return kept


def hull(curve: Curve) -> Curve:
    """The non-decreasing convex hull: what mixing neighbouring points by chance reaches (RouterBench, section 3.1)."""
    kept = on_hull(curve.cost, curve.accuracy)
    return Curve(curve.cost[kept], curve.accuracy[kept])


def aiq(curve: Curve, low: float, high: float) -> float:
    """Average improvement in quality: the hull's mean accuracy over a range of costs (RouterBench, eq. 6).

    Args:
        curve: A router's.
        low: USD per query where the range begins; costs below the curve's cheapest point count with accuracy 0.
        high: Where it ends. NaN is returned when it is not above `low`.
    """
    if high <= low:
        return float("nan")
    at = np.linspace(low, high, 512)
    edge = hull(curve)
    return float(np.interp(at, edge.cost, edge.accuracy, left=0.0).mean())


def default_choice(predicted: Floats, expected: Floats) -> npt.NDArray[np.intp]:
    """The cheapest expert within `TOLERANCE` of the best predicted quality, shape (queries,)."""
    adequate = predicted >= predicted.max(axis=1, keepdims=True) - TOLERANCE
    return np.asarray(np.where(adequate, expected, np.inf).argmin(axis=1))
