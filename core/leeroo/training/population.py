"""From vectors to a response model: abilities shrunk to what experts share, calibration, novelty.

The shrinkage is what routing needs: each table's experts share a difficulty factor mu_g, fitted from the mean score of
each query, and an expert's own ability is theta_e = mu_g + r_e with r_e ~ N(0, tau^2 I). Small tau: experts differ by
their overall level only, and the dearer expert helps where questions are hard; large tau: every expert has preferences
of its own, estimated from its outcomes alone. tau is chosen on the validation part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.prediction.arithmetic import gelu, logit, sigmoid, unit
from leeroo.training.bayes import kmeans, map_logistic, pooled_platt
from leeroo.training.corpus import Corpus, standardised_log_tokens

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
SPREADS = (0.05, 0.02, 0.1, 0.2)
SHARES = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Fitted:
    """A response model for an artifact, and how it was chosen.

    Attributes:
        arrays: As `leeroo.prediction.response_model` describes.
        settings: The same.
        tried: One entry per candidate: what was set, and its loss on the validation part.
    """

    arrays: dict[str, npt.NDArray[Any]]
    settings: dict[str, Any]
    tried: list[dict[str, float]]


def linear_traits(vectors: Float32, width: int) -> tuple[Float32, Float32]:
    """The whitened principal components as latent traits, for an encoder that was not fine-tuned.

    Returns:
        project (W, T) and project_bias (T).
    """
    centre = vectors.mean(axis=0)
    _, spread, axes = np.linalg.svd(vectors - centre, full_matrices=False)
    width = min(width, len(spread))
    scale = spread[:width] / np.sqrt(len(vectors))
    project = axes[:width].T / np.maximum(scale, 1e-6)
    return project.astype(np.float32), (-(centre @ project)).astype(np.float32)


def fit_response(
    corpus: Corpus,
    vectors: Float32,
    train: npt.NDArray[np.bool_],
    validation: npt.NDArray[np.bool_],
    project: Float32,
    project_bias: Float32,
    *,
    activation: str,
    learned: npt.NDArray[np.floating[Any]] | None = None,
    spreads: Sequence[float] = SPREADS,
    seed: int = 0,
) -> Fitted:
    """Fit abilities, calibration, lengths and novelty on given vectors.

    Args:
        corpus: All tables.
        vectors: The encoder's, shape (queries, W).
        train: Mask of the queries to fit on.
        validation: Mask of the queries to choose and calibrate on; with none, defaults are taken.
        project: Vector -> traits, shape (W, T).
        project_bias: Shape (T,).
        activation: gelu or linear.
        learned: [ability, bias] that the network learned, shape (columns, T+1). Then these are shrunk towards their
            table's mean as candidates too.
        spreads: Candidates of tau; with no validation part the first is taken.
        seed: Of the clustering.
    """
    h, scale = _traits(vectors, project, project_bias, activation, train)
    X = np.concatenate([h / scale, np.ones((len(h), 1), np.float32)], axis=1).astype(np.float64)
    theta, shrinkage, tried = _best(corpus, X, train, validation, scale, learned, spreads)
    chosen = validation if validation.any() else train
    raw = np.concatenate([theta[:, :-1] / scale, theta[:, -1:]], axis=1)
    lengths, token_settings = _lengths(corpus, X, train, scale)
    centroids, novelty = _familiar(vectors[train], vectors[chosen], seed)
    arrays: dict[str, npt.NDArray[Any]] = {
        "project": project,
        "project_bias": project_bias,
        "ability": raw[:, :-1],
        "bias": raw[:, -1],
        "length": lengths[:, :-1],
        "length_bias": lengths[:, -1],
        "calibration": _calibration(X[chosen], theta, corpus.scores[chosen]),
        "prior": np.nan_to_num(np.nanmean(corpus.scores[train], axis=0), nan=0.5),
        **_population(raw, lengths, scale),
        "mean_traits": np.concatenate([h[train], np.ones((int(train.sum()), 1), np.float32)], axis=1).mean(axis=0),
        "centroids": centroids,
    }
    settings: dict[str, Any] = {
        "activation": activation,
        "tokens": token_settings,
        "novelty": novelty,
        "shrinkage": shrinkage,
    }
    return Fitted({name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}, settings, tried)


def _traits(
    vectors: Float32, project: Float32, project_bias: Float32, activation: str, train: npt.NDArray[np.bool_]
) -> tuple[Float32, float]:
    """h(q) of all queries, and its root mean square on the training part."""
    h = vectors @ project + project_bias
    h = h if activation == "linear" else gelu(h)
    return h, float(np.sqrt(np.mean(h[train] ** 2)))


def _best(
    corpus: Corpus,
    X: Float64,
    train: npt.NDArray[np.bool_],
    validation: npt.NDArray[np.bool_],
    scale: float,
    learned: npt.NDArray[np.floating[Any]] | None,
    spreads: Sequence[float],
) -> tuple[Float64, str, list[dict[str, float]]]:
    """The abilities of least loss on the validation part, how they were shrunk, and the losses of all candidates."""
    several = bool(validation.any())
    chosen = validation if several else train
    tried: list[dict[str, float]] = []
    best: tuple[float, Float64, str] | None = None
    for kind, spread, theta in _candidates(corpus, X, train, scale, learned, spreads, several=several):
        p = sigmoid((X[chosen] @ theta.T).astype(np.float32))
        loss = _comparison_loss(p, corpus, chosen)
        tried.append({kind: spread, **loss})
        if best is None or loss["total"] < best[0]:
            best = (loss["total"], theta, f"{kind} {spread:g}")
    assert best is not None  # noqa: S101 - at least one candidate was tried
    return best[1], best[2], tried


def _calibration(X: Float64, theta: Float64, scores: Float32) -> Float64:
    p = sigmoid((X @ theta.T).astype(np.float32))
    return pooled_platt(logit(p).astype(np.float64), scores.astype(np.float64))


def _familiar(known: Float32, asked: Float32, seed: int) -> tuple[Float32, list[float]]:
    """Centroids of what is known, and from which distance to them a query is new, and entirely so."""
    centroids = kmeans(unit(known), 256, seed=seed)
    distance = 1 - (unit(asked) @ centroids.T).max(axis=1)
    near_edge, far_edge = float(np.quantile(distance, 0.95)), float(np.quantile(distance, 0.995))
    return centroids, [near_edge, near_edge + 2 * (far_edge - near_edge)]


def _population(abilities: Float64, lengths: Float64, scale: float) -> dict[str, Float64]:
    """Mean and covariance of what experts can do, shape (T+1,) and (T+1, T+1), and their mean length."""
    mean = abilities.mean(axis=0)
    centred = abilities - mean
    # The experts are fewer than the traits: their covariance is completed by a small spread in every direction.
    floor = np.append(np.full(abilities.shape[1] - 1, (0.02 / scale) ** 2), 0.05)
    cov = centred.T @ centred / max(len(abilities) - 1, 1) + np.diag(floor)
    return {"population_mean": mean, "population_cov": cov, "population_length": lengths.mean(axis=0)}


def _candidates(
    corpus: Corpus,
    X: Float64,
    train: npt.NDArray[np.bool_],
    scale: float,
    learned: npt.NDArray[np.floating[Any]] | None,
    spreads: Sequence[float],
    *,
    several: bool,
) -> Iterator[tuple[str, float, Float64]]:
    """What was done, its strength, and [ability, bias] for inputs X, shape (columns, T+1)."""
    if learned is not None:
        theta = learned.astype(np.float64).copy()
        theta[:, :-1] *= scale
        middle = np.array([theta[corpus.group == g].mean(axis=0) for g in range(int(corpus.group.max()) + 1)])
        centre = middle[corpus.group]
        for share in SHARES if several else SHARES[-1:]:
            found = centre + share * (theta - centre)
            yield "share", share, _levelled(corpus, X, train, found)
        shared = middle
    else:
        shared = _shared(corpus, X, train)
    for spread in spreads if several else spreads[:1]:
        yield "spread", spread, _abilities(corpus, X, train, shared, spread)


def _levelled(corpus: Corpus, X: Float64, train: npt.NDArray[np.bool_], theta: Float64) -> Float64:
    """The same abilities, each expert's bias moved so that its mean prediction is its mean score."""
    found = theta.copy()
    for column in range(len(theta)):
        known = train & ~np.isnan(corpus.scores[:, column])
        if not known.any():
            continue
        z, mean = X[known] @ theta[column], float(corpus.scores[known, column].mean())
        for _ in range(20):
            p = 1 / (1 + np.exp(-z))
            step = (mean - p.mean()) / max(float((p * (1 - p)).mean()), 1e-3)
            z = z + step
            found[column, -1] += step
    return found


