"""What outcome tables and published scores say of models, as an artifact's arrays; and how far that can be trusted."""

from collections.abc import Collection, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.prediction.facts import blended
from leeroo.prediction.matching import normalised
from leeroo.training.abilities import facts_matrix
from leeroo.training.corpus import Corpus
from leeroo.training.kinds import fit_kinds
from leeroo.training.placing import TableScores, completed, place_models, regression

Float32 = npt.NDArray[np.float32]
LEAST_EXPERTS = 12
"""A table with fewer experts does not say how far estimates of newcomers lie off."""
LEAST_COMPARED = 5
"""Nor do fewer estimates from one source."""


def tables_of(corpus: Corpus, rows: npt.NDArray[np.bool_]) -> tuple[list[TableScores], list[str]]:
    """A corpus's tables for `fit_kinds`, and the models that their experts are."""
    names = [normalised(expert) for _, expert in corpus.columns]
    cut = []
    for number in range(int(corpus.group.max()) + 1):
        at = np.flatnonzero(rows & (corpus.table == number))
        on = np.flatnonzero(corpus.group == number)
        scores = corpus.scores[np.ix_(at, on)].astype(np.float64)
        answered, known = ~np.isnan(scores).all(axis=1), ~np.isnan(scores).all(axis=0)
        if answered.sum() > 1 and len({names[j] for j in on[known]}) > 1:
            block = np.ix_(at[answered], on[known])
            cut.append((corpus.columns[on[0]][0], at[answered], on[known], scores[np.ix_(answered, known)], block))
    # A model of whose outcomes none are among these rows is not one that outcomes are known of.
    models = list(dict.fromkeys(names[j] for _, _, on, _, _ in cut for j in on))
    index = {model: i for i, model in enumerate(models)}
    tables = [
        TableScores(n, at, np.array([index[names[j]] for j in on]), scores, corpus.tokens[block].astype(np.float64))
        for n, at, on, scores, block in cut
    ]
    return tables, models


def blended_prices(corpus: Corpus) -> dict[str, float]:
    """Blended USD per 1M tokens by canonical model; models without a price are left out."""
    found: dict[str, float] = {}
    for (_, expert), (usd_in, usd_out) in zip(corpus.columns, corpus.prices.tolist(), strict=True):
        if not (isnan(usd_in) or isnan(usd_out)):
            found.setdefault(normalised(expert), blended(usd_in, usd_out))
    return found


def fit_knowledge(
    corpus: Corpus,
    vectors: Float32,
    rows: npt.NDArray[np.bool_],
    *,
    width: int,
    everyday: Float32 | None = None,
    seed: int = 0,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Fit the kinds of work, and measure the doubt of each source on models and tables that were left out.

    Args:
        corpus: All tables.
        vectors: Of all queries, shape (queries, width).
        rows: The queries to fit on.
        width: Of the encoder's part of the vectors.
        everyday: Vectors of requests of no kind, as `fit_kinds` takes them.
        seed: Of what is drawn.

    Returns:
        Arrays, and the setting `kinds`.

    Raises:
        ConfigError: No table compares two models.
    """
    tables, models = tables_of(corpus, rows)
    if not tables:
        raise ConfigError(
            "No outcome table has answers of two models to two queries, so nothing tells one expert from another. "
            "Add outcomes, or teach single experts: leeroo experts add."
        )
    prices = blended_prices(corpus)
    arrays, settings = fit_kinds(vectors, tables, models, prices, width=width, everyday=everyday, seed=seed)
    settings["doubt"] = ordered(misses(tables, models, prices, published=set(settings["models"])))
    return arrays, settings


def misses(
    tables: Sequence[TableScores], models: Sequence[str], prices: Mapping[str, float], *, published: Collection[str]
) -> dict[str, float]:
    """Root mean square error of a model's level in a table, in score at 1/2, by what it was estimated from.

    A table's experts are predicted from the space that was fitted on all other tables and on published scores (the
    table's own link to that space is kept); the offset that all experts share is taken out: a judge's strictness is
    not a doubt about who is better.

    Args:
        tables: The outcomes.
        models: Canonical names of the tables' experts.
        prices: From `blended_prices`.
        published: Models that the common space holds.
    """
    errors: dict[str, list[float]] = {"elsewhere": [], "catalogue": [], "price": [], "prior": []}
    facts = facts_matrix(models, prices)
    for k, table in enumerate(tables):
        if len(table.models) < LEAST_EXPERTS:
            continue
        others = [other for i, other in enumerate(tables) if i != k]
        away = place_models(others, [completed(other.scores) for other in others], models, prices)
        place_of = dict(zip(away.models, away.place, strict=True))
        names = [models[m] for m in table.models]
        place = np.array([place_of[name] for name in names])
        level = completed(table.scores).mean(axis=0)
        link = regression(place, level, np.ones(len(level)))
        known = facts[table.models]
        elsewhere = {models[m] for other in others for m in other.models}
        source = np.array(
            ["elsewhere" if n in elsewhere else "catalogue" if n in published else "price" for n in names]
        )
        priced = known[:, 3] == 0
        by_place, by_price = link[0] + place @ link[1:], link[0] + known @ away.from_facts @ link[1:]
        estimates = {
            "elsewhere": (by_place, level, source == "elsewhere"),
            "catalogue": (by_place, level, source == "catalogue"),
            "price": (
                np.concatenate([by_place, by_price]),
                np.tile(level, 2),
                np.concatenate([source == "price", priced]),
            ),
            "prior": (np.full(len(level), level.mean()), level, np.ones(len(level), dtype=bool)),
        }
        for name, (estimate, truth, told) in estimates.items():
            if told.sum() >= LEAST_COMPARED:
                gap, reached = (estimate - truth)[told], truth[told]
                spread = max(float(4 * (reached * (1 - reached)).mean()), 0.3)  # as if the level were 1/2
                errors[name] += ((gap - gap.mean()) / spread).tolist()
    return {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in errors.items() if values}


def ordered(measured: Mapping[str, float]) -> dict[str, float]:
    """The doubt of every source: what says less leaves no less doubt; what was not measured is as its neighbour."""
    found = {"prior": 0.2, **measured}
    for name, stand_in in (("price", "prior"), ("catalogue", "price"), ("elsewhere", "catalogue")):
        found.setdefault(name, found[stand_in])
    # Where the measured ones are the other way round, both are their mean.
    for less, more in (("catalogue", "price"), ("elsewhere", "catalogue"), ("price", "prior")):
        if found[less] > found[more]:
            found[less] = found[more] = (found[less] + found[more]) / 2
    # A level from hundreds of outcomes of the very kind of work; what is left is what the query's features miss.
    found["learned"] = min(0.02, found["elsewhere"])
    found["benchmark"] = found["catalogue"]
    found["relative"] = (found["catalogue"] + found["price"]) / 2
    return {name: round(value, 4) for name, value in found.items()}
