"""Functions of arrays that fitting and predicting share."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float32)


def logit(p: FloatArray) -> FloatArray:
    """The inverse of `sigmoid`, for probabilities kept off 0 and 1."""
    kept = np.clip(p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float32)


def unit(x: FloatArray) -> FloatArray:
    """Rows of length one."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def gelu(x: FloatArray) -> FloatArray:
    """GELU by the tanh approximation (Hendrycks and Gimpel 2016); within 1e-3 of the exact one."""
    return np.asarray(0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3))), dtype=np.float32)
