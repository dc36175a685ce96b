"""How well each expert would answer, estimated without running any."""

from pathlib import Path
from typing import TYPE_CHECKING

from leeroo.prediction.predictor import ConstantPredictor, Prediction, Predictor, Source

if TYPE_CHECKING:
    from leeroo.prediction.response import ResponsePredictor

__all__ = ["ConstantPredictor", "Prediction", "Predictor", "Source", "load"]


def load(path: str | Path | None = None, *, threads: int | None = None) -> "ResponsePredictor":
    """The predictor of an artifact's folder, or the one that ships; see `leeroo.prediction.response.load`."""
    from leeroo.prediction.response import load as load_response

    return load_response(path, threads=threads)
