"""Logistic regression with a Gaussian prior: the mathematics of abilities. NumPy only."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def map_logistic(
    X: FloatArray,
    y: FloatArray,
    mean: FloatArray,
    precision: FloatArray,
    *,
    weights: FloatArray | None = None,
    steps: int = 12,
) -> FloatArray:
    """The most probable coefficients of a logistic regression under a Gaussian prior, by Newton's method.

    Scores between 0 and 1 are taken as fractions of a right answer (the quasi-likelihood of Papke and Wooldridge 1996).

    Args:
        X: Inputs, shape (n, d); n may be 0, and then the prior's mean comes back.
        y: Scores 0..1, shape (n,).
        mean: The prior's mean, shape (d,).
        precision: The prior's precision, shape (d, d), or (d,) for a diagonal one.
        weights: Weight of each observation, shape (n,).
        steps: Most Newton steps.

    Returns:
        The coefficients, shape (d,).
    """
    beta = mean.astype(np.float64).copy()
    if not len(X):
        return beta
    prior = np.diag(precision) if precision.ndim == 1 else precision
    w = np.ones(len(y)) if weights is None else weights

    def objective(b: FloatArray) -> float:
        z = X @ b
        gap = b - mean
        return float((w * (np.logaddexp(0, z) - y * z)).sum() + 0.5 * gap @ prior @ gap)

    best = objective(beta)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(X @ beta, -30, 30)))
        gradient = X.T @ (w * (p - y)) + prior @ (beta - mean)
        curvature = (X * (w * p * (1 - p))[:, None]).T @ X + prior
        move = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-3:
            trial = beta - size * move
            value = objective(trial)
            if value <= best:
                break
            size /= 2
        else:
            break
        beta, gained, best = trial, best - value, value
        if gained < 1e-6 * (1 + abs(best)):
            break
    return beta


def pooled_platt(z: FloatArray, scores: FloatArray, *, slope_sd: float = 0.1, offset_sd: float = 0.15) -> FloatArray:
    """Slope and offset on the logit for every expert (Platt 1999), each expert's shrunk towards that of all together.

    Args:
        z: Logits, shape (queries, experts).
        scores: 0..1, NaN where unknown, same shape.
        slope_sd: How far slopes of experts lie apart.
        offset_sd: How far offsets lie apart.

    Returns:
        Shape (experts, 2): slope, offset; (1, 0) where nothing is known.
    """
    known = ~np.isnan(scores)
    identity = np.array([1.0, 0.0])
    if not known.any():
        return np.tile(identity, (z.shape[1], 1))
    all_z = z[known]
    X = np.stack([all_z, np.ones_like(all_z)], axis=1)
    # Outcomes of one query are not independent: together they weigh as if each query had one.
    together = map_logistic(
        X, scores[known], identity, np.array([1 / 0.3**2, 1 / 0.3**2]), weights=np.full(len(X), len(z) / len(X))
    )
    together[0] = max(together[0], 0.05)
    found = np.tile(together, (z.shape[1], 1))
    for j in range(z.shape[1]):
        rows = known[:, j]
        X = np.stack([z[rows, j], np.ones(rows.sum())], axis=1)
        found[j] = map_logistic(X, scores[rows, j], together, np.array([1 / slope_sd**2, 1 / offset_sd**2]))
        found[j, 0] = max(found[j, 0], 0.05)  # calibration never turns the order round
    return found


def kmeans(X: npt.NDArray[np.float32], count: int, *, seed: int = 0, rounds: int = 12) -> npt.NDArray[np.float32]:
    """Spherical k-means centroids of unit vectors, shape (at most count, d)."""
    rng = np.random.default_rng(seed)
    count = min(count, len(X))
    centres = X[rng.choice(len(X), count, replace=False)].copy()
    for _ in range(rounds):
        nearest = np.concatenate([(X[i : i + 4096] @ centres.T).argmax(axis=1) for i in range(0, len(X), 4096)])
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, X)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 1e-6, sums / np.maximum(norms, 1e-6), centres)
    return centres.astype(np.float32)
