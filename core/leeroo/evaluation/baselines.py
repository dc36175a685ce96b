"""What a router must beat, each fitted on the table's training part: plain methods on the plain encoder.

What a method leaves open (when to stop, how strongly to shrink) is chosen on the validation part, as for ours.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency

Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """What a baseline may look at.

    Attributes:
        vectors: Of the training part, shape (queries, width).
        scores: 0..1, NaN where unknown, shape (queries, experts).
        val_vectors: The same of the validation part.
        val_scores: The same of the validation part.
    """

    vectors: Float32
    scores: Floats
    val_vectors: Float32
    val_scores: Floats


NEIGHBOURS = (5, 10, 20, 40, 60, 120)
"""Numbers of neighbours that `nearest_chosen` chooses from."""
Baseline = Callable[[Known, Float32], Floats]
"""(what is known, vectors) -> predicted quality, shape (queries, experts)."""


def domain_mean(train_domains: Sequence[str], scores: Floats, domains: Sequence[str]) -> Floats:
    """Each expert's mean score in the query's domain, which it is told; small domains lean on the overall mean."""
    overall = expert_means(scores)
    known_domains = np.array(train_domains)
    found = np.tile(overall, (len(domains), 1))
    for domain in set(domains):
        block = scores[known_domains == domain]
        count = (~np.isnan(block)).sum(axis=0)
        mean = (np.nansum(block, axis=0) + 5 * overall) / (count + 5)
        found[np.array(domains) == domain] = mean
    return found


def nearest(known: Known, vectors: Float32, k: int = 80, prior: float = 1.0) -> Floats:
    """Mean score of the k nearest training queries by cosine similarity; each expert's mean counts as `prior` more."""
    a, b = _unit(known.vectors), _unit(vectors)
    k = min(k, len(a))
    overall = expert_means(known.scores)
    found = np.empty((len(b), known.scores.shape[1]))
    for start in range(0, len(b), 256):
        near = np.argpartition(b[start : start + 256] @ a.T, -k, axis=1)[:, -k:]
        block = known.scores[near]
        count = (~np.isnan(block)).sum(axis=1)
        found[start : start + 256] = (np.nansum(block, axis=1) + prior * overall) / (count + prior)
    return found


def nearest_chosen(vectors: Float32, scores: Floats, asked: Float32, *, prior: float = 5.0) -> Floats:
    """`nearest`, with the number of neighbours that would have erred least on the known queries, each left out.

    Args:
        vectors: Known, shape (queries, width).
        scores: Shape (queries, experts), NaN where unknown.
        asked: Shape (queries, width).
        prior: How many neighbours each expert's mean counts as.
    """
    a, overall, most = _unit(vectors), expert_means(scores), min(max(NEIGHBOURS), len(vectors) - 1)
    counts = sorted({min(k, most) for k in NEIGHBOURS})
    missed = np.zeros(len(counts))
    for start in range(0, len(a), 256):
        rows = np.arange(start, min(start + 256, len(a)))
        likeness = a[rows] @ a.T
        likeness[np.arange(len(rows)), rows] = -np.inf  # a query is no neighbour of its own
        near = scores[np.argsort(-likeness, axis=1)[:, :most]]
        total, known = np.nan_to_num(near).cumsum(axis=1), (~np.isnan(near)).cumsum(axis=1)
        for i, k in enumerate(counts):
            told = (total[:, k - 1] + prior * overall) / (known[:, k - 1] + prior)
            missed[i] += np.nansum((told - scores[rows]) ** 2)
    best = counts[int(missed.argmin())]
    return nearest(Known(vectors, scores, vectors[:0], scores[:0]), asked, k=best, prior=prior)


def logistic(known: Known, vectors: Float32) -> Floats:
    """One logistic regression per expert; one ridge penalty for all."""
    model_of = _sklearn("linear_model").LogisticRegression
    x, val, new = (_unit(v) for v in (known.vectors, known.val_vectors, vectors))

    def predict(penalty: float) -> tuple[Floats, Floats]:
        found = np.empty((len(val) + len(new), known.scores.shape[1]))
        for j, scores in enumerate(known.scores.T):
            told = ~np.isnan(scores)
            y = scores[told] >= 0.5
            if y.all() or not y.any():
                found[:, j] = y.mean() if len(y) else 0.5
                continue
            model = model_of(C=penalty, max_iter=200, tol=1e-3).fit(x[told], y)
            found[:, j] = model.predict_proba(np.concatenate([val, new]))[:, 1]
        return found[: len(val)], found[len(val) :]

    tried = [predict(penalty) for penalty in (0.3, 3.0)]
    return min(tried, key=lambda pair: _loss(pair[0], known.val_scores))[1]


