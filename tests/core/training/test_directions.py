"""The functions of a query: what they say without a query's own outcomes is what a fit without it says."""

import numpy as np
import numpy.typing as npt
import pytest

from leeroo.training.directions import directions_of, kernel_with, landmarks

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def features_of(count: int, seed: int = 0) -> tuple[Float32, Float64]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 3)).astype(np.float32)
    points, to_features = landmarks(x, 40, rng)
    return x, kernel_with(x, points).astype(np.float64) @ to_features


def test_landmarks_are_a_tables_own_queries() -> None:
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    points, to_features = landmarks(x, 20, np.random.default_rng(0))
    assert len(points) == len(to_features) == 20
    assert all((x == point).all(axis=1).any() for point in points)
    assert len(landmarks(x, 400, np.random.default_rng(0))[0]) == 50


def test_functions_follow_what_parts_experts() -> None:
    x, features = features_of(300)
    hard = np.tanh(2 * x[:, :1])
    scores = 0.5 + 0.4 * hard * np.array([1.0, 0.5, -1.0]) + np.random.default_rng(1).normal(0, 0.05, (300, 3))
    found = directions_of(features, scores, 4)
    assert found.level == pytest.approx(scores.mean(axis=0))
    assert abs(np.corrcoef(features @ found.functions[:, 0], hard[:, 0])[0, 1]) > 0.95
    assert (found.axes[:, 3] == 0).all()  # three experts have no fourth direction
    assert (found.functions[:, 3] == 0).all()


def test_a_querys_own_outcomes_are_left_out_as_a_fit_without_it_leaves_them_out() -> None:
    x, features = features_of(60)
    rng = np.random.default_rng(2)
    scores = 0.5 + 0.3 * np.tanh(x[:, :1]) * np.array([1.0, -1.0]) + rng.normal(0, 0.2, (60, 2))
    found = directions_of(features, scores, 1)
    target = (scores - found.level) @ found.axes[:, 0]
    # The process's ridge, told by what it makes of all outcomes; then anew with each query absent.
    fitted = features @ found.functions[:, 0]

    def without(i: int, ridge: float) -> float:
        rest = np.delete(np.arange(60), i)
        inner = features[rest].T @ features[rest] + ridge * np.eye(features.shape[1])
        return float(features[i] @ np.linalg.solve(inner, features[rest].T @ target[rest]))

    def whole(ridge: float) -> Float64:
        inner = features.T @ features + ridge * np.eye(features.shape[1])
        return np.asarray(features @ np.linalg.solve(inner, features.T @ target))

    grid = np.geomspace(1e-4, 1e4, 4001)
    ridge = float(min(grid, key=lambda r: np.abs(whole(r) - fitted).max()))
    assert whole(ridge) == pytest.approx(fitted, abs=2e-3)
    assert found.without[:, 0] == pytest.approx([without(i, ridge) for i in range(60)], abs=5e-3)
