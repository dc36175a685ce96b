"""What every predictor offers: `Predictor`, and what it returns: `Prediction`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from leeroo.experts import Expert

Source = Literal["learned", "benchmark", "prior", "constant"]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """How well each expert would answer each query, estimated without running any.

    Attributes:
        quality: Calibrated P(score), 0..1, shape (queries, experts).
        output_tokens: Expected output tokens, shape (queries, experts).
        novelty: 0 (like the training data) .. 1 (unlike anything seen), shape (queries,).
        sources: Where each expert's estimates come from, one per expert.
    """

    quality: FloatArray
    output_tokens: FloatArray
    novelty: FloatArray
    sources: tuple[Source, ...]


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

    def predict(self, queries: Sequence[str], experts: Sequence[Expert]) -> Prediction:
        """Return the constants, shape (queries, experts)."""
        row = [self._quality.get(e.name, self._default) for e in experts]
        tokens = [self._output_tokens] * len(experts)
        shape = (len(queries), len(experts))
        return Prediction(
            quality=np.array([row] * len(queries), dtype=np.float32).reshape(shape),
            output_tokens=np.array([tokens] * len(queries), dtype=np.float32).reshape(shape),
            novelty=np.zeros(len(queries), dtype=np.float32),
            sources=tuple("constant" for _ in experts),
        )
