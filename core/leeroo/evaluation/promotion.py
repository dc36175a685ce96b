"""A candidate takes the place of the version in use only where it predicts held-out outcomes no worse."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.evaluation import metrics
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.artifact import read_manifest, source_key
from leeroo.prediction.response import ResponsePredictor, load
from leeroo.prediction.versions import Version, Versions

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judgement:
    """How well a predictor foretold held-out outcomes.

    Attributes:
        losses: Cross entropy of each query's outcomes, mean over its experts, shape (queries,).
        figures: queries, held_out (the table's hash), log_loss, auc, ece, and the same by expert; JSON-safe.
    """

    losses: Floats
    figures: dict[str, Any]


@dataclass(frozen=True)
class Promotion:
    """What became of a candidate.

    Attributes:
        version: The candidate as a version; it is kept even where it is not put to use.
        promoted: Whether it is in use now.
        loss: Its cross entropy on the held-out part.
        before: That of the version in use until then, None where there was none.
        deviation: Standard error of the difference between the two, over queries.
    """

    version: Version
    promoted: bool
    loss: float
    before: float | None
    deviation: float

    @property
    def reason(self) -> str:
        """The verdict in words."""
        if self.before is None:
            return f"{self.version.id} is in use: the first version, held-out loss {self.loss:.4f}"
        change = f"held-out loss {self.before:.4f} -> {self.loss:.4f} (± {self.deviation:.4f})"
        return (
            f"{self.version.id} is in use: {change}" if self.promoted else f"{self.version.id} is kept back: {change}"
        )


def promote(
    versions: Versions,
    candidate: str | Path,
    held_out: OutcomeTable,
    *,
    slack: float = 0.0,
    parent: str | None = None,
    note: str = "",
) -> Promotion:
    """Add a candidate as a version, and put it to use when it is no worse than the version in use.

    Both are judged here, on the same outcomes; figures that were kept from an earlier held-out part do not count.

    Args:
        versions: The folder of versions.
        candidate: The candidate's folder.
        held_out: Outcomes that neither learned from.
        slack: Cross entropy, in nats, by which the candidate may be worse.
        parent: Id of the version that it was made from; the one in use when None.
        note: A few words for the version.

    Raises:
        ConfigError: The candidate is damaged, or the held-out part has no outcome.
    """
    current = versions.current()
    new = load(candidate)
    vectors = new.encode(held_out.queries) if len(held_out) else None
    judged = judge(new, held_out, vectors=vectors)
    before: float | None = None
    worse, deviation = 0.0, 0.0
    if current is not None:
        same = source_key(read_manifest(current.folder)) == source_key(read_manifest(Path(candidate)))
        old = judge(load(current.folder), held_out, vectors=vectors if same else None)
        gaps = judged.losses - old.losses
        before, worse = float(old.losses.mean()), float(gaps.mean())
        deviation = float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else 0.0
    version = versions.add(candidate, parent=parent, figures=judged.figures, note=note)
    promoted = worse <= slack
    if promoted:
        versions.use(version.id)
    return Promotion(version, promoted, float(judged.losses.mean()), before, deviation)


def judge(
    predictor: ResponsePredictor, held_out: OutcomeTable, *, vectors: npt.NDArray[np.float32] | None = None
) -> Judgement:
    """Measure a predictor on outcomes that it did not learn from.

    Args:
        predictor: Who is judged.
        held_out: The outcomes; experts that the predictor does not know are predicted as it would serve them.
        vectors: The queries' vectors by the predictor's encoder, if at hand, shape (queries, width).

    Raises:
        ConfigError: No query has an outcome.
    """
    from leeroo.evaluation.costs import experts_of

    known = ~np.isnan(held_out.scores)
    rows = known.any(axis=1)
    if not rows.any():
        raise ConfigError(f"{held_out.name}: the held-out part has no outcome; give some that were not learned from.")
    experts = experts_of(held_out.experts, held_out.prices)
    found = predictor.predict_vectors(predictor.encode(held_out.queries) if vectors is None else vectors, experts)
    predicted, scores = found.quality.astype(np.float64), held_out.scores.astype(np.float64)
    p, y = np.clip(predicted, 1e-4, 1 - 1e-4), np.nan_to_num(scores)
    loss = np.where(known, -(y * np.log(p) + (1 - y) * np.log(1 - p)), 0.0)
    by_expert = {
        name: _figures(loss[known[:, j], j], predicted[:, j], scores[:, j])
        for j, name in enumerate(held_out.experts)
        if known[:, j].any()
    }
    losses = loss[rows].sum(axis=1) / known[rows].sum(axis=1)
    return Judgement(
        losses,
        {
            "queries": int(rows.sum()),
            "held_out": held_out.digest(),
            "log_loss": round(float(losses.mean()), 5),
            "auc": _mean([figures["auc"] for figures in by_expert.values()]),
            "ece": _mean([figures["ece"] for figures in by_expert.values()]),
            "experts": by_expert,
        },
    )


def _figures(losses: Floats, predicted: Floats, scores: Floats) -> dict[str, Any]:
    found = {
        "log_loss": float(losses.mean()),
        "auc": metrics.auc(predicted, scores),
        "ece": metrics.calibration_error(predicted, scores),
        "accuracy": float(np.nanmean(scores)),
        "predicted": float(predicted[~np.isnan(scores)].mean()),
    }
    # JSON has no NaN: the AUC of an expert that is always right is not known.
    return {
        "outcomes": len(losses),
        **{name: None if np.isnan(value) else round(value, 5) for name, value in found.items()},
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 5) if known else None
