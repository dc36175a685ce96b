"""Latent traits of a query -> P(score) and output tokens per expert: an item-response model's arithmetic.

Arrays of the artifact (T traits, W width of the encoder, E experts, M remembered queries, C centroids):
    project (W, T), project_bias (T)      the latent traits h(q)
    ability (E, T), bias (E)              P = sigmoid(ability . h + bias), Reckase 2009, eq. 4.8
    length (E, T), length_bias (E)        standardised log output tokens
    calibration (E, 2)                    slope and offset on the logit (Platt 1999)
    prior (E)                             each expert's mean score: what novel queries are shrunk to
    population_mean (T+1), population_cov (T+1, T+1), population_length (T+1)   of [ability, bias] over experts
    mean_traits (T+1)                     mean of [h, 1] over the training data
    centroids (C, W)                      of the training data, unit length; distances give the novelty
    memory (M, D) int8, memory_project (W, D), memory_scores (M, E) uint8   optional neighbour memory
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from leeroo.pool.experts import Expert
from leeroo.prediction.arithmetic import gelu, logit, sigmoid, unit
from leeroo.prediction.artifact import Artifact

FloatArray = npt.NDArray[np.float32]
UNKNOWN = 255
"""In memory_scores: this expert's outcome is not known. Others are scores x 254."""


class ResponseModel:
    """The arithmetic above the encoder, for vectors that are at hand.

    Args:
        artifact: Its arrays and settings.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        a, s = artifact.arrays, artifact.settings
        self._linear = s.get("activation", "gelu") == "linear"
        self._neighbours = int(s.get("neighbours", 0)) if "memory" in a else 0
        self._strength = float(s.get("neighbour_strength", 200.0))
        self._memory = np.ascontiguousarray(unit(a["memory"].astype(np.float32)).T) if self._neighbours else None

    def traits(self, vectors: FloatArray) -> FloatArray:
        """h(q), shape (queries, traits)."""
        project = self.artifact.arrays["project"]
        # The lexical part of a vector stands behind the encoder's.
        x = vectors[:, : len(project)] @ project + self.artifact.arrays["project_bias"]
        return np.asarray(x, dtype=np.float32) if self._linear else gelu(x)

    def novelty(self, vectors: FloatArray) -> FloatArray:
        """0 within the distances usual among training data, 1 far beyond, shape (queries,)."""
        near, far = self.artifact.settings["novelty"]
        centroids = self.artifact.arrays["centroids"]
        distance = 1 - (unit(vectors[:, : centroids.shape[1]]) @ centroids.T).max(axis=1)
        return np.asarray(np.clip((distance - near) / max(far - near, 1e-6), 0, 1), dtype=np.float32)

    def quality(self, vectors: FloatArray, columns: Sequence[int], traits: FloatArray | None = None) -> FloatArray:
        """Calibrated P(score) before the shrinkage of novel queries, shape (queries, columns).

        Args:
            vectors: Shape (queries, width).
            columns: The experts'.
            traits: The vectors' `traits` where they are at hand.
        """
        a = self.artifact.arrays
        at = np.array(columns, dtype=np.int64)
        h = self.traits(vectors) if traits is None else traits
        p = sigmoid(h @ a["ability"][at].T + a["bias"][at])
        if self._memory is not None:
            p = self._remember(vectors, at, p)
        calibration = a["calibration"][at]
        return sigmoid(logit(p) * calibration[:, 0] + calibration[:, 1])

    def tokens(self, traits: FloatArray, columns: Sequence[int]) -> FloatArray:
        """Expected output tokens, shape (queries, columns)."""
        a, scale = self.artifact.arrays, self.artifact.settings["tokens"]
        at = np.array(columns, dtype=np.int64)
        z = np.clip(traits @ a["length"][at].T + a["length_bias"][at], -3, 3)
        # The mean of a log-normal lies half a variance above its median.
        logs = z * scale["deviation"] + scale["mean"] + scale.get("residual_variance", 0.0) / 2
        return np.asarray(np.maximum(np.expm1(logs), 1), dtype=np.float32)

    def _remember(self, vectors: FloatArray, at: npt.NDArray[np.int64], p: FloatArray) -> FloatArray:
        """Neighbours' outcomes as observations under a Beta prior with mean p and `neighbour_strength` observations."""
        assert self._memory is not None  # noqa: S101 - callers ask for it
        a = self.artifact.arrays
        found = p.copy()
        scores = a["memory_scores"]
        for start in range(0, len(vectors), 256):
            rows = slice(start, start + 256)
            point = unit(vectors[rows, : len(a["memory_project"])] @ a["memory_project"])
            # One query without BLAS: its threads wait for each other, for 10 ms and more where the cores are busy.
            similar = np.einsum("j,ji->i", point[0], self._memory)[None] if len(point) == 1 else point @ self._memory
            k = min(self._neighbours, similar.shape[1])
            nearest = np.argpartition(similar, -k, axis=1)[:, -k:]
            near = scores[nearest][:, :, at] if len(at) < scores.shape[1] // 2 else scores[nearest].take(at, axis=2)
            known = near != UNKNOWN
            total = np.where(known, near, 0).sum(axis=1, dtype=np.float32) / 254
            found[rows] = (total + self._strength * p[rows]) / (known.sum(axis=1) + self._strength)
        return found

    def population(self, traits: FloatArray, score: float | None) -> tuple[FloatArray, FloatArray, float]:
        """An expert of which nothing, or one benchmark score, is known: the population's mean, moved to the score."""
        a, scale = self.artifact.arrays, self.artifact.settings["tokens"]
        mean = a["population_mean"]
        offset = 0.0 if score is None else float(benchmark_offset(a, score))
        quality = sigmoid(traits @ mean[:-1] + mean[-1] + offset)
        z = np.clip(traits @ a["population_length"][:-1] + a["population_length"][-1], -3, 3)
        tokens = np.maximum(np.expm1(z * scale["deviation"] + scale["mean"]), 1)
        prior = float(sigmoid(np.float32(a["mean_traits"] @ mean + offset)))  # type: ignore[arg-type]
        return quality, tokens.astype(np.float32), prior


def benchmark_score(expert: Expert) -> float | None:
    """The mean of an expert's published scores, or None."""
    if not expert.benchmark:
        return None
    return sum(expert.benchmark.values()) / len(expert.benchmark)


def benchmark_offset(arrays: Mapping[str, npt.NDArray[np.float32]], score: float) -> float:
    """What to add to the population's bias, so that the mean query is answered with probability `score`."""
    mean = float(arrays["mean_traits"] @ arrays["population_mean"])
    kept = min(max(score, 0.01), 0.99)
    return float(np.log(kept / (1 - kept))) - mean