def _shared(corpus: Corpus, X: Float64, train: npt.NDArray[np.bool_]) -> Float64:
    """mu_g of every table, shape (tables, T+1): the logistic regression of each query's mean score."""
    found = []
    for number in range(int(corpus.group.max()) + 1):
        block = corpus.scores[np.ix_(np.flatnonzero(train), np.flatnonzero(corpus.group == number))]
        count = (~np.isnan(block)).sum(axis=1)
        rows = count > 0
        mean = np.nansum(block, axis=1)[rows] / count[rows]
        prior = np.append(np.full(X.shape[1] - 1, 1 / 0.1**2), 1e-2)
        weight = np.minimum(count[rows], 4).astype(np.float64)
        found.append(map_logistic(X[train][rows], mean.astype(np.float64), np.zeros(X.shape[1]), prior, weights=weight))
    return np.array(found)


def _abilities(corpus: Corpus, X: Float64, train: npt.NDArray[np.bool_], shared: Float64, spread: float) -> Float64:
    """theta_e of every column under N(mu_g, spread^2), shape (columns, T+1); the bias is free."""
    prior = np.append(np.full(X.shape[1] - 1, 1 / spread**2), 0.25)
    rows = X[train]
    found = []
    for column, group in enumerate(corpus.group):
        scores = corpus.scores[train, column]
        known = ~np.isnan(scores)
        found.append(map_logistic(rows[known], scores[known].astype(np.float64), shared[group], prior, steps=6))
    return np.array(found)


