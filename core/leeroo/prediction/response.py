"""Vector -> latent traits -> P(score) and output tokens per expert: the predictor that serves.

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

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.prediction.arithmetic import gelu, logit, sigmoid, unit
from leeroo.prediction.artifact import SHIPPED, Artifact, KnownExpert, read_artifact, read_manifest
from leeroo.prediction.kinds import Kinds
from leeroo.prediction.knowledge import KindsPredictor
from leeroo.prediction.matching import Matcher
from leeroo.prediction.predictor import Prediction, Source, as_source
from leeroo.prediction.source import VectorSource, open_source
from leeroo.prediction.versions import resolve

FloatArray = npt.NDArray[np.float32]
REMEMBERED_VECTORS = 256
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


class ResponsePredictor:
    """The learned predictor: a vector source and a multidimensional item-response model. Thread-safe.

    Args:
        artifact: The artifact, or how to read it at first use.
        threads: Threads of the encoder.
    """

    reads_tools = True

    def __init__(self, artifact: Artifact | Callable[[], Artifact], *, threads: int | None = None) -> None:
        self._source = artifact
        self._threads = threads
        self._lock = threading.Lock()
        self._ready: tuple[ResponseModel, VectorSource, Matcher] | None = None
        self._recent: OrderedDict[bytes, FloatArray] = OrderedDict()
        self._kinds: KindsPredictor | None = None

    @property
    def artifact(self) -> Artifact:
        """The artifact, read if it was not yet."""
        return self._load()[0].artifact

    @property
    def known(self) -> tuple[KnownExpert, ...]:
        """The experts with traits of their own."""
        return self.artifact.experts

    @property
    def knowledge(self) -> KindsPredictor | None:
        """What is known of models by kind of work, None in an artifact of before."""
        self._load()
        return self._kinds

    def encode(self, queries: Sequence[str]) -> FloatArray:
        """The vector source's vectors, shape (queries, width)."""
        return self._load()[1].encode(queries)

    def with_experts(self, extra: Mapping[str, Mapping[str, npt.NDArray[np.float32]]]) -> "ResponsePredictor":
        """A predictor that knows more experts.

        Args:
            extra: Traits by expert name, as `leeroo.training.traits.fit(...).arrays()` gives them.
        """
        artifact = self.artifact
        for name, values in extra.items():
            artifact = artifact.with_expert(KnownExpert(name=name, table="added"), values)
        return ResponsePredictor(artifact, threads=self._threads)

    def predict(
        self, queries: Sequence[str], experts: Sequence[Expert], *, tools: Sequence[bool] | None = None
    ) -> Prediction:
        """Score every query for every expert.

        Args:
            queries: The texts, one per request.
            experts: The experts, known to the predictor or not.
            tools: Whether tools are bound to each request; None where nobody says.

        Raises:
            ConfigError: The artifact is damaged, or an expert's `traits` is unknown.
        """
        if not queries or not experts:
            empty = np.zeros((len(queries), len(experts)), dtype=np.float32)
            nothing: tuple[Source, ...] = tuple(as_source("prior") for _ in experts)
            return Prediction(empty, empty.copy(), np.zeros(len(queries), dtype=np.float32), nothing)
        matcher = self._load()[2]
        matcher.columns(experts)  # wrong traits are refused before the encoder works
        vectors = self._vector(queries[0]) if len(queries) == 1 else self.encode(queries)
        return self.predict_vectors(vectors, experts, tools=tools)

    def _vector(self, query: str) -> FloatArray:
        """One query's vector, kept for a while: every step of an agent's tool loop asks about the same message."""
        key = blake2b(query.encode("utf-8", "surrogatepass"), digest_size=16).digest()  # the text itself is not kept
        with self._lock:
            found = self._recent.get(key)
        if found is None:
            found = self.encode([query])
            with self._lock:
                self._recent[key] = found
                if len(self._recent) > REMEMBERED_VECTORS:
                    self._recent.popitem(last=False)
        return found

    def predict_vectors(
        self, vectors: FloatArray, experts: Sequence[Expert], *, tools: Sequence[bool] | None = None
    ) -> Prediction:
        """`predict` for queries whose vectors are at hand, shape (queries, width)."""
        model, _, matcher = self._load()
        found = matcher.columns(experts)
        known = model.artifact.experts
        shape = (len(vectors), len(experts))
        quality, tokens = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        prior = np.empty(len(experts), dtype=np.float32)
        traits = model.traits(vectors)
        sources: list[Source] = []
        places = [j for j, column in enumerate(found) if column is not None]
        columns = [column for column in found if column is not None]
        if columns:
            quality[:, places] = model.quality(vectors, columns, traits)
            tokens[:, places] = model.tokens(traits, columns)
            prior[places] = model.artifact.arrays["prior"][columns]
        for j, (expert, column) in enumerate(zip(experts, found, strict=True)):
            if column is not None:
                sources.append(as_source(known[column].source))
                continue
            score = benchmark_score(expert)
            quality[:, j], tokens[:, j], prior[j] = self._population(model, traits, score)
            sources.append("prior" if score is None else "benchmark")
        novelty = model.novelty(vectors)
        far = novelty[:, None]
        prediction = Prediction(
            quality=((1 - far) * quality + far * prior).astype(np.float32),
            output_tokens=tokens,
            novelty=novelty,
            sources=tuple(sources),
        )
        if self._kinds is None:
            return prediction
        own = self._kinds.taught(model.artifact, experts, found)
        return self._kinds.predict(vectors, experts, prediction, own, tools)

    @staticmethod
    def _population(
        model: ResponseModel, traits: FloatArray, score: float | None
    ) -> tuple[FloatArray, FloatArray, float]:
        """An expert of which nothing, or one benchmark score, is known: the population's mean, moved to the score."""
        a, scale = model.artifact.arrays, model.artifact.settings["tokens"]
        mean = a["population_mean"]
        offset = 0.0 if score is None else float(benchmark_offset(a, score))
        quality = sigmoid(traits @ mean[:-1] + mean[-1] + offset)
        z = np.clip(traits @ a["population_length"][:-1] + a["population_length"][-1], -3, 3)
        tokens = np.maximum(np.expm1(z * scale["deviation"] + scale["mean"]), 1)
        prior = float(sigmoid(np.float32(a["mean_traits"] @ mean + offset)))  # type: ignore[arg-type]
        return quality, tokens.astype(np.float32), prior

    def _load(self) -> tuple[ResponseModel, VectorSource, Matcher]:
        if self._ready is None:
            with self._lock:
                if self._ready is None:
                    artifact = self._source if isinstance(self._source, Artifact) else self._source()
                    source = open_source(artifact.folder, artifact.settings, threads=self._threads)
                    if "kinds" in artifact.settings:
                        self._kinds = KindsPredictor(Kinds(artifact.arrays, artifact.settings["kinds"]))
                    self._ready = (ResponseModel(artifact), source, Matcher(artifact.experts))
        return self._ready


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


def load(path: str | Path | None = None, *, threads: int | None = None) -> ResponsePredictor:
    """The predictor of an artifact's folder; the one that ships when no path is given.

    Only the manifest is looked at here; weights are read, and checked against their hashes, at the first prediction.

    Args:
        path: The artifact's folder, or a folder of versions (`leeroo artifacts`): the one in use is meant.
        threads: Threads of the encoder; the runtime's choice when None.

    Raises:
        ConfigError: There is no artifact, or a newer Leeroo wrote it.
    """
    folder = SHIPPED if path is None else resolve(Path(path))
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such predictor artifact (a folder with manifest.json).")
    read_manifest(folder)
    return ResponsePredictor(lambda: read_artifact(folder), threads=threads)
