"""What routing wins on whole tables, cross-validated: won, order and calibration beside the best simple baselines.

    won = (router - fixed) / (oracle - fixed)

areas under the frontier of accuracy against cost over seeded pools of priced experts, where `fixed` is the hull of
single experts chosen on the other folds, and mixed. The router weighs what each call is expected to cost, as it does
when it serves; `won_by_means` is what it wins where it is told each expert's mean cost only. `order` is the share of
expert pairs with different scores on a query that a prediction puts in the right order. Every query is predicted by a
fit that saw neither it nor another version of its stem; the encoder is the artifact's and is not fitted here.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.evaluation.baselines import expert_means, nearest_chosen
from leeroo.evaluation.metrics import calibration_error, hull, on_hull, sweep
from leeroo.outcomes.table import OutcomeTable, stem_key

Float32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
FOLDS, POOLS, RESAMPLES = 5, 300, 40
MOSTLY = 0.95
"""An expert that answered a larger share of a table's queries is one of the pool of all."""
_GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Gain:
    """What one method reaches on one table.

    Attributes:
        table: The table's name.
        method: leeroo, or a baseline.
        won: Share of what routing could win over fixed choices; NaN where the table has no pools with prices.
        low: Lower end of its 95% interval, over queries.
        high: Upper end.
        order: Share of expert pairs in the right order.
        ece: Expected calibration error of all predictions.
        pools: How many pools `won` was measured on.
        at_99: Share of the best expert's cost that reaches 99% of its score, choosing from all experts with prices;
            NaN where nothing does.
        at_95: The same for 95%.
        won_by_means: `won` where a call is expected to cost what the expert's calls cost on average.
        over_knn: How much more is won than by kNN, with the ends of its 95% interval; see `more_won`.
        draws: `won` of each resampling of the queries.
    """

    table: str
    method: str
    won: float
    low: float
    high: float
    order: float
    ece: float
    pools: int
    at_99: float = float("nan")
    at_95: float = float("nan")
    won_by_means: float = float("nan")
    over_knn: tuple[float, float, float] | None = None
    draws: tuple[float, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, without the draws."""
        return {key: None if value != value else value for key, value in asdict(self).items() if key != "draws"}


def more_won(one: Gain, other: Gain) -> tuple[float, float, float]:
    """How much more one method wins than another, and the ends of the 95% interval.

    Both must have been measured on the same table with the same seed: then pools and resamplings are the same, and
    what is hard about either is hard for both. The interval is normal: dozens of resamplings tell a deviation, not
    their own 2.5%.
    """
    gap = one.won - other.won
    reach = 1.96 * float(np.std(np.subtract(one.draws, other.draws), ddof=1)) if one.draws else float("nan")
    return gap, gap - reach, gap + reach


def folds_of(queries: Sequence[str], folds: int = FOLDS) -> npt.NDArray[np.int64]:
    """The fold of each query, by the hash of its stem."""
    return np.array([int(stem_key(query)[:8], 16) % folds for query in queries], dtype=np.int64)


def without_stems_of(queries: Sequence[str], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mask of the queries that are no version of any of `rows`."""
    stems = [stem_key(query) for query in queries]
    mine = {stems[i] for i in rows}
    return np.array([stem not in mine for stem in stems])


def gain(
    table: OutcomeTable,
    predicted: Floats,
    method: str,
    *,
    expected: Floats | None = None,
    pools: int = POOLS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Gain:
    """Measure cross-validated predictions on a table.

    Args:
        table: The outcomes.
        predicted: Shape (queries, experts).
        method: Its name.
        expected: USD that each call is expected to cost, same shape; each expert's mean where None.
        pools: Pools to draw.
        resamples: Resamplings of queries for the interval.
        seed: Of the pools and resamplings.

    Raises:
        ConfigError: The table has fewer than two experts.
    """
    if len(table.experts) < 2:
        raise ConfigError(f"{table.name}: routing needs outcomes of at least two experts.")
    scores, costs = table.scores.astype(np.float64), table.costs.astype(np.float64)
    areas = _pools_areas(scores, costs, predicted, expected, folds_of(table.queries), pools, resamples, seed)
    known = ~np.isnan(scores)
    won, by_means = np.full(resamples + 1, np.nan), np.full(resamples + 1, np.nan)
    if len(areas):
        router, fixed, oracle, router_by_means = areas.sum(axis=0)
        won, by_means = ((area - fixed) / np.maximum(oracle - fixed, 1e-9) for area in (router, router_by_means))
    return Gain(
        table=table.name,
        method=method,
        won=float(won[0]),
        # Resamples have fewer distinct queries, on which an oracle is luckier: their spread counts, not their place.
        low=float(won[0] + np.quantile(won[1:], 0.025) - won[1:].mean()),
        high=float(won[0] + np.quantile(won[1:], 0.975) - won[1:].mean()),
        order=ordered(predicted, scores),
        ece=calibration_error(predicted[known], scores[known]),
        pools=len(areas),
        at_99=least_cost(predicted, scores, costs, 0.99, expected),
        at_95=least_cost(predicted, scores, costs, 0.95, expected),
        won_by_means=float(by_means[0]),
        draws=tuple(won[1:].tolist()),
    )


def _pools_areas(
    scores: Floats,
    costs: Floats,
    predicted: Floats,
    expected: Floats | None,
    fold: npt.NDArray[np.int64],
    pools: int,
    resamples: int,
    seed: int,
) -> Floats:
    """`frontier_areas` of each drawn pool that enough queries have all outcomes of, shape (pools, 4, resamples + 1)."""
    rng = np.random.default_rng(seed)
    # One resampling of the queries for all pools: they share them.
    drawn = rng.multinomial(len(scores), np.full(len(scores), 1 / len(scores)), size=resamples).astype(np.float64)
    drawn = np.concatenate([np.ones((1, len(scores))), drawn])
    areas = []
    for pool in drawn_pools(costs, pools, rng):
        rows = np.flatnonzero(~(np.isnan(scores[:, pool]) | np.isnan(costs[:, pool])).any(axis=1))
        if len(rows) >= min(60, len(scores) / 2):
            weight = drawn[:, rows] / drawn[:, rows].sum(axis=1, keepdims=True)
            block = np.ix_(rows, pool)
            told = None if expected is None else expected[block]
            areas.append(frontier_areas(scores[block], costs[block], predicted[block], fold[rows], weight, told))
    return np.array(areas)


def least_cost(predicted: Floats, scores: Floats, costs: Floats, share: float, expected: Floats | None = None) -> float:
    """Share of the best expert's cost at which a share of its score is reached, all experts with prices in one pool.

    Args:
        predicted: Shape (queries, experts).
        scores: The same shape, NaN where unknown; so are `costs`.
        costs: USD.
        share: Of the best expert's mean score, 0..1.
        expected: USD that each call is expected to cost, same shape; each expert's mean where None.

    Returns:
        NaN where nothing reaches it, or where fewer than two experts answered nearly all queries.
    """
    known = ~(np.isnan(scores) | np.isnan(costs))
    pool = np.flatnonzero(known.mean(axis=0) > MOSTLY)
    rows = np.flatnonzero(known[:, pool].all(axis=1))
    if len(pool) < 2 or not len(rows):
        return float("nan")
    quality, paid, truth = (values[np.ix_(rows, pool)] for values in (predicted, costs, scores))
    best = int(truth.mean(axis=0).argmax())
    told = np.broadcast_to(paid.mean(axis=0), paid.shape) if expected is None else expected[np.ix_(rows, pool)]
    curve = hull(sweep(quality, told, truth, paid))
    wanted, reached = share * truth[:, best].mean(), curve.accuracy
    if reached.max() < wanted:
        return float("nan")
    # Between two points of the hull lie mixtures of both.
    return float(np.interp(wanted, reached, curve.cost) / paid[:, best].mean())


def drawn_pools(costs: Floats, count: int, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Pools of 2 to 5 priced experts whose dearest costs at least four times the cheapest."""
    with np.errstate(invalid="ignore"):
        known = (~np.isnan(costs)).sum(axis=0)
        mean = np.where(known > 0, np.nansum(costs, axis=0) / np.maximum(known, 1), np.nan)
    priced = np.flatnonzero(mean > 0)
    found: list[npt.NDArray[np.int64]] = []
    for _ in range(count * 50 if len(priced) >= 2 else 0):
        size = int(rng.integers(2, min(5, len(priced)) + 1))
        pool = np.sort(rng.choice(priced, size, replace=False))
        if mean[pool].max() >= 4 * mean[pool].min():
            found.append(pool)
        if len(found) == count:
            break
    return found


def ordered(predicted: Floats, scores: Floats) -> float:
    """Share of pairs of experts with different scores on a query that are predicted in that order; ties are half."""
    right = total = 0.0
    for i in range(1, scores.shape[1]):
        gap = scores[:, [i]] - scores[:, :i]
        told = np.sign(predicted[:, [i]] - predicted[:, :i]) * np.sign(gap)
        counted = ~np.isnan(gap) & (gap != 0)
        right += float(((told > 0) + 0.5 * (told == 0))[counted].sum())
        total += float(counted.sum())
    return right / total if total else float("nan")


def frontier_areas(
    scores: Floats,
    costs: Floats,
    predicted: Floats,
    fold: npt.NDArray[np.int64],
    weight: Floats,
    expected: Floats | None = None,
) -> Floats:
    """Areas of router, fixed choices, oracle, and router by mean costs, shape (4, resamples).

    Areas are taken between the cheapest and the dearest expert.

    Args:
        scores: 0..1, shape (queries, experts); nothing is missing.
        costs: USD, same shape.
        predicted: Predicted quality, same shape; it may be NaN where all weights are 0.
        fold: Shape (queries,). Fixed choices for a fold are made on all other folds.
        weight: How much a query counts, shape (resamples, queries), each row summing to 1. A query that is only known
            and not asked about has 0 in all.
        expected: USD that each call is expected to cost, same shape; each expert's mean where None.
    """
    mean = costs.mean(axis=0)
    low, high = float(mean.min()), float(mean.max())
    prices = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 48)]) / (high - low)
    rows = np.arange(len(scores))

    def curves(quality: Floats, cost: Floats) -> tuple[Floats, Floats]:
        chosen = np.array([(quality - price * cost).argmax(axis=1) for price in prices])
        return costs[rows, chosen] @ weight.T, scores[rows, chosen] @ weight.T

    by_means = curves(predicted, np.broadcast_to(mean, costs.shape))
    spans = {0: by_means if expected is None else curves(predicted, expected), 2: curves(scores, costs), 3: by_means}
    fixed = np.zeros((len(weight), len(_GRID)))
    for number in np.unique(fold):
        here = fold == number
        names = (
            on_hull(costs[~here].mean(axis=0), scores[~here].mean(axis=0)) if not here.all() else [int(mean.argmin())]
        )
        order = sorted(names, key=lambda j: mean[j])
        for b, w in enumerate(weight):
            part = w[here]
            if part.sum():
                reached = (part @ scores[here][:, order]) / part.sum()
                fixed[b] += part.sum() * np.interp(_GRID, (mean[order] - low) / (high - low), reached)
    found = np.zeros((4, len(weight)))
    found[1] = np.trapezoid(fixed, _GRID, axis=1)
    for place, span in spans.items():
        for b in range(len(weight)):
            at = on_hull(span[0][:, b], span[1][:, b])
            x = (span[0][at, b] - low) / (high - low)
            found[place, b] = np.trapezoid(np.interp(_GRID, x, span[1][at, b]), _GRID)
    return found


def _fixed_means(_: Float32, scores: Floats, asked: Float32) -> Floats:
    """The baseline that knows no query: each expert's mean score."""
    return np.tile(expert_means(scores), (len(asked), 1))


BASELINES: dict[str, Callable[[Float32, Floats, Float32], Floats]] = {
    "fixed means": _fixed_means,
    "kNN": nearest_chosen,
}
"""(vectors and scores known, vectors asked about) -> predicted quality, shape (queries, experts)."""
