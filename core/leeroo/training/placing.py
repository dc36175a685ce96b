"""Outcome tables and the common space: each model's place from what tables say of it, and levels from a place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.prediction.catalogue import catalogue
from leeroo.training.abilities import Abilities, facts_matrix, fit_abilities, published

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TableScores:
    """One table for the fit.

    Attributes:
        name: The table's.
        rows: Indices of its queries among all vectors.
        models: Index of each of its experts among all models.
        scores: 0..1, NaN where unknown, shape (rows, experts).
        tokens: Of the answers, NaN where unknown or not real, same shape; None where none is known.
    """

    name: str
    rows: npt.NDArray[np.int64]
    models: npt.NDArray[np.int64]
    scores: Float64
    tokens: Float64 | None = None


def completed(scores: Float64, least: float = 0.0, most: float = 1.0) -> Float64:
    """Unknown cells filled with the query's and the expert's means: additive, kept within bounds."""
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(scores)
        count = np.maximum(known.sum(axis=0), 1)
        expert = np.nansum(scores, axis=0) / count
        query = np.zeros(len(scores))
        for _ in range(5):  # experts that answered other queries are compared on what they share
            query = np.nansum(scores - expert, axis=1) / np.maximum(known.sum(axis=1), 1)
            expert = np.nansum(scores - query[:, None], axis=0) / count
    return np.where(known, scores, np.clip(expert + query[:, None], least, most))


def place_models(
    tables: Sequence[TableScores],
    full: Sequence[Float64],
    models: Sequence[str],
    prices: Mapping[str, float],
    *,
    seed: int = 0,
) -> Abilities:
    """The common space of the tables' models and of all that have published scores."""
    scores_of = published(catalogue())
    everyone = list(dict.fromkeys([*models, *(name for scores in scores_of.values() for name in sorted(scores))]))
    index = {name: i for i, name in enumerate(everyone)}
    matrix = np.full((len(everyone), len(tables) + len(scores_of)), np.nan)
    counts = np.full(matrix.shape, np.inf)  # published scores are of whole benchmarks
    for k, (table, scores) in enumerate(zip(tables, full, strict=True)):
        matrix[:, k], counts[:, k] = levels_of(table, scores, len(everyone))
    for k, named in enumerate(scores_of.values()):
        for name, score in named.items():
            matrix[index[name], len(tables) + k] = score
    columns = [*(table.name for table in tables), *scores_of]
    return fit_abilities(everyone, matrix, columns, facts_matrix(everyone, prices), counts=counts, seed=seed)


def levels_of(table: TableScores, scores: Float64, count: int) -> tuple[Float64, Float64]:
    """Every model's mean score in a table whose unknown cells were filled, and of how many outcomes; NaN where of none.

    Args:
        table: The outcomes.
        scores: The same without unknown cells.
        count: Of models.
    """
    known = (~np.isnan(table.scores)).sum(axis=0)
    merged, seen, _ = by_model(scores.mean(axis=0)[:, None], known, table, count)
    return np.where(seen > 0, merged[:, 0], np.nan), seen


def by_model(
    own: Float64, known: npt.NDArray[np.int64], table: TableScores, count: int
) -> tuple[Float64, Float64, Float64]:
    """Rows of experts that are one model as their weighted mean: values, outcomes and mean score by model."""
    values, seen, total = np.zeros((count, own.shape[1])), np.zeros(count), np.zeros(count)
    np.add.at(values, table.models, own * known[:, None])
    np.add.at(seen, table.models, known)
    np.add.at(total, table.models, np.nansum(table.scores, axis=0))
    some = np.maximum(seen, 1)
    return values / some[:, None], seen, total / some


def regression(place: Float64, values: Float64, weight: Float64, penalty: float = 3.0) -> Float64:
    """Ridge regression on the common space, intercept first.

    Args:
        place: z, shape (models, D).
        values: Shape (models, 1+R) or (models,).
        weight: How much each model counts, shape (models,).
        penalty: Of the slopes; 3 counts as much as three models that are a unit apart.

    Returns:
        Shape (1+D, 1+R) or (1+D,).
    """
    x = np.concatenate([np.ones((len(place), 1)), place], axis=1)
    ridge = np.diag(np.append(1e-3, np.full(place.shape[1], penalty)))
    weighted = (x * weight[:, None]).T
    return np.asarray(np.linalg.solve(weighted @ x + ridge, weighted @ values))
