"""Where a predictor's vectors come from. An artifact is a vector source and a response model on its vectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError, MissingDependency

FloatArray = npt.NDArray[np.float32]


class VectorSource(Protocol):
    """Anything that turns texts into vectors; thread-safe."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Vectors, shape (texts, width)."""
        ...


def open_source(folder: Path, settings: Mapping[str, Any], *, threads: int | None = None) -> VectorSource:
    """The vector source of an artifact; it loads its model at the first encoding.

    Args:
        folder: Holds the source's files.
        settings: The artifact's: `max_length`, `counts`, and `source` for any but the ONNX encoder.
        threads: Threads per encoding; the runtime's choice when None.

    Raises:
        ConfigError: A newer Leeroo wrote the artifact.
        MissingDependency: The source is a causal LM, and torch or transformers is not installed.
    """
    max_length = int(settings["max_length"])
    source = settings.get("source", {})
    kind = source.get("kind", "onnx")
    if kind == "onnx":
        from leeroo.prediction.encoder import Encoder

        return Encoder(folder, max_length=max_length, counts=bool(settings.get("counts")), threads=threads)
    if kind == "causal-lm":
        try:
            from leeroo.prediction.causal_lm import CausalLM
        except ImportError as error:
            raise MissingDependency(
                f"{folder}: this predictor is a causal LM, which needs {error.name}: pip install 'leeroo[train]'."
            ) from None
        return CausalLM(folder, source, max_length=max_length, threads=threads)
    raise ConfigError(f"{folder}: its vectors come from {kind!r}, which this Leeroo does not know; upgrade leeroo.")