def mlp(known: Known, vectors: Float32, *, hidden: int = 256, epochs: int = 40, patience: int = 3) -> Floats:
    """One network of `hidden` rectified units for all experts: cross entropy of the known scores, Adam, drop-out.

    The weights of the epoch with the least loss on the validation part are kept.
    """
    rng = np.random.default_rng(0)
    centre = known.vectors.mean(axis=0)
    scale = float(np.std(known.vectors - centre)) or 1.0
    x, val, new = ((v - centre) / scale for v in (known.vectors, known.val_vectors, vectors))
    told = ~np.isnan(known.scores)
    y = np.nan_to_num(known.scores).astype(np.float32)
    network = _Network(x.shape[1], hidden, expert_means(known.scores), rng)
    best, found, waited = np.inf, network.predict(new), 0
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(x)), max(1, len(x) // 64)):
            network.learn(x[rows], y[rows], told[rows])
        loss = _loss(network.predict(val), known.val_scores)
        if loss < best:
            best, found, waited = loss, network.predict(new), 0
            continue
        waited += 1
        if waited == patience:
            break
    return found


class _Network:
    """A hidden layer of rectified units and a logistic output per expert, which starts at the experts' means."""

    def __init__(self, width: int, hidden: int, means: Floats, rng: np.random.Generator) -> None:
        start = np.clip(means, 0.02, 0.98)
        self._rng, self._hidden, self._step = rng, hidden, 0
        self._parameters = [
            (rng.normal(size=(width, hidden)) * np.sqrt(2 / width)).astype(np.float32),
            np.zeros(hidden, np.float32),
            (rng.normal(size=(hidden, len(means))) * 0.01).astype(np.float32),
            np.log(start / (1 - start)).astype(np.float32),
        ]
        self._moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self._parameters]

    def predict(self, inputs: Float32) -> Floats:
        w, b, out, bias = self._parameters
        return np.asarray(_sigmoid(np.maximum(inputs @ w + b, 0) @ out + bias), dtype=np.float64)

    def learn(self, x: Float32, y: Float32, told: npt.NDArray[np.bool_]) -> None:
        """One step on a batch, a random share of the units left out."""
        w, b, out, bias = self._parameters
        kept = (self._rng.random((len(x), self._hidden)) < 0.7).astype(np.float32) / np.float32(0.7)
        units = np.maximum(x @ w + b, 0) * kept
        error = (_sigmoid(units @ out + bias) - y) * told / len(x)
        back = (error @ out.T) * (units > 0) * kept
        self._descend((x.T @ back, back.sum(axis=0), units.T @ error, error.sum(axis=0)))

    def _descend(self, gradients: Sequence[Floats]) -> None:
        """Adam (Kingma and Ba 2015)."""
        self._step += 1
        for place, (gradient, (first, second)) in enumerate(zip(gradients, self._moments, strict=True)):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            move = (first / (1 - 0.9**self._step)) / (np.sqrt(second / (1 - 0.999**self._step)) + 1e-8)
            self._parameters[place] = (self._parameters[place] - 1e-3 * move).astype(np.float32)


def matrix_factorisation(known: Known, vectors: Float32, rank: int = 8) -> Floats:
    """Scores as expert factors x a linear map of the vector (RouteLLM's factorisation, least squares)."""
    overall = expert_means(known.scores)
    filled = np.where(np.isnan(known.scores), 0.0, known.scores - overall)
    inputs = known.vectors.astype(np.float64)
    centre = inputs.mean(axis=0)
    inputs = inputs - centre
    gram, target = inputs.T @ inputs, inputs.T @ filled
    spread = float(np.trace(gram)) / len(gram)

    def predict(penalty: float, rows: Float32) -> Floats:
        weights = np.linalg.solve(gram + penalty * spread * np.eye(len(gram)), target)
        _, _, vt = np.linalg.svd(inputs @ weights, full_matrices=False)
        predicted = overall + (rows - centre) @ weights @ vt[:rank].T @ vt[:rank]
        return np.asarray(np.clip(predicted, 0.001, 0.999), dtype=np.float64)

    penalty = min((0.1, 0.3, 1.0, 3.0), key=lambda p: _loss(predict(p, known.val_vectors), known.val_scores))
    return predict(penalty, vectors)


def expert_means(scores: Floats) -> Floats:
    """Each expert's mean score; 0.5 where nothing is known of it."""
    told = ~np.isnan(scores)
    return np.asarray(np.where(told.any(axis=0), np.nansum(scores, axis=0) / np.maximum(told.sum(axis=0), 1), 0.5))


def _loss(predicted: Floats, scores: Floats) -> float:
    """Cross entropy of the known scores; 0 when there are none, so that the first candidate is taken."""
    told = ~np.isnan(scores)
    if not told.any():
        return 0.0
    p, y = np.clip(predicted[told], 1e-4, 1 - 1e-4), scores[told]
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def _sigmoid(x: Float32) -> Float32:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float32)


def _unit(x: Float32) -> Float32:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _sklearn(part: str) -> Any:
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


def on_vectors(known: Known, vectors: Float32) -> dict[str, Floats]:
    """All baselines on the plain encoder's vectors, and the mean of two of them, by name."""
    found = {name: method(known, vectors) for name, method in ON_VECTORS.items()}
    return found | {"mean of MLP and kNN": (found["MLP"] + found["kNN, k=80"]) / 2}
