"""The functions of a query that tell a table's experts apart: a Gaussian process in its eigenbasis over experts.

See `leeroo.prediction.kinds` for the model. All is closed-form: eigenvectors of the experts' covariance, and for
each of them a process whose share of signal has the largest marginal likelihood.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
SHARES = (0.0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8)
"""Of signal, to choose from."""


def landmarks(x: Float32, count: int, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Some of a table's queries that stand for all, and the map from kernels with them to features: (L, W), (L, T)."""
    points = x[np.sort(rng.choice(len(x), min(count, len(x)), replace=False))]
    kernel = kernel_with(points, points).astype(np.float64)
    values, axes = np.linalg.eigh(kernel)
    keep = values > 1e-4 * values.max()
    return points, (axes[:, keep] / np.sqrt(values[keep])).astype(np.float32)


def kernel_with(x: Float32, points: Float32) -> Float32:
    """exp(-|x - point|^2 / 2), shape (queries, points)."""
    distance = (x**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * x @ points.T
    return np.asarray(np.exp(-0.5 * np.maximum(distance, 0)), dtype=np.float32)


@dataclass(frozen=True)
class Directions:
    """The factors of one table.

    Attributes:
        level: Shape (experts,).
        axes: Loadings, shape (experts, R); those that a table with few experts has not are 0, as are their functions.
        functions: Features -> functions, shape (T, R).
        without: What the functions would say of each query if its own outcomes were not known, shape (queries, R).
    """

    level: Float64
    axes: Float64
    functions: Float64
    without: Float64


def directions_of(features: Float64, scores: Float64, most: int) -> Directions:
    """The factors of one table.

    Args:
        features: Shape (queries, T).
        scores: Complete, shape (queries, experts).
        most: R, directions at most.
    """
    level = scores.mean(axis=0)
    rest = scores - level
    _, axes = np.linalg.eigh(rest.T @ rest)
    axes = axes[:, ::-1][:, :most]
    energy, basis = np.linalg.eigh(features.T @ features)  # the kernel's spectrum, without its n x n matrix
    held = energy > 1e-9 * energy.max()
    energy, basis = energy[held][-len(features) :], basis[:, held][:, -len(features) :]
    spread = np.sqrt(energy)
    inner = (features @ basis) / spread
    part = energy / max(float(energy.sum()) / len(features), 1e-12)
    functions, without = np.zeros((len(basis), most)), np.zeros((len(features), most))
    for j in range(axes.shape[1]):
        target = rest @ axes[:, j]
        inside = inner.T @ target
        share = _share_of_signal(part, inside, float(target @ target), len(features))
        kept = share * part / (share * part + (1 - share))
        functions[:, j] = basis @ (kept * inside / spread)
        own = inner**2 @ kept  # how much of what is said of a query is its own outcomes
        without[:, j] = (inner @ (kept * inside) - own * target) / (1 - own)
    return Directions(level, np.pad(axes, ((0, 0), (0, most - axes.shape[1]))), functions, without)


def _share_of_signal(part: Float64, inside: Float64, total: float, queries: int) -> float:
    """The share of a Gaussian process's variance that is signal: that of `SHARES` with the largest marginal likelihood.

    Args:
        part: The kernel's spectrum, of mean 1 over all queries.
        inside: The target in the kernel's eigenvectors.
        total: Its sum of squares.
        queries: How many.
    """
    free, outside = queries - len(part), max(total - float(inside @ inside), 0.0)

    def likelihood(share: float) -> float:
        v = share * part + (1 - share)
        s2 = ((inside**2 / v).sum() + outside / (1 - share)) / queries
        return float(-0.5 * (queries * np.log(max(s2, 1e-12)) + np.log(v).sum() + free * np.log(1 - share)))

    return max(SHARES, key=likelihood)
