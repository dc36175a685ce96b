"""A new expert's traits from few of its outcomes, from a benchmark score, or from nothing: no retraining.

The known experts' [ability, bias] give a Gaussian prior; the new expert's are the most probable ones under that prior
and its outcomes (maximum a posteriori). With no outcomes the prior's mean comes back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.prediction.arithmetic import sigmoid
from leeroo.prediction.artifact import OWN, KnownExpert, read_artifact, write_artifact
from leeroo.prediction.response import ResponsePredictor
from leeroo.prediction.response_model import ResponseModel, benchmark_offset
from leeroo.training.bayes import map_logistic

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
NOISE = 0.15
"""Variance of an outcome around the quality: that of a coin with odds of 4 to 1."""
LEVEL = 0.02
"""Variance of a new expert's level in all kinds of work together."""
LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class Traits:
    """What the predictor needs to know of one expert.

    Attributes:
        ability: Shape (traits,).
        bias: Its overall level.
        length: Of standardised log output tokens, shape (traits,).
        length_bias: The same.
        prior: Mean predicted score on queries like the training data.
        outcomes: How many outcomes it was fitted from.
        source: learned, benchmark or prior.
        kinds: Levels and directions in the kinds of work, shape (kinds, 1 + directions); None where the predictor knows
            no kinds.
    """

    ability: Float32
    bias: float
    length: Float32
    length_bias: float
    prior: float
    outcomes: int
    source: str
    kinds: Float32 | None = None

    def arrays(self) -> dict[str, Any]:
        """The numbers, as `ResponsePredictor.with_experts` takes them."""
        return {
            "ability": self.ability,
            "bias": np.float32(self.bias),
            "length": self.length,
            "length_bias": np.float32(self.length_bias),
            "calibration": np.array([1, 0], dtype=np.float32),
            "prior": np.float32(self.prior),
            **({OWN: self.kinds} if self.kinds is not None else {}),
        }


def fit(
    predictor: ResponsePredictor,
    queries: Sequence[str] = (),
    scores: Sequence[float] | Float32 = (),
    *,
    output_tokens: Sequence[float] | Float32 | None = None,
    benchmark: float | None = None,
    vectors: Float32 | None = None,
    expert: Expert | None = None,
    start: Float32 | None = None,
) -> Traits:
    """Fit an expert's traits.

    Args:
        predictor: The predictor whose latent traits are used.
        queries: What the expert was asked.
        scores: How good its answers were, 0..1, one per query.
        output_tokens: Tokens of its answers, one per query, where known.
        benchmark: A published score, 0..1; it moves the prior's level.
        vectors: The queries' vectors if at hand, shape (queries, width); then `queries` is not read.
        expert: Whose they are: what its name, price and declared scores say is where its own outcomes start from.
        start: In place of that, levels and directions that were learned of it before, shape (kinds, 1 + directions).

    Raises:
        ConfigError: Numbers differ in length, or a score is outside 0..1.
    """
    count = len(queries) if vectors is None else len(vectors)
    y = _checked(scores, output_tokens, count, benchmark)
    artifact = predictor.artifact
    a = artifact.arrays
    mean = a["population_mean"].astype(np.float64)
    if benchmark is not None:
        mean = mean.copy()
        mean[-1] += benchmark_offset(a, benchmark)
    if start is None and (knowledge := predictor.knowledge) is not None:
        start = knowledge.tell(expert or _unnamed(benchmark)).values
    x = vectors if vectors is not None else predictor.encode(queries) if count else None
    model = ResponseModel(artifact)
    h = model.traits(x) if x is not None else np.zeros((0, len(mean) - 1), dtype=np.float32)
    X = np.concatenate([h, np.ones((count, 1), np.float32)], axis=1).astype(np.float64)
    theta = map_logistic(X, y, mean, _precision(a["population_cov"], benchmark), steps=30)
    length, length_bias = _length(artifact.arrays, artifact.settings["tokens"], h, output_tokens)
    return Traits(
        ability=theta[:-1].astype(np.float32),
        bias=float(theta[-1]),
        length=length,
        length_bias=length_bias,
        prior=float(sigmoid(np.asarray(a["mean_traits"] @ theta, dtype=np.float32))),
        outcomes=count,
        source="learned" if count else "benchmark" if benchmark is not None else "prior",
        kinds=_in_kinds(predictor, model, start, x, y) if start is not None else None,
    )


def _checked(
    scores: Sequence[float] | Float32, tokens: Sequence[float] | Float32 | None, count: int, benchmark: float | None
) -> Float64:
    y = np.asarray(scores, dtype=np.float64)
    if len(y) != count or (tokens is not None and len(tokens) != count):
        raise ConfigError(f"{count} queries, but {len(y)} scores; give one score (and one token count) per query.")
    if not np.all((y >= 0) & (y <= 1)):
        raise ConfigError("Scores must be between 0 and 1.")
    _check_published(benchmark, "The benchmark score")
    return y


def _check_published(score: float | None, which: str) -> None:
    if score is not None and not 0 <= score <= 1:
        raise ConfigError(f"{which} is {score:g}; scores are between 0 and 1 (0.61, not 61).")


def _unnamed(benchmark: float | None) -> Expert:
    return Expert(model="unnamed", name="unnamed", benchmark=None if benchmark is None else {"published": benchmark})


