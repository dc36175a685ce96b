"""What outcomes teach: quick (the pool's experts' traits only, in seconds) and full (the predictor trained anew)."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.pool.pool import Pool
from leeroo.prediction.arithmetic import sigmoid, unit
from leeroo.prediction.artifact import EXPERT_ARRAYS, OWN, Artifact, KnownExpert, write_artifact
from leeroo.prediction.matching import Matcher
from leeroo.prediction.response import ResponsePredictor
from leeroo.prediction.response_model import ResponseModel, benchmark_score
from leeroo.selfplay.items import Float32
from leeroo.selfplay.posterior import SCALES, Belief, prior
from leeroo.training import traits
from leeroo.training.bayes import kmeans

Float64 = npt.NDArray[np.float64]
CENTROIDS = 64
"""Centres of the run's queries that the novelty estimate learns."""


@dataclass(frozen=True)
class Lesson:
    """What is believed of each expert after the outcomes so far.

    Attributes:
        beliefs: By expert name.
        scale: The prior's width, chosen by the evidence of all outcomes together.
    """

    beliefs: Mapping[str, Belief]
    scale: float


def inputs(model: ResponseModel, vectors: Float32) -> Float64:
    """[h(q), 1] of each query, shape (queries, traits + 1)."""
    h = model.traits(vectors)
    return np.concatenate([h, np.ones((len(h), 1), np.float32)], axis=1).astype(np.float64)


def learn(artifact: Artifact, pool: Sequence[Expert], X: Float64, scores: Float32) -> Lesson:
    """Beliefs of the pool's experts from the artifact and a run's outcomes.

    Args:
        artifact: Before the run.
        pool: Its experts.
        X: Inputs of the queries, shape (queries, traits + 1).
        scores: 0..1, NaN where unknown, shape (queries, experts).
    """
    priors = [prior(artifact, expert, X) for expert in pool]
    known = ~np.isnan(scores)
    data = [(X[known[:, j]], scores[known[:, j], j].astype(np.float64)) for j in range(len(pool))]
    evidence = [sum(p.widened(s).evidence(*xy) for p, xy in zip(priors, data, strict=True)) for s in SCALES]
    scale = SCALES[int(np.argmax(evidence))] if known.any() else SCALES[0]
    found = {e.name: p.widened(scale).updated(*xy) for e, p, xy in zip(pool, priors, data, strict=True)}
    return Lesson(found, scale)


def quick(
    base: ResponsePredictor, pool: Pool, table: OutcomeTable, vectors: Float32, lesson: Lesson, folder: Path
) -> Path:
    """Write an artifact that knows the pool's experts from a run's outcomes; nothing else of it changes.

    Its encoder and latent traits stay. The run's queries also enter the novelty estimate: they are the user's domain,
    and no longer unlike all that was seen.

    Args:
        base: The predictor before the run.
        pool: The experts.
        table: The run's outcomes, its training part.
        vectors: The queries' vectors.
        lesson: What was learned from them.
        folder: Where the artifact goes.
    """
    artifact = base.artifact
    mean_x = inputs(ResponseModel(artifact), vectors).mean(axis=0)
    for j, expert in enumerate(pool):
        known = ~np.isnan(table.scores[:, j])
        if not known.any():
            continue
        belief = lesson.beliefs[expert.name]
        # Lengths and kinds of work: its ability comes from the belief, whose prior is the expert's own.
        fitted = traits.fit(
            base,
            scores=table.scores[known, j],
            output_tokens=table.completion_tokens[known, j],
            vectors=vectors[known],
            start=base.knowledge.so_far(base.artifact, expert) if base.knowledge is not None else None,
        )
        before = Matcher(artifact.experts).columns([expert])[0]
        count = int(known.sum()) + (artifact.experts[before].outcomes if before is not None else 0)
        values = replace(
            fitted,
            ability=belief.mean[:-1].astype(np.float32),
            bias=float(belief.mean[-1]),
            prior=float(sigmoid(np.float32(mean_x @ belief.mean))),  # type: ignore[arg-type]
        )
        artifact = artifact.with_expert(KnownExpert(expert.name, "added", count), values.arrays())
    known = artifact.arrays["centroids"]  # of the encoder's part; the lexical one stands behind it
    seen = kmeans(unit(vectors[:, : known.shape[1]]), CENTROIDS)
    centroids = np.concatenate([known, seen]).astype(np.float32)
    artifact = replace(
        artifact,
        arrays={**artifact.arrays, "centroids": centroids},
        about={**artifact.about, "selfplay": {"queries": len(table), "digest": table.digest(), "scale": lesson.scale}},
    )
    return _written(artifact, folder)


def full(tables: Sequence[Path], folder: Path, *, epochs: int, seed: int) -> Path:
    """Train a predictor anew on a run's outcomes and other tables; goes on where it was killed.

    Raises:
        MissingDependency: The extra `train` has to be installed.
    """
    from leeroo.training.training import train

    train(tables, folder, epochs=epochs, seed=seed, resume=True)
    return folder


def starting(predictor: ResponsePredictor, pool: Pool, folder: Path, *, forget: bool) -> Path:
    """Write the artifact that a run begins with: what the pool file says of its experts becomes traits of their own.

    Args:
        predictor: The predictor to begin from.
        pool: The experts, with their `traits` and `benchmark`.
        folder: Where the artifact goes.
        forget: Leave out what is known of them, so that they begin as the population's mean.
    """
    artifact = predictor.artifact
    columns = Matcher(artifact.experts).columns(list(pool))
    if forget:
        return _written(artifact.without([column for column in columns if column is not None]), folder)
    for expert, column in zip(pool, columns, strict=True):
        score = benchmark_score(expert)
        if expert.traits is not None and column is not None:
            known = artifact.experts[column]
            values = {name: artifact.arrays[name][column] for name in EXPERT_ARRAYS}
            if predictor.knowledge is not None:
                values[OWN] = predictor.knowledge.so_far(artifact, expert)
            artifact = artifact.with_expert(KnownExpert(expert.name, "added", known.outcomes, known.source), values)
        elif column is None and score is not None:
            fitted = traits.fit(predictor, benchmark=score)
            artifact = artifact.with_expert(KnownExpert(expert.name, "added", 0, fitted.source), fitted.arrays())
    return _written(artifact, folder)


def _written(artifact: Artifact, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return write_artifact(artifact, folder)
