"""How many outcomes a new expert needs: each expert is left out in turn and added from N of its outcomes.

The response model is fitted without the expert; the population of the others is its prior. On the plain encoder's
vectors this is strict: nothing has seen the expert. On the predictor's own vectors it is a little too kind, because
its encoder was fine-tuned on all experts' outcomes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.evaluation import metrics
from leeroo.evaluation.costs import experts_of
from leeroo.evaluation.intervals import Interval, bootstrap
from leeroo.evaluation.refit import Setting, Space
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.response import ResponsePredictor
from leeroo.training import traits
from leeroo.training.corpus import Corpus

Floats = npt.NDArray[np.float64]
SIZES: tuple[int | None, ...] = (0, 10, 30, 100, 300, None)


@dataclass(frozen=True)
class Newcomer:
    """What is gained from N outcomes, mean over the experts left out in turn.

    Attributes:
        table: The outcome table.
        space: Whose vectors (`leeroo.evaluation.refit.Space`).
        outcomes: N; None: all of the training part.
        auc: Of the new expert's predictions on the test part.
        auc_interval: 95%, over the test queries.
        ece: Expected calibration error of them.
        aiq: Mean accuracy of the whole pool's frontier, with the new expert in it.
        aiq_interval: 95%, over the test queries.
        aiq_best: The same when the pool's most accurate expert is the new one.
    """

    table: str
    space: Space
    outcomes: int | None
    auc: float
    auc_interval: Interval
    ece: float
    aiq: float
    aiq_interval: Interval
    aiq_best: float


def study(folder: str | Path, predictor: ResponsePredictor, space: Space, *, progress: bool = False) -> list[Newcomer]:
    """Leave each expert of a table out in turn.

    Args:
        folder: The outcome table.
        predictor: Whose latent traits, with `space` own.
        space: plain: strict; own: as served.
        progress: Show progress bars.
    """
    table = OutcomeTable.read(folder)
    setting = Setting.of(Corpus.read([folder]), predictor, space, progress=progress)
    parts, scores = setting.corpus.parts, table.scores.astype(np.float64)
    train, validation = parts == "train", parts == "validation"
    asked = (parts == "test") & ~np.isnan(scores).any(axis=1)
    truth, costs = scores[asked], table.costs[asked].astype(np.float64)
    expected = np.broadcast_to(np.nanmean(table.costs[train], axis=0).astype(np.float64), truth.shape)
    pools: dict[int | None, list[Floats]] = {size: [] for size in SIZES}
    for j in _tracked(range(len(table.experts)), progress):
        for size, pool in _added(setting, table, j, train, validation, asked).items():
            pools[size].append(pool)
    best = int(truth.mean(axis=0).argmax())
    return [_row(table.name, space, size, pools[size], truth, expected, costs, best) for size in SIZES]


def _added(
    setting: Setting,
    table: OutcomeTable,
    j: int,
    train: npt.NDArray[np.bool_],
    validation: npt.NDArray[np.bool_],
    asked: npt.NDArray[np.bool_],
) -> dict[int | None, Floats]:
    """Predictions of the whole pool, expert j fitted from N outcomes, by N."""
    others = np.arange(len(table.experts)) != j
    without = setting.fit(train, validation, others)
    experts = experts_of(table.experts, table.prices)
    pool = np.empty((int(asked.sum()), len(experts)))
    pool[:, others] = without.predict_vectors(
        setting.vectors[asked], [e for e, keep in zip(experts, others, strict=True) if keep]
    ).quality
    known = np.flatnonzero(train & ~np.isnan(table.scores[:, j]))
    known = np.random.default_rng(j).permutation(known)
    found = {}
    for size in SIZES:
        rows = known if size is None else known[:size]
        fitted = traits.fit(without, scores=table.scores[rows, j], vectors=setting.vectors[rows])
        whole = without.with_experts({table.experts[j]: fitted.arrays()})
        pool[:, j] = whole.predict_vectors(setting.vectors[asked], [experts[j]]).quality[:, 0]
        found[size] = pool.copy()
    return found


def _row(
    name: str,
    space: Space,
    size: int | None,
    pools: Sequence[Floats],
    truth: Floats,
    expected: Floats,
    costs: Floats,
    best: int,
) -> Newcomer:
    own = np.stack([pool[:, j] for j, pool in enumerate(pools)], axis=1)
    rows = np.arange(len(truth))
    picks = [metrics.choices(pool, expected, points=60) for pool in pools]
    paid, got = ([values[rows, pick] for pick in picks] for values in (costs, truth))
    span = (float(costs.mean(axis=0).min()), float(costs.mean(axis=0).max()))

    def areas(counts: Floats) -> list[float]:
        curves = (metrics.Curve(c @ counts, a @ counts) for c, a in zip(paid, got, strict=True))
        return [metrics.aiq(curve, *span) for curve in curves]

    def figures(sample: npt.NDArray[np.intp]) -> dict[str, float]:
        aucs = [metrics.auc(p, y) for p, y in zip(own[sample].T, truth[sample].T, strict=True)]
        counts = np.bincount(sample, minlength=len(truth)) / len(sample)
        return {"auc": float(np.nanmean(aucs)), "aiq": float(np.mean(areas(counts)))}

    now, sure = figures(rows), bootstrap(figures, len(truth), draws=60)
    errors = [metrics.calibration_error(p, y) for p, y in zip(own.T, truth.T, strict=True)]
    whole = areas(np.full(len(truth), 1 / len(truth)))
    return Newcomer(
        name, space, size, now["auc"], sure["auc"], float(np.mean(errors)), now["aiq"], sure["aiq"], whole[best]
    )


def markdown(rows: Sequence[Newcomer]) -> str:
    """The study as a table."""
    head = (
        "| table | vectors | outcomes | AUC | 95% | ECE | pool's AIQ | 95% | AIQ, the best expert being new |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(
        f"| {r.table} | {r.space} | {'all' if r.outcomes is None else r.outcomes} "
        f"| {r.auc:.3f} | {r.auc_interval[0]:.3f}-{r.auc_interval[1]:.3f} | {r.ece:.3f} "
        f"| {r.aiq:.3f} | {r.aiq_interval[0]:.3f}-{r.aiq_interval[1]:.3f} | {r.aiq_best:.3f} |"
        for r in rows
    )


def plot(rows: Sequence[Newcomer], path: Path) -> Path:
    """AUC of the new expert and the pool's AIQ against N, one line per table and kind of vectors."""
    from leeroo.evaluation.plots import COLOURS, canvas, save

    figure, left, right = canvas(9, 4, panels=2)
    ticks = [("all" if size is None else str(size)) for size in SIZES]
    tables = list(dict.fromkeys(r.table for r in rows))
    for (table, space), colour in zip(
        [(t, s) for t in tables for s in ("own", "plain")], [c for c in COLOURS for _ in range(2)], strict=False
    ):
        line = [r for r in rows if (r.table, r.space) == (table, space)]
        if not line:
            continue
        style = {"color": colour, "linestyle": "-" if space == "own" else "--", "marker": "o", "markersize": 4}
        label = f"{table}, {'own vectors' if space == 'own' else 'plain vectors'}"
        for axes, name in ((left, "auc"), (right, "aiq_best")):
            axes.plot(range(len(line)), [getattr(r, name) for r in line], label=label, **style)
        low, high = np.array([r.auc_interval for r in line]).T
        left.fill_between(range(len(line)), low, high, color=colour, alpha=0.1, linewidth=0)
    for axes, name in ((left, "AUC of the new expert"), (right, "AIQ of the pool, its best expert being new")):
        axes.set_xticks(range(len(SIZES)), ticks)
        axes.set_xlabel("outcomes of the new expert")
        axes.set_ylabel(name)
    left.legend(fontsize=7.5, frameon=False)
    return save(figure, path)


def _tracked(steps: Any, progress: bool) -> Any:
    if not progress:
        return steps
    from rich.progress import track

    return track(steps, description="leaving experts out")
