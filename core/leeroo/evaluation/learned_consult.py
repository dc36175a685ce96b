"""The consult model from outcomes with answers or marks of them, and from one's own calls; kept in an artifact."""

import json
import os
from collections import Counter
from collections.abc import Collection, Sequence
from functools import reduce
from operator import or_
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.consult.fit import Fit, fit, log_likelihood
from leeroo.consult.model import shipped
from leeroo.consult.observed import Observed, observe
from leeroo.consult.places import ABSTAINED, UNASKED
from leeroo.consult.repeats import drawn_from
from leeroo.consult.settings import alternatives_of
from leeroo.errors import ConfigError
from leeroo.evaluation.costs import experts_of
from leeroo.evaluation.replaying import clusters_among
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.artifact import MANIFEST, read_manifest
from leeroo.prediction.predictor import Predictor
from leeroo.routing.own_consulting import ARTIFACT_KEY
from leeroo.visible import counted

LEAST = 30
"""Queries with two answers or more below which nothing is fitted."""
MOST = 2_000
"""Queries that are fitted on at most, drawn by chance: more would change little."""


def observed_in(table: OutcomeTable, predictor: Predictor, parts: Collection[str] | None = None) -> Observed | None:
    """A table's answers and scores as the fit takes them; None where no query has two answers.

    Args:
        table: Outcomes with answers or marks of them.
        predictor: One that was not trained on these queries: else the model would trust it too much.
        parts: Of the table: train, validation, test; all when absent.
    """
    if table.answers is None:
        return None
    inside = np.ones(len(table), dtype=bool) if parts is None else np.isin(table.parts(), list(parts))
    given = ~np.isnan(table.scores)
    some = inside & ((table.answers != np.array(None)) & given).any(axis=1) & (given.sum(axis=1) > 1)
    columns = given[some].any(axis=0)
    if not some.any():
        return None
    kept = table.take(some, [name for name, used in zip(table.experts, columns, strict=True) if used])
    assert kept.answers is not None  # noqa: S101 - for the type checker
    answers = []
    for row, question in enumerate(kept.queries):
        asked = {j: kept.answers[row, j] for j in np.flatnonzero(~np.isnan(kept.scores[row])).tolist()}
        places = clusters_among(asked, question, len(kept.experts))
        answers.append([None if place <= ABSTAINED else str(place) for place in places])
    names = drawn_from(kept.experts)
    quality = predictor.predict(list(kept.queries), experts_of(names, kept.prices)).quality
    alternatives = [alternatives_of(question) for question in kept.queries]
    scores = kept.scores.astype(np.float64)
    found = observe(names, quality.astype(np.float64), answers, scores, alternatives)[0]
    return found if len(found) else None


def joined(found: Sequence[Observed]) -> Observed:
    """Several sources as one, an expert of the same name the same column (as many as it has draws)."""
    names = tuple(sorted(reduce(or_, (Counter(one.names) for one in found)).elements()))
    queries = sum(len(one) for one in found)
    quality, clusters = np.full((queries, len(names)), 0.5), np.full((queries, len(names)), UNASKED)
    surplus = np.full(clusters.shape, np.nan)
    start = 0
    for one in found:
        rows = slice(start, start + len(one))
        columns = [names.index(name) + one.names[:c].count(name) for c, name in enumerate(one.names)]
        quality[rows, columns], clusters[rows, columns] = one.quality, one.clusters
        surplus[rows, columns] = one.surplus
        start += len(one)
    right = np.concatenate([one.right for one in found])
    return Observed(names, quality, clusters, right, np.concatenate([one.alternatives for one in found]), surplus)


def learn(found: Sequence[Observed], *, seed: int = 0) -> Fit:
    """Fit the consult model; what outcomes do not say is drawn to the model that ships.

    Args:
        found: Outcomes of any number of sources.
        seed: Of the draw where there are more than `MOST` queries.

    Raises:
        ConfigError: Fewer than `LEAST` queries have two answers.
    """
    return fit(_whole(found, seed), shipped())


def is_better(found: Sequence[Observed], *, seed: int = 0) -> bool:
    """Whether a fit on one half of the queries foretells the other half better than the model that ships, and back.

    Args:
        found: As of `learn`.
        seed: Of the halves.

    Raises:
        ConfigError: As of `learn`.
    """
    whole = _whole(found, seed)
    half = np.random.default_rng(seed).permutation(len(whole)) % 2 == 0
    gains = []
    for rows in (half, ~half):
        fitted, unseen = fit(whole.take(rows), shipped()).model, whole.take(~rows)
        gains.append(log_likelihood(fitted, unseen) - log_likelihood(shipped(), unseen))
    return sum(gains) > 0


def _whole(found: Sequence[Observed], seed: int) -> Observed:
    usable = [one.take(_compared(one)) for one in found]
    queries = sum(len(one) for one in usable)
    if queries < LEAST:
        raise ConfigError(
            f"{counted(queries, 'query', 'queries')} with two comparable answers; the consult model is fitted from "
            f"{LEAST} on."
        )
    whole = joined([one for one in usable if len(one)])
    if queries > MOST:
        whole = whole.take(np.sort(np.random.default_rng(seed).choice(queries, MOST, replace=False)))
    if not np.isfinite(whole.quality).all():
        raise ConfigError("The predictor gives qualities that are no numbers; no consult model can be fitted to them.")
    return whole


def learn_from(tables: Sequence[str | Path | OutcomeTable], predictor: Predictor, parts: Collection[str]) -> Fit | None:
    """Fit it on tables' held-out parts; None where too few queries have answers, or the model that ships does as well.

    Args:
        tables: Outcome tables, or their folders.
        predictor: Whose qualities are used.
        parts: Which parts, none of which the predictor was trained on.
    """
    found = []
    for given in tables:
        table = given if isinstance(given, OutcomeTable) else OutcomeTable.read(given)
        found.append(observed_in(table, predictor, parts or None))
    known = [one for one in found if one is not None]
    try:
        return learn(known) if is_better(known) else None
    except ConfigError:
        return None


def keep(found: Fit, folder: str | Path, sources: Sequence[str] = ()) -> None:
    """Write a fitted model into an artifact: routers that load it use it.

    Raises:
        ConfigError: There is no artifact in the folder.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    manifest["settings"][ARTIFACT_KEY] = found.model.to_dict()
    if sources:
        manifest.setdefault("about", {})[ARTIFACT_KEY] = {"queries": found.queries, "from": list(sources)}
    staged = place / f".{MANIFEST}.new"
    staged.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    os.replace(staged, place / MANIFEST)


def words(found: Fit) -> str:
    """What a fit found, in one sentence."""
    model = found.model
    repeats = f"of {found.repeated} queries on which an expert was asked again" if found.repeated else "not fitted, no"
    repeats += "" if found.repeated else " expert was asked again"
    certainty = f"of {found.certain} answers" if found.certain else "not fitted, no log-probabilities are known"
    return (
        f"fitted on {found.queries} queries, {len(model.traits)} experts: log likelihood "
        f"{found.before:.4f} -> {found.log_likelihood:.4f} a query; repeat correlation "
        f"{model.repeat_correlation:.2f} ({repeats}), certainty {model.certainty:.2f} ({certainty})"
    )


def _compared(one: Observed) -> npt.NDArray[np.bool_]:
    """Queries that say something: two experts were asked, and one at least gave an answer that can be compared."""
    asked = (one.clusters != UNASKED).sum(axis=1)
    return np.asarray((asked > 1) & (one.clusters >= 0).any(axis=1))
