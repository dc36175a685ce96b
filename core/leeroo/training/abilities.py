"""One space for all models: abilities from what tables and published scores say of them, and from price and date.

A probabilistic factor model with missing cells (Tipping and Bishop 1999): the logit of a model's score on a benchmark
or table b is alpha_b + beta_b . z_e + noise, with z_e ~ N(g . x_e, I) and x_e what is known of the model without any
score: the logarithm of its price, and when it was released.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from leeroo.pool.names import resolve
from leeroo.prediction.catalogue import Row
from leeroo.prediction.facts import facts_of
from leeroo.prediction.kinds import BENCHMARK_NOISE

Float64 = npt.NDArray[np.float64]
DIMENSIONS = 5
GENERAL, PECULIAR = 5.0, 10.0
"""How firmly a benchmark's loading on general ability is held at 1, and its others at 0: few models tell little."""


@dataclass(frozen=True)
class Abilities:
    """Every model's place in the common space.

    Attributes:
        models: Canonical names, one per row.
        place: z_e, shape (models, dimensions).
        from_facts: g, shape (facts, dimensions).
        told: g . x_e, where facts alone put every model, shape (models, dimensions).
        benchmarks: Names of the columns: tables first, then published benchmarks.
        loading: alpha_b and beta_b, shape (columns, 1 + dimensions), of standardised logits.
        scale: Mean and deviation of each column's logits, shape (columns, 2).
    """

    models: tuple[str, ...]
    place: Float64
    from_facts: Float64
    told: Float64
    benchmarks: tuple[str, ...]
    loading: Float64
    scale: Float64


def fit_abilities(
    models: Sequence[str],
    scores: Float64,
    columns: Sequence[str],
    facts: Float64,
    *,
    counts: Float64 | None = None,
    dimensions: int = DIMENSIONS,
    rounds: int = 40,
    seed: int = 0,
) -> Abilities:
    """Fit the factor model by expectation and maximisation.

    Args:
        models: Canonical names.
        scores: 0..1, NaN where unknown, shape (models, columns).
        columns: Names of tables and benchmarks.
        facts: As `facts_of` gives them, shape (models, facts).
        counts: How many outcomes each score is the mean of, same shape; infinite where that does not matter.
        dimensions: Of the common space.
        rounds: Alternations.
        seed: Of the first guess.
    """
    known = ~np.isnan(scores)
    y, scale = _standardised(scores, known)
    precision = known / (BENCHMARK_NOISE + _by_chance(scores, counts, scale))
    rng = np.random.default_rng(seed)
    general = (precision * y).sum(axis=1) / np.maximum(precision.sum(axis=1), 1)
    z = np.concatenate([general[:, None], rng.normal(0, 0.1, (len(y), dimensions - 1))], axis=1)
    # What is not known of a model's place does not bear a benchmark's loading: else models of one table alone would
    # explain its peculiarities by places that say nothing elsewhere.
    unknown = np.zeros((len(z), 1 + dimensions, 1 + dimensions))
    g = np.zeros((facts.shape[1], dimensions))
    told = known.sum(axis=1) >= 3
    for _ in range(rounds):
        loading = _loadings(z, unknown, y, precision)
        prior, beta = facts @ g, loading[:, 1:]
        for e in range(len(z)):
            weighted = beta.T * precision[e]
            unknown[e, 1:, 1:] = np.linalg.inv(weighted @ beta + np.eye(dimensions))
            z[e] = unknown[e, 1:, 1:] @ (weighted @ (y[e] - loading[:, 0]) + prior[e])
        x = facts[told]
        g = np.linalg.solve(x.T @ x + 2.0 * np.eye(x.shape[1]), x.T @ z[told])
    return Abilities(tuple(models), z, g, facts @ g, tuple(columns), loading, scale)


def _loadings(z: Float64, unknown: Float64, y: Float64, precision: Float64) -> Float64:
    """Alpha and beta of every column, shape (columns, 1 + dimensions)."""
    full = np.concatenate([np.ones((len(z), 1)), z], axis=1)
    centre = np.zeros(full.shape[1])
    centre[1] = 1.0  # a benchmark says of general ability what most benchmarks do
    penalty = np.diag([0.05, GENERAL, *[PECULIAR] * (z.shape[1] - 1)])
    found = np.empty((y.shape[1], full.shape[1]))
    for b in range(len(found)):
        weighted = full.T * precision[:, b]
        left = weighted @ full + np.einsum("e,eij->ij", precision[:, b], unknown) + penalty
        found[b] = np.linalg.solve(left, weighted @ y[:, b] + penalty @ centre)
    return found


def _by_chance(scores: Float64, counts: Float64 | None, scale: Float64) -> Float64:
    """Variance of standardised logits for having been counted on so few outcomes, shape (models, columns)."""
    if counts is None:
        return np.zeros_like(scores)
    kept = np.clip(np.nan_to_num(scores, nan=0.5), 0.05, 0.95)
    return np.asarray(1 / (np.maximum(counts, 1) * kept * (1 - kept)) / scale[:, 1] ** 2)


def _standardised(scores: Float64, known: npt.NDArray[np.bool_]) -> tuple[Float64, Float64]:
    """Logits in units of their column's deviation, 0 where unknown; each column's mean and deviation."""
    kept = np.clip(np.nan_to_num(scores, nan=0.5), 0.02, 0.98)
    logits = np.where(known, np.log(kept / (1 - kept)), np.nan)
    mean = np.array([column[ok].mean() if ok.any() else 0.0 for column, ok in zip(logits.T, known.T, strict=True)])
    deviation = np.array(
        [max(column[ok].std(), 0.2) if ok.sum() > 2 else 1.0 for column, ok in zip(logits.T, known.T, strict=True)]
    )
    return np.where(known, (logits - mean) / deviation, 0.0), np.stack([mean, deviation], axis=1)


@cache
def listed_facts() -> Mapping[str, tuple[float | None, str | None]]:
    """Blended list price (USD per 1M tokens) and release month of the models in the package's fact sheet."""
    text = files("leeroo.prediction").joinpath("facts.csv").read_text(encoding="utf-8")
    found: dict[str, tuple[float | None, str | None]] = {}
    for row in csv.DictReader(text.splitlines()):
        price = float(row["usd"]) if row["usd"] else None
        found[row["model"]] = (price, row["released"] or None)
    return found


def facts_matrix(models: Sequence[str], prices: Mapping[str, float]) -> Float64:
    """`facts_of` every model, from the outcome tables' prices, else from the package's fact sheet.

    Args:
        models: Canonical names.
        prices: Blended USD per 1M tokens by canonical name, where a table says so.
    """
    listed = listed_facts()
    rows = []
    for model in models:
        usd, released = listed.get(model, (None, None))
        named = resolve(model)
        row = named.row if named is not None else None
        if row is not None and released and not row.released:
            row = replace(row, released=released)
        rows.append(facts_of(prices.get(model, usd), row))
    return np.array(rows, dtype=np.float64)


def published(rows: Sequence[Row], at_least: int = 8) -> dict[str, dict[str, float]]:
    """Scores by benchmark and canonical model, of benchmarks with enough models."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row.benchmark, {})[row.model] = row.score
    return {name: scores for name, scores in found.items() if len(scores) >= at_least}
