"""Fit how well every model does on each kind of work: see `leeroo.prediction.kinds` for the model.

Nearly everything is closed-form: eigenvectors of the models' covariance within a table, a Gaussian process for each of
them with its share of signal chosen by marginal likelihood, and least squares on the common space. What kind a query is
like is a logistic regression. Beside the Gaussian process grow trees (`leeroo.training.forest`), on the same functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency
from leeroo.prediction.kinds import from_place, scaled
from leeroo.prediction.knowledge import OWN_OUTCOMES
from leeroo.training import forest, lengths
from leeroo.training.abilities import Abilities
from leeroo.training.directions import directions_of, kernel_with, landmarks
from leeroo.training.placing import TableScores, by_model, completed, place_models, regression
from leeroo.training.words import DIMENSIONS as WORDS

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
LANDMARKS = 800
"""Of each table."""
DIRECTIONS = 24
TOLD_APART_ON = 1200
"""Queries of each table that the likeness of kinds is fitted on."""
ENCODER_SCALE, LEXICAL_SCALE = 2.0, 1.4


def discriminant(x: Float64, table: npt.NDArray[np.int64], kinds: int, seed: int = 0) -> Float64:
    """Logistic regression of the table on the vector, every table with an equal say, shape (W+1, K).

    Raises:
        MissingDependency: scikit-learn is not installed.
    """
    found = np.zeros((x.shape[1] + 1, kinds))
    if kinds < 2:
        return found
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingDependency(f"Training needs {error.name}: pip install 'leeroo[train]'.") from None
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(np.flatnonzero(table == k))[:TOLD_APART_ON] for k in range(kinds)])
    told = LogisticRegression(C=3.0, max_iter=400, class_weight="balanced").fit(x[rows], table[rows])
    if kinds == 2:  # one set of coefficients, of the second kind against the first
        found[:, 1] = np.append(told.coef_[0], told.intercept_[0])
        return found
    return np.concatenate([told.coef_.T, told.intercept_[None]], axis=0)


def fit_kinds(
    vectors: Float32,
    tables: Sequence[TableScores],
    models: Sequence[str],
    prices: Mapping[str, float],
    *,
    width: int,
    everyday: Float32 | None = None,
    count: int = LANDMARKS,
    most: int = DIRECTIONS,
    seed: int = 0,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Fit everything; arrays and settings as `leeroo.prediction.kinds.Kinds` takes them.

    Args:
        vectors: Of all queries, shape (queries, W).
        tables: The outcomes.
        models: Canonical names of the tables' experts, those that `tables` point to.
        prices: Blended USD per 1M tokens by canonical name, where known.
        width: Of the encoder's part of the vectors; behind it stand the lexical part and counts.
        everyday: Vectors of requests that are of no kind, same width; None: there is no telling.
        count: Landmarks.
        most: Directions of a table.
        seed: Of the landmarks' choice.
    """
    scale = np.repeat(np.array([ENCODER_SCALE, LEXICAL_SCALE], np.float32), [width, vectors.shape[1] - width])
    x = scaled(vectors, scale, width)
    plan = _Plan(count, most, counted=max(vectors.shape[1] - width - WORDS, 0), seed=seed)
    full = [completed(table.scores) for table in tables]
    abilities = place_models(tables, full, models, prices, seed=seed)
    factors = [
        _factors_of(x[table.rows], table, scores, abilities, k, plan)
        for k, (table, scores) in enumerate(zip(tables, full, strict=True))
    ]
    found: dict[str, npt.NDArray[Any]] = {
        **_arrays(factors),
        "kinds_scale": scale,
        "kinds_discriminant": _discriminant_of(x, tables, None if everyday is None else scaled(everyday, scale, width)),
        **_space_of(abilities, len(tables)),
        **lengths.arrays_of([of.lengths for of in factors], abilities.place),
    }
    settings = {
        "width": width,
        "counted": plan.counted,
        "names": [table.name for table in tables],
        "models": list(abilities.models),
        "sources": ["learned" if own else "catalogue" for own in found["kinds_outcomes"].sum(axis=0).tolist()],
        "benchmarks": list(abilities.benchmarks[len(tables) :]),
    }
    return found, settings


