"""What every predictor offers: `Predictor`, and what it returns: `Prediction`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from leeroo.pool.experts import Expert
from leeroo.query import Query

Source = Literal["learned", "catalogue", "benchmark", "relative", "price", "prior", "constant"]
"""What an expert's quality rests on, the surest first: outcomes of its own, published scores, scores that the pool
declares, a model of its family, its price among the models of its time, nothing."""
FloatArray = npt.NDArray[np.float32]


def as_source(text: str) -> Source:
    """The source of an artifact's known expert."""
    return "benchmark" if text == "benchmark" else "prior" if text == "prior" else "learned"


@dataclass(frozen=True)
class Prediction:
    """How well each expert would answer each query, estimated without running any.

    Attributes:
        quality: Calibrated P(score), 0..1, shape (queries, experts).
        output_tokens: Expected output tokens, shape (queries, experts).
        novelty: 0 (like the training data) .. 1 (unlike anything seen), shape (queries,).
        sources: Where each expert's estimates come from, one per expert.
        doubt: Standard deviation of each expert's quality for what is not known of the expert, 0..1, shape (queries,
            experts); None where the predictor does not say.
        kinds: How like each query is to known kinds of work, the likest first, as (kind, share), one tuple per query.
        grounds: What each expert's estimate rests on, in plain words, one per expert.
    """

    quality: FloatArray
    output_tokens: FloatArray
    novelty: FloatArray
    sources: tuple[Source, ...]
    doubt: FloatArray | None = None
    kinds: tuple[tuple[tuple[str, float], ...], ...] = ()
    grounds: tuple[str, ...] = ()


@runtime_checkable
class Predictor(Protocol):
    """Estimates experts' quality. Thread-safe; loads its weights at first use, never at construction."""

    def predict(self, queries: Sequence[str], experts: Sequence[Expert]) -> Prediction:
        """Score every query for every expert.

        Args:
            queries: The texts, one per request.
            experts: The experts of a pool, known to the predictor or not.

        Returns:
            Quality (0..1) and output tokens of shape (queries, experts), rows and columns in the order given.

        Raises:
            ConfigError: The predictor cannot be loaded, or an expert's `traits` is not known to it.
        """
        ...


@runtime_checkable
class ReadsTools(Protocol):
    """A predictor that can be told whether tools are bound to a request.

    Attributes:
        reads_tools: That it can.
    """

    reads_tools: bool

    def predict(
        self, queries: Sequence[str], experts: Sequence[Expert], *, tools: Sequence[bool] | None = None
    ) -> Prediction:
        """`Predictor.predict`, knowing whether tools are bound to each request."""
        ...


def predicted(predictor: Predictor, query: Query, experts: Sequence[Expert]) -> Prediction:
    """What a predictor says of one request, told of its tools where it reads them."""
    text = query.text or " "
    if isinstance(predictor, ReadsTools) and predictor.reads_tools:
        return predictor.predict([text], experts, tools=["tools" in query.needs])
    return predictor.predict([text], experts)


class ConstantPredictor:
    """The same quality for every query: for tests, benchmarks, and pools whose order is known beforehand.

    Args:
        quality: Quality by expert name; experts not named get `default`.
        output_tokens: Output tokens expected of every expert.
        default: Quality of an expert that is not named.
    """

    def __init__(
        self, quality: dict[str, float] | None = None, *, output_tokens: float = 200, default: float = 0.5
    ) -> None:
        self._quality = dict(quality or {})
        self._output_tokens = output_tokens
        self._default = default
        self._row: tuple[list[str], Prediction] | None = None

    def predict(self, queries: Sequence[str], experts: Sequence[Expert]) -> Prediction:
        """Return the constants, shape (queries, experts)."""
        names = [expert.name for expert in experts]
        if len(queries) != 1:
            return self._predict(len(queries), names)
        row = self._row
        if row is None or row[0] != names:
            row = self._row = names, self._predict(1, names)
        return row[1]

    def _predict(self, queries: int, names: list[str]) -> Prediction:
        row = np.array([self._quality.get(name, self._default) for name in names], dtype=np.float32)
        return Prediction(
            quality=np.repeat(row[None, :], queries, axis=0),
            output_tokens=np.full((queries, len(names)), self._output_tokens, dtype=np.float32),
            novelty=np.zeros(queries, dtype=np.float32),
            sources=tuple("constant" for _ in names),
        )
