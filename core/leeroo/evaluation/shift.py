"""Far from home: routing on domains of which no outcome was fitted on, against the best fixed choice.

Each domain of a table is left out in turn: the response model is fitted on the others, and asked about this one. A
whole table may be left out too; of its experts only their mean score is known then, as if it were published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.evaluation import metrics
from leeroo.evaluation.costs import experts_of
from leeroo.evaluation.intervals import Interval, bootstrap
from leeroo.evaluation.metrics import default_choice
from leeroo.evaluation.refit import Setting, Space
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.predictor import Prediction
from leeroo.prediction.response import ResponsePredictor
from leeroo.training.corpus import Corpus

Floats = npt.NDArray[np.float64]
LEAST = 30
"""Domains with fewer queries are not left out on their own."""


@dataclass(frozen=True)
class Away:
    """Routing on a domain left out.

    Attributes:
        domain: Its name, or the table's, or "all": every query, each asked of the model without its domain.
        space: Whose vectors (`leeroo.evaluation.refit.Space`).
        queries: How many were asked.
        novelty: Mean novelty of them.
        auc: Mean over experts.
        ece: Mean over experts.
        chance_ece: What chance alone would show.
        fixed: Accuracy of the expert that is best on the other domains.
        routed: Accuracy of always taking the best predicted.
        gain: 95% interval of routed - fixed.
        default: Accuracy of the default rule.
        default_cost: Its cost, as a share of the fixed choice's.
        frontier: Mean accuracy of the router's frontier (AIQ).
        fixed_frontier: The same of fixed choices: what the experts' means on the other domains give.
    """

    domain: str
    space: Space
    queries: int
    novelty: float
    auc: float
    ece: float
    chance_ece: float
    fixed: float
    routed: float
    gain: Interval
    default: float
    default_cost: float
    frontier: float
    fixed_frontier: float


@dataclass(frozen=True)
class _Asked:
    """Queries that were asked, with what was predicted and what came out."""

    predicted: Floats
    novelty: Floats
    prior: Floats
    scores: Floats
    costs: Floats
    expected: Floats


def leave_domains_out(
    folder: str | Path, predictor: ResponsePredictor, space: Space, *, progress: bool = False
) -> list[Away]:
    """Leave each domain of a table out in turn; the last row is all of them together.

    Args:
        folder: The outcome table. Nothing else is fitted on.
        predictor: Whose latent traits, with `space` own; then only queries its training did not see are asked.
        space: plain or own.
        progress: Show a progress line.
    """
    table = OutcomeTable.read(folder)
    setting = Setting.of(Corpus.read([folder]), predictor, space, progress=progress)
    parts, domains = setting.corpus.parts, np.array(table.domains)
    answered = ~np.isnan(table.scores).any(axis=1)
    experts = experts_of(table.experts, table.prices)
    names = [name for name in sorted(set(table.domains)) if (domains == name).sum() >= LEAST]
    rows, all_asked = [], []
    for name in names:
        outside = domains != name
        fitted = setting.fit(outside & (parts != "validation"), outside & (parts == "validation"))
        at = ~outside & answered & ((parts != "train") | (space == "plain"))
        prior = fitted.artifact.arrays["prior"].astype(np.float64)
        asked = _asked(fitted.predict_vectors(setting.vectors[at], experts), prior, table, at, outside)
        all_asked.append(asked)
        rows.append(_row(name, space, asked))
    together = _Asked(*(np.concatenate([getattr(one, f) for one in all_asked]) for f in _Asked.__dataclass_fields__))
    return [*rows, _row("all", space, together)]


def leave_table_out(
    folder: str | Path,
    others: Sequence[str | Path],
    predictor: ResponsePredictor,
    space: Space,
    *,
    progress: bool = False,
) -> Away:
    """Fit on other tables only; of this one's experts the mean score on its training part is known, no more.

    Args:
        folder: The outcome table left out; its test and validation parts are asked.
        others: The tables fitted on.
        predictor: As for `leave_domains_out`.
        space: plain or own.
        progress: Show a progress line.
    """
    table = OutcomeTable.read(folder)
    setting = Setting.of(Corpus.read(others), predictor, space, progress=progress)
    parts = setting.corpus.parts
    fitted = setting.fit(parts != "validation", parts == "validation")
    away = Setting.of(Corpus.read([folder]), predictor, space, progress=progress)
    at = (away.corpus.parts != "train") & ~np.isnan(table.scores).any(axis=1)
    known = away.corpus.parts == "train"
    prior = np.nanmean(table.scores[known], axis=0).astype(np.float64)
    experts = [
        expert.model_copy(update={"benchmark": {table.name: float(mean)}})
        for expert, mean in zip(experts_of(table.experts, table.prices), prior, strict=True)
    ]
    return _row(table.name, space, _asked(fitted.predict_vectors(away.vectors[at], experts), prior, table, at, known))


def _asked(
    found: Prediction, prior: Floats, table: OutcomeTable, at: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]
) -> _Asked:
    scores, costs = table.scores[at].astype(np.float64), table.costs[at].astype(np.float64)
    mean_cost = np.nanmean(table.costs[known], axis=0).astype(np.float64)
    return _Asked(
        predicted=found.quality.astype(np.float64),
        novelty=found.novelty.astype(np.float64),
        prior=np.broadcast_to(prior, scores.shape),
        scores=scores,
        costs=costs,
        expected=np.broadcast_to(mean_cost, scores.shape),
    )


def _row(domain: str, space: Space, a: _Asked) -> Away:
    rows = np.arange(len(a.scores))
    fixed, routed = a.prior.argmax(axis=1), a.predicted.argmax(axis=1)
    default = default_choice(a.predicted, a.expected)
    gained = a.scores[rows, routed] - a.scores[rows, fixed]
    span = (float(a.costs.mean(axis=0).min()), float(a.costs.mean(axis=0).max()))
    router, constant = (metrics.sweep(p, a.expected, a.scores, a.costs, points=200) for p in (a.predicted, a.prior))
    columns = list(zip(a.predicted.T, a.scores.T, strict=True))
    return Away(
        domain=domain,
        space=space,
        queries=len(a.scores),
        novelty=float(a.novelty.mean()),
        auc=float(np.nanmean([metrics.auc(p, y) for p, y in columns])),
        ece=float(np.mean([metrics.calibration_error(p, y) for p, y in columns])),
        chance_ece=float(np.mean([metrics.chance_calibration_error(p, y) for p, y in columns])),
        fixed=float(a.scores[rows, fixed].mean()),
        routed=float(a.scores[rows, routed].mean()),
        gain=bootstrap(lambda at: {"gain": float(gained[at].mean())}, len(gained))["gain"],
        default=float(a.scores[rows, default].mean()),
        default_cost=float(a.costs[rows, default].sum() / a.costs[rows, fixed].sum()),
        frontier=metrics.aiq(router, *span),
        fixed_frontier=metrics.aiq(constant, *span),
    )


def markdown(rows: Sequence[Away]) -> str:
    """The study as a table."""
    head = (
        "| left out | vectors | queries | novelty | AUC | ECE (by chance) | best fixed choice | best predicted "
        "| 95% of the gain | default rule | its cost | AIQ, fixed choices | AIQ, routed |\n" + "|---" * 13 + "|\n"
    )
    return head + "\n".join(
        f"| {r.domain} | {r.space} | {r.queries} | {r.novelty:.2f} | {r.auc:.3f} | {r.ece:.3f} ({r.chance_ece:.3f}) "
        f"| {r.fixed:.3f} | {r.routed:.3f} | {r.gain[0]:+.3f} to {r.gain[1]:+.3f} | {r.default:.3f} "
        f"| {r.default_cost:.2f} | {r.fixed_frontier:.3f} | {r.frontier:.3f} |"
        for r in rows
    )
