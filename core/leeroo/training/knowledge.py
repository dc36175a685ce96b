"""What outcome tables and published scores say of models, as an artifact's arrays; and how far that can be trusted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.registry import registry
from leeroo.prediction.kinds import Kinds, facts_of
from leeroo.prediction.matching import normalised
from leeroo.training.abilities import listed_facts
from leeroo.training.corpus import Corpus
from leeroo.training.kinds import TableScores, completed, fit_kinds, place_models

Float32 = npt.NDArray[np.float32]
LEAST_EXPERTS = 12
"""A table with fewer experts does not say how far estimates of newcomers lie off."""


def tables_of(corpus: Corpus, rows: npt.NDArray[np.bool_]) -> tuple[list[TableScores], list[str]]:
    """A corpus's tables for `fit_kinds`, and the models that their experts are."""
    names = [normalised(expert) for _, expert in corpus.columns]
    models = list(dict.fromkeys(names))
    index = {model: i for i, model in enumerate(models)}
    found = []
    for number in range(int(corpus.group.max()) + 1):
        at = np.flatnonzero(rows & (corpus.table == number))
        on = np.flatnonzero(corpus.group == number)
        scores = corpus.scores[np.ix_(at, on)].astype(np.float64)
        answered = ~np.isnan(scores).all(axis=1)
        on_models = np.array([index[names[j]] for j in on])
        found.append(TableScores(corpus.columns[on[0]][0], at[answered], on_models, scores[answered]))
    return [table for table in found if len(table.rows) > 1 and len(set(table.models.tolist())) > 1], models


def blended_prices(tables: Sequence[OutcomeTable]) -> dict[str, float]:
    """USD per 1M tokens, three parts input and one output, by canonical model; models without a price are left out."""
    found: dict[str, float] = {}
    for table in tables:
        for name, (usd_in, usd_out) in zip(table.experts, table.prices.tolist(), strict=True):
            if usd_in == usd_in and usd_out == usd_out:
                found.setdefault(normalised(name), (3 * usd_in + usd_out) / 4)
    return found


def fit_knowledge(
    corpus: Corpus,
    vectors: Float32,
    rows: npt.NDArray[np.bool_],
    prices: Mapping[str, float],
    *,
    width: int,
    seed: int = 0,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Fit the kinds of work, and measure the doubt of each source on models and tables that were left out.

    Args:
        corpus: All tables.
        vectors: Of all queries, shape (queries, width).
        rows: The queries to fit on.
        prices: From `blended_prices`.
        width: Of the encoder's part of the vectors.
        seed: Of what is drawn.

    Returns:
        Arrays, and the setting `kinds`.
    """
    tables, models = tables_of(corpus, rows)
    arrays, settings = fit_kinds(vectors, tables, models, prices, width=width, seed=seed)
    settings["doubt"] = doubts(arrays, settings, tables, models, prices)
    return arrays, settings


def doubts(
    arrays: Mapping[str, npt.NDArray[Any]],
    settings: Mapping[str, Any],
    tables: Sequence[TableScores],
    models: Sequence[str],
    prices: Mapping[str, float],
) -> dict[str, float]:
    """Root mean square error of a model's level in a table, in score at 1/2, by what it was estimated from.

    A table's experts are predicted from the space that was fitted on all other tables and on published scores (the
    table's own link to that space is kept); the offset that all experts share is taken out: a judge's strictness is
    not a doubt about who is better.
    """
    kinds = Kinds(arrays, {**settings, "doubt": {}})
    listed, dates = listed_facts(), {row.model: row.released for row in registry().models}
    errors: dict[str, list[float]] = {"elsewhere": [], "catalogue": [], "price": [], "prior": []}
    for k, table in enumerate(tables):
        if len(table.models) < LEAST_EXPERTS:
            continue
        others = [other for i, other in enumerate(tables) if i != k]
        away = place_models(others, [completed(other.scores) for other in others], models, prices)
        place = dict(zip(away.models, away.place, strict=True))
        elsewhere = {models[m] for other in others for m in other.models.tolist()}
        level = completed(table.scores).mean(axis=0)
        told: dict[str, list[tuple[float, float]]] = {name: [] for name in errors}
        x, y = [], []
        for j, m in enumerate(table.models.tolist()):
            name = models[m]
            x.append(place[name])
            y.append(level[j])
        link = _link(np.array(x), np.array(y))
        for j, m in enumerate(table.models.tolist()):
            name = models[m]
            usd = prices.get(name, listed.get(name, (None, None))[0])
            facts = np.array(facts_of(usd, listed.get(name, (None, None))[1] or dates.get(name)))
            own = "elsewhere" if name in elsewhere else "catalogue" if name in kinds.column else "price"
            told[own].append((float(link @ np.append(1.0, place[name])), level[j]))
            if usd:
                told["price"].append((float(link @ np.append(1.0, facts @ away.from_facts)), level[j]))
            told["prior"].append((float(np.mean(y)), level[j]))
        for source, pairs in told.items():
            if len(pairs) >= 5:
                gap = np.array([a - b for a, b in pairs])
                spread = 4 * np.mean([b * (1 - b) for _, b in pairs])  # as if the level were 1/2
                errors[source] += ((gap - gap.mean()) / max(spread, 0.3)).tolist()
    found = {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in errors.items() if values}
    found.setdefault("prior", 0.2)
    for name, stand_in in (("price", "prior"), ("catalogue", "price"), ("elsewhere", "catalogue")):
        found.setdefault(name, found[stand_in])
    # What says less leaves no less doubt: where the measured ones are the other way round, both are their mean.
    for less, more in (("catalogue", "price"), ("elsewhere", "catalogue"), ("price", "prior")):
        if found[less] > found[more]:
            found[less] = found[more] = (found[less] + found[more]) / 2
    # A level from hundreds of outcomes of the very kind of work; what is left is what the query's features miss.
    found["learned"] = min(0.02, found["elsewhere"])
    found["benchmark"] = found["catalogue"]
    found["relative"] = (found["catalogue"] + found["price"]) / 2
    return {name: round(value, 4) for name, value in found.items()}


def _link(place: npt.NDArray[np.float64], level: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ridge regression of levels on places, intercept first."""
    x = np.concatenate([np.ones((len(place), 1)), place], axis=1)
    ridge = np.diag(np.append(1e-3, np.full(place.shape[1], 3.0)))
    return np.asarray(np.linalg.solve(x.T @ x + ridge, x.T @ level))