def _space_of(abilities: Abilities, tables: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the common space; its first columns are the tables, and those of benchmarks stand behind them."""
    found = {
        "models_place": abilities.place,
        "models_told": abilities.told,
        "facts_place": abilities.from_facts,
        "benchmark_loading": abilities.loading[tables:],
        "benchmark_scale": abilities.scale[tables:],
    }
    return {name: array.astype(np.float32) for name, array in found.items()}


def _discriminant_of(x: Float32, tables: Sequence[TableScores], everyday: Float32 | None) -> Float32:
    """The `discriminant` of the tables' queries, and of everyday requests as the last."""
    each = [x[table.rows] for table in tables] + ([] if everyday is None else [everyday])
    which = np.concatenate([np.full(len(rows), k) for k, rows in enumerate(each)])
    return discriminant(np.concatenate(each).astype(np.float64), which, len(each)).astype(np.float32)


@dataclass(frozen=True)
class _Plan:
    """How tables are fitted: landmarks, directions, coordinates of vectors that are counts, and the seed."""

    landmarks: int
    directions: int
    counted: int
    seed: int


@dataclass(frozen=True)
class _Factors:
    """One table's part of what is fitted: R directions, M models.

    Attributes:
        landmarks: Shape (L, W).
        directions: Kernels with the landmarks -> directions, shape (L, R).
        loading: Level and loadings of every model, shape (M, 1+R): its own as far as its outcomes tell.
        from_place: The same from a place in the common space: the kind's part of what `from_place` takes.
        outcomes: Of each model, shape (M,).
        rate: Its mean score, shape (M,).
        lengths: Of the answers.
        trees: Of both.
    """

    landmarks: Float32
    directions: Float64
    loading: Float64
    from_place: Mapping[str, Float64]
    outcomes: Float64
    rate: Float64
    lengths: lengths.TableLengths
    trees: forest.Trees


def _factors_of(
    x: Float32,
    table: TableScores,
    scores: Float64,
    abilities: Abilities,
    k: int,
    plan: _Plan,
) -> _Factors:
    """The factors of table k's queries `x`, with `scores` complete; every model gets as many directions."""
    points, to_features = landmarks(x, plan.landmarks, np.random.default_rng((plan.seed, k)))
    features = kernel_with(x, points).astype(np.float64) @ to_features
    told = directions_of(features, scores, plan.directions)
    own = np.concatenate([told.level[:, None], told.axes], axis=1)
    known = (~np.isnan(table.scores)).sum(axis=0)
    merged, seen, mean = by_model(own, known, table, len(abilities.models))
    on = np.flatnonzero(seen)
    share = seen / (seen + OWN_OUTCOMES)
    found = {
        "kinds_from_place": regression(abilities.place[on], merged[on], share[on]),
        "kinds_level": abilities.loading[k],
        "kinds_level_scale": abilities.scale[k],
        "kinds_range": np.stack([merged[on].min(axis=0), merged[on].max(axis=0)]),
    }
    guess = from_place(abilities.place.astype(np.float32), {name: values[None] for name, values in found.items()})[0]
    loading = share[:, None] * merged + (1 - share[:, None]) * guess
    long = _lengths_of(features, to_features, table, len(abilities.models))
    wanted = (scores - told.level) @ told.axes
    trees = forest.grow(x, told.without, wanted, long.wanted, counted=plan.counted, seed=plan.seed)
    return _Factors(points, to_features @ told.functions, loading, found, seen, mean, long, trees)


def _lengths_of(features: Float64, to_features: Float32, table: TableScores, models: int) -> lengths.TableLengths:
    """The lengths of a table's answers, of the experts that some are known of."""
    if table.tokens is None or not (known := ~np.isnan(table.tokens)).any():
        return lengths.nothing(len(to_features), models, len(table.rows))
    on = known.any(axis=0)
    logs = np.log1p(table.tokens[:, on])
    low, high = np.nanquantile(logs, [0.001, 0.999])
    full = completed(logs, low, high)
    found = directions_of(features, full, lengths.DIRECTIONS)
    expected = np.clip(found.level + found.without @ found.axes.T, low, high)
    noise = max(float(np.nanmean((logs - expected) ** 2)), 1e-6)
    level = found.level + lengths.smeared(expected, table.tokens[:, on], noise)
    own = np.concatenate([level[:, None], found.axes], axis=1)
    told = TableScores(table.name, table.rows, table.models[on], logs)
    merged, seen, _ = by_model(own, known[:, on].sum(axis=0), told, models)
    wanted = (full - found.level) @ found.axes
    return lengths.TableLengths(to_features @ found.functions, merged, seen, (low, high), noise, wanted)


def _arrays(factors: Sequence[_Factors]) -> dict[str, npt.NDArray[Any]]:
    """All tables' parts as the artifact holds them; the landmarks below each other, with each table's start."""
    return {
        "kinds_loading": np.array([of.loading for of in factors], np.float32),
        **{name: np.array([of.from_place[name] for of in factors], np.float32) for name in factors[0].from_place},
        "kinds_outcomes": np.array([of.outcomes for of in factors], np.float32),
        "kinds_rate": np.array([of.rate for of in factors], np.float32),
        "kinds_landmarks": np.concatenate([of.landmarks for of in factors]).astype(np.float16),  # half of the artifact
        "kinds_starts": np.cumsum([0, *(len(of.landmarks) for of in factors)]).astype(np.float32),
        "kinds_directions": np.concatenate([of.directions for of in factors]).astype(np.float32),
        **forest.arrays_of([of.trees for of in factors]),
    }
