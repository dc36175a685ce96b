"""Which words a text has, as a short vector: what the encoder misses of long texts, and words that it knows little of.

A bag of the encoder's tokens, each weighted by 1 + log(count) and its inverse document frequency, projected to the
principal directions of the training texts' bags (latent semantic analysis, Deerwester et al. 1990). It reads a long
text whole, at the price of a sum of rows.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError

Float32 = npt.NDArray[np.float32]
LEXICAL = "lexical.safetensors"
"""The artifact's file: projection (V, D) int8, scale (V,), the inverse document frequency folded in."""


class Lexical:
    """Token ids to vectors of unit length.

    Args:
        projection: Weight of each token in each dimension, shape (vocabulary, dimensions).
    """

    def __init__(self, projection: Float32) -> None:
        self._projection = projection

    @property
    def width(self) -> int:
        """Dimensions."""
        return int(self._projection.shape[1])

    def encode(self, ids: Sequence[Sequence[int]]) -> Float32:
        """Shape (texts, dimensions)."""
        found = np.zeros((len(ids), self.width), dtype=np.float32)
        for i, row in enumerate(ids):
            token, count = np.unique(np.asarray(row, dtype=np.int64), return_counts=True)
            found[i] = (1 + np.log(count)).astype(np.float32) @ self._projection[token]
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def write(self, path: Path) -> None:
        """Write int8 weights with a scale for each token."""
        from safetensors.numpy import save_file

        scale = np.maximum(np.abs(self._projection).max(axis=1), 1e-12) / 127
        save_file(
            {
                "projection": np.rint(self._projection / scale[:, None]).astype(np.int8),
                "scale": scale.astype(np.float32),
            },
            str(path),
        )

    @classmethod
    def read(cls, path: Path) -> "Lexical":
        """Read what `write` wrote.

        Raises:
            ConfigError: The file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(str(path))
            return cls(arrays["projection"].astype(np.float32) * arrays["scale"][:, None])
        except (SafetensorError, KeyError, ValueError) as error:
            raise ConfigError(f"{path}: not a readable projection of tokens ({error}).") from None