def _in_kinds(
    predictor: ResponsePredictor, model: ResponseModel, start: Float32, vectors: Float32 | None, y: Float64
) -> Float32:
    """The expert's m and u after its outcomes: their mean under a Gaussian prior around `start`.

    The prior has the variances that models have around what their place tells, and a deviation of all levels together;
    so a few outcomes move the level, and hundreds teach what the expert is good at.
    """
    if (knowledge := predictor.knowledge) is None or vectors is None or not len(vectors):
        return start
    kinds = knowledge.kinds
    x = kinds.scaled(vectors)
    features = kinds.features(x, kinds.likeness(x, model.novelty(vectors))).reshape(len(x), -1)
    levels = np.zeros(start.shape)
    levels[:, 0] = 1
    spread = np.diag(np.maximum(kinds.deviation(), LEAST_VARIANCE).ravel()) + LEVEL * np.outer(levels, levels)
    precision = features.T @ features / NOISE + np.linalg.inv(spread)
    gap = y - features @ start.ravel()
    return (start + np.linalg.solve(precision, features.T @ gap / NOISE).reshape(start.shape)).astype(np.float32)


def _precision(cov: Float32, benchmark: float | None) -> npt.NDArray[np.float64]:
    """The inverse of the population's covariance; a published score leaves less doubt about the level."""
    found = cov.astype(np.float64)
    if benchmark is not None:
        found[-1, :] *= 0.5
        found[:, -1] *= 0.5
    return np.asarray(np.linalg.inv(found + 1e-6 * np.eye(len(found))), dtype=np.float64)


def _length(
    a: Mapping[str, npt.NDArray[Any]], scale: Mapping[str, float], h: Float32, tokens: Sequence[float] | Float32 | None
) -> tuple[Float32, float]:
    """The population's lengths, moved to the expert's own level: 5 outcomes weigh as much as the population."""
    length, bias = a["population_length"][:-1].astype(np.float32), float(a["population_length"][-1])
    if tokens is None or not len(h):
        return length, bias
    z = (np.log1p(np.asarray(tokens, dtype=np.float64)) - scale["mean"]) / scale["deviation"]
    known = ~np.isnan(z)
    gap = z[known] - (h[known] @ length + bias)
    return length, bias + float(gap.sum() / (known.sum() + 5))


def add_expert(
    artifact_dir: str | Path,
    name: str,
    outcomes: Sequence[tuple[str, float]] | Sequence[tuple[str, float, float]],
    out_dir: str | Path,
    *,
    benchmark: float | None = None,
) -> Traits:
    """Write a copy of an artifact that knows one more expert.

    Args:
        artifact_dir: The artifact.
        name: The expert's name; pool files refer to it by `traits: NAME` or by their model's name.
        outcomes: (query, score) or (query, score, output tokens), any number of them, none included.
        out_dir: Where the new artifact goes; may be `artifact_dir`.
        benchmark: A published score, 0..1.

    Raises:
        ConfigError: The artifact is damaged, or a score is outside 0..1.
    """
    _check_published(benchmark, f"The score of {name!r}")
    artifact = read_artifact(Path(artifact_dir))
    tokens = [row[2] if len(row) > 2 else float("nan") for row in outcomes]
    traits = fit(
        ResponsePredictor(artifact),
        [row[0] for row in outcomes],
        [row[1] for row in outcomes],
        output_tokens=tokens,
        benchmark=benchmark,
        expert=Expert(model=name, name=name, benchmark=None if benchmark is None else {"published": benchmark}),
    )
    expert = KnownExpert(name=name, table="added", outcomes=traits.outcomes, source=traits.source)
    write_artifact(artifact.with_expert(expert, traits.arrays()), Path(out_dir))
    return traits


def save_traits(path: str | Path, predictor: ResponsePredictor, traits: Mapping[str, Traits]) -> None:
    """Write some experts' traits to a small JSON file; it fits the predictor they were fitted with, and no other."""
    rows = {
        name: {
            "ability": [round(float(v), 5) for v in t.ability],
            "bias": t.bias,
            "length": [round(float(v), 5) for v in t.length],
            "length_bias": t.length_bias,
            "prior": t.prior,
            "outcomes": t.outcomes,
            "source": t.source,
            "kinds": None if t.kinds is None else [[round(float(v), 5) for v in row] for row in t.kinds],
        }
        for name, t in traits.items()
    }
    content = {"space": _space(predictor), "experts": rows}
    Path(path).write_text(json.dumps(content) + "\n", encoding="utf-8")


def read_traits(path: str | Path, predictor: ResponsePredictor) -> dict[str, Traits]:
    """Read what `save_traits` wrote; each one's `arrays()` go to `ResponsePredictor.with_experts`.

    Raises:
        ConfigError: The file is unreadable, or was fitted with another predictor.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        found = {
            name: Traits(
                **{
                    **row,
                    "ability": np.array(row["ability"], dtype=np.float32),
                    "length": np.array(row["length"], dtype=np.float32),
                    "kinds": None if row.get("kinds") is None else np.array(row["kinds"], dtype=np.float32),
                }
            )
            for name, row in content["experts"].items()
        }
        space = content["space"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not a file of experts' traits ({error}).") from None
    if space != _space(predictor):
        raise ConfigError(
            f"{path}: these traits were fitted with another predictor; fit them again (leeroo experts add)."
        )
    return found


def _space(predictor: ResponsePredictor) -> str:
    """What identifies the latent space: the projection's hash."""
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(predictor.artifact.arrays["project"]).tobytes()).hexdigest()[:16]
