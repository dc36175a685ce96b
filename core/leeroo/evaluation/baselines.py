"""What a router must beat, each fitted on the table's training part: plain methods on the plain encoder."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency

Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Baseline = Callable[[Float32, Floats, Float32], Floats]
"""(training vectors, training scores with NaN, vectors) -> predicted quality, shape (queries, experts)."""


def domain_mean(train_domains: Sequence[str], scores: Floats, domains: Sequence[str]) -> Floats:
    """Each expert's mean score in the query's domain, which it is told; small domains lean on the overall mean."""
    overall = np.nan_to_num(np.nanmean(scores, axis=0), nan=0.5)
    known_domains = np.array(train_domains)
    found = np.tile(overall, (len(domains), 1))
    for domain in set(domains):
        block = scores[known_domains == domain]
        count = (~np.isnan(block)).sum(axis=0)
        mean = (np.nansum(block, axis=0) + 5 * overall) / (count + 5)
        found[np.array(domains) == domain] = mean
    return found


def nearest(train: Float32, scores: Floats, vectors: Float32, k: int = 80) -> Floats:
    """Mean score of the k nearest training queries by cosine similarity."""
    a = train / np.linalg.norm(train, axis=1, keepdims=True)
    b = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    k = min(k, len(a))
    overall = np.nan_to_num(np.nanmean(scores, axis=0), nan=0.5)
    found = np.empty((len(b), scores.shape[1]))
    for start in range(0, len(b), 256):
        near = np.argpartition(b[start : start + 256] @ a.T, -k, axis=1)[:, -k:]
        block = scores[near]
        count = (~np.isnan(block)).sum(axis=1)
        found[start : start + 256] = (np.nansum(block, axis=1) + overall) / (count + 1)
    return found


def logistic(train: Float32, scores: Floats, vectors: Float32) -> Floats:
    """One logistic regression per expert."""
    model_of = _sklearn("linear_model").LogisticRegression
    found = np.empty((len(vectors), scores.shape[1]))
    for j in range(scores.shape[1]):
        known = ~np.isnan(scores[:, j])
        y = scores[known, j] >= 0.5
        if y.all() or not y.any():
            found[:, j] = y.mean() if len(y) else 0.5
            continue
        found[:, j] = model_of(C=3.0, max_iter=300).fit(train[known] * 3, y).predict_proba(vectors * 3)[:, 1]
    return found


def mlp(train: Float32, scores: Floats, vectors: Float32) -> Floats:
    """One network of 128 hidden units for all experts; unknown scores are filled with the expert's mean."""
    overall = np.nan_to_num(np.nanmean(scores, axis=0), nan=0.5)
    filled = np.where(np.isnan(scores), overall, scores)
    model_of = _sklearn("neural_network").MLPRegressor
    model = model_of(hidden_layer_sizes=(128,), alpha=1e-2, early_stopping=True, max_iter=60, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train * 10, filled)
    predicted = np.asarray(model.predict(vectors * 10), dtype=np.float64).reshape(len(vectors), -1)
    return np.clip(predicted, 0.001, 0.999)


def matrix_factorisation(train: Float32, scores: Floats, vectors: Float32, rank: int = 8) -> Floats:
    """Scores as expert factors x a linear map of the vector (RouteLLM's factorisation, least squares, rank 8)."""
    overall = np.nan_to_num(np.nanmean(scores, axis=0), nan=0.5)
    filled = np.where(np.isnan(scores), 0.0, scores - overall)
    X = train.astype(np.float64)
    centre = X.mean(axis=0)
    X = X - centre
    weights = np.linalg.solve(X.T @ X + 2.0 * np.eye(X.shape[1]), X.T @ filled)
    _, _, vt = np.linalg.svd(X @ weights, full_matrices=False)
    factors = vt[:rank]
    predicted = overall + (vectors - centre) @ weights @ factors.T @ factors
    return np.asarray(np.clip(predicted, 0.001, 0.999), dtype=np.float64)


def _sklearn(part: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"sklearn.{part}")
    except ImportError:
        raise MissingDependency("Baselines need scikit-learn: pip install 'leeroo[eval]'.") from None


ON_VECTORS: dict[str, Baseline] = {
    "kNN, k=80": nearest,
    "logistic regression": logistic,
    "MLP": mlp,
    "matrix factorisation": matrix_factorisation,
}