def _comparison_loss(p: Float32, corpus: Corpus, rows: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Cross entropy of single outcomes and of comparisons within a query, and their mean."""
    scores = corpus.scores[rows]
    known = ~np.isnan(scores)
    y = np.nan_to_num(scores)
    q = np.clip(p, 1e-4, 1 - 1e-4)
    single = float(-(y * np.log(q) + (1 - y) * np.log(1 - q))[known].mean())
    z = logit(p)
    losses, count = 0.0, 0.0
    for number in range(int(corpus.group.max()) + 1):
        at = np.flatnonzero(corpus.group == number)
        for i in at:
            better = np.clip(y[:, [i]] - y[:, at], 0, None) * known[:, [i]] * known[:, at]
            losses += float((better * np.logaddexp(0, z[:, at] - z[:, [i]])).sum())
            count += float(better.sum())
    pairs = losses / max(count, 1.0)
    return {"single": single, "pairs": pairs, "total": (single + pairs) / 2}


def _lengths(corpus: Corpus, X: Float64, train: npt.NDArray[np.bool_], scale: float) -> tuple[Float64, dict[str, Any]]:
    """Ridge regression of standardised log tokens, shape (columns, T+1); the mean where lengths are not real."""
    z, settings = standardised_log_tokens(corpus.tokens)
    found = np.full((z.shape[1], X.shape[1]), np.nan)
    left = []
    for column in range(z.shape[1]):
        known = train & ~np.isnan(z[:, column])
        if known.sum() < 5:
            continue
        A, y = X[known], z[known, column].astype(np.float64)
        penalty = np.append(np.full(X.shape[1] - 1, 100.0), 1.0)
        found[column] = np.linalg.solve(A.T @ A + np.diag(penalty), A.T @ y)
        left.append(float(np.var(y - A @ found[column])))
    settings["residual_variance"] = float(np.mean(left)) * settings["deviation"] ** 2 if left else 0.0
    mean = np.nanmean(found, axis=0) if left else np.zeros(X.shape[1])
    found = np.where(np.isnan(found), mean, found)
    found[:, :-1] /= scale
    return found, settings
