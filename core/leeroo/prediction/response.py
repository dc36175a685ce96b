"""The predictor that serves: a vector of the query, then what is known of each expert by kind of work.

Experts that were added with outcomes of their own, and artifacts of before, are told by the response model.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.prediction.artifact import SHIPPED, Artifact, KnownExpert, read_artifact, read_manifest
from leeroo.prediction.kinds import Kinds
from leeroo.prediction.knowledge import KindsPredictor
from leeroo.prediction.matching import Matcher
from leeroo.prediction.predictor import Prediction, Source, as_source
from leeroo.prediction.response_model import ResponseModel, benchmark_score
from leeroo.prediction.source import VectorSource, open_source
from leeroo.prediction.versions import resolve

FloatArray = npt.NDArray[np.float32]
REMEMBERED_VECTORS = 256


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

    def tell(self, experts: Sequence[Expert]) -> list[tuple[Source, str]]:
        """What the quality of each expert is predicted from: the source, and the same in words.

        Nothing in an artifact of before that knows no kinds of work.

        Raises:
            ConfigError: The artifact is damaged, or an expert's `traits` is unknown.
        """
        model, _, matcher = self._load()
        if self._kinds is None:
            return []
        own = self._kinds.taught(model.artifact, experts, matcher.columns(experts))
        return [(told.source, told.said) for told in self._kinds.told(experts, own)]

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
        novelty = model.novelty(vectors)
        if self._kinds is None:
            return self._respond(model, vectors, experts, found, range(len(experts)), novelty)
        own = self._kinds.taught(model.artifact, experts, found)
        asked = own if self._kinds.kinds.lengths else range(len(experts))  # kinds tell all else of all others
        base = self._respond(model, vectors, experts, found, asked, novelty)
        return self._kinds.predict(vectors, experts, base, own, tools)

    def _respond(
        self,
        model: ResponseModel,
        vectors: FloatArray,
        experts: Sequence[Expert],
        found: Sequence[int | None],
        asked: Collection[int],
        novelty: FloatArray,
    ) -> Prediction:
        """What the response model says of the experts at the places `asked`; 0 of all others."""
        known = model.artifact.experts
        shape = (len(vectors), len(experts))
        quality, tokens = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        prior = np.zeros(len(experts), dtype=np.float32)
        sources: list[Source] = ["prior"] * len(experts)
        traits = model.traits(vectors) if asked else None
        places = [j for j in asked if found[j] is not None]
        columns = [column for j in places if (column := found[j]) is not None]
        if traits is not None and columns:
            quality[:, places] = model.quality(vectors, columns, traits)
            tokens[:, places] = model.tokens(traits, columns)
            prior[places] = model.artifact.arrays["prior"][columns]
        for j in asked:
            if (column := found[j]) is not None:
                sources[j] = as_source(known[column].source)
            elif traits is not None:
                score = benchmark_score(experts[j])
                quality[:, j], tokens[:, j], prior[j] = model.population(traits, score)
                sources[j] = "prior" if score is None else "benchmark"
        far = novelty[:, None]
        return Prediction(
            quality=((1 - far) * quality + far * prior).astype(np.float32),
            output_tokens=tokens,
            novelty=novelty,
            sources=tuple(sources),
        )

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
