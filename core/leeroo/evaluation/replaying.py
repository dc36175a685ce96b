"""An outcome table as a game: experts are asked, answers come back, and nobody looks at scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.consult.equivalence import Equivalence, Reply, cluster_all
from leeroo.consult.marks import cluster_in
from leeroo.consult.model import ConsultModel
from leeroo.consult.places import ABSTAINED, UNASKED
from leeroo.consult.policy import promising
from leeroo.consult.repeats import drawn_from
from leeroo.consult.settings import alternatives_of
from leeroo.errors import ConfigError, did_you_mean
from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.evaluation.run import find
from leeroo.outcomes.table import PARTS, part_of, read_columns, read_experts, read_queries
from leeroo.prediction.predictor import Predictor

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
MISSING = UNASKED
"""The cluster of an expert that the table has no outcome of: it cannot be asked."""


@dataclass(frozen=True)
class Game:
    """What a policy may know: predictions, expected costs, and the cluster of an expert's answer once it was asked.

    Attributes:
        query_ids: One per query.
        experts: One per column.
        quality: Predicted, shape (queries, experts).
        costs: Expected USD, same shape.
        clusters: Of every answer, `ABSTAINED`, or `MISSING`; policies look only at those that they asked for.
        alternatives: How many wrong answers there are, 0 for without end, shape (queries,).
    """

    query_ids: tuple[str, ...]
    experts: tuple[str, ...]
    quality: Floats
    costs: Floats
    clusters: Indices
    alternatives: Indices

    def __len__(self) -> int:
        return len(self.query_ids)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Whose answer is in each column: `small#2` is a further draw of `small`."""
        return drawn_from(self.experts)

    @cached_property
    def draws(self) -> tuple[int, ...]:
        """Of every column the first one of the same expert."""
        return tuple(self.names.index(name) for name in self.names)

    def promising(self, model: ConsultModel) -> Flags:
        """Who is worth looking ahead for, shape (queries, columns)."""
        draws, found = np.array(self.draws), np.zeros(self.clusters.shape, dtype=np.bool_)
        for row, there in enumerate(self.clusters != MISSING):
            firsts, at = np.unique(draws[there], return_index=True)
            own, names = np.flatnonzero(there)[at], [self.experts[e] for e in firsts]
            if not names:
                continue
            quality = self.quality[row, own]
            confirming = model.confirming(quality, names, int(self.alternatives[row]) or None)
            found[row] = np.isin(draws, firsts[promising(quality, self.costs[row, own], confirming)])
        return found

    def take(self, rows: Indices) -> "Game":
        """Some of the queries."""
        ids = tuple(self.query_ids[row] for row in rows)
        return Game(
            ids, self.experts, self.quality[rows], self.costs[rows], self.clusters[rows], self.alternatives[rows]
        )


@dataclass(frozen=True)
class Played:
    """What a policy did at one setting.

    Attributes:
        setting: The setting in words.
        asked: The experts (columns) that each query was sent to, in order.
        accepted: Whose answer was taken, shape (queries,).
        rounds: How many times each query had to wait for answers, shape (queries,).
    """

    setting: str
    asked: tuple[tuple[int, ...], ...]
    accepted: Indices
    rounds: Indices


def read_game(
    folder: str | Path, predictor: Predictor, *, experts: Sequence[str] | None = None, split: str = "all"
) -> Game:
    """A game from an outcome table with answers. Scores are not read.

    Args:
        folder: The table; its outcomes need an `answer` column.
        predictor: What is predicted before anybody is asked.
        experts: Who may be asked; everybody when absent. Names may be shortened when it is clear who is meant.
        split: "train", "validation", "test", several of them with commas, or "all".

    Raises:
        ConfigError: The table has no answers, an expert is unknown, or no query is left.
    """
    place = Path(folder)
    queries, prices = read_queries(place), read_experts(place)
    data = read_columns(place / "outcomes.parquet", ("query_id", "expert", "answer"))
    names = [find(name, list(prices)) for name in experts] if experts else list(prices)
    if len(set(names)) < len(names) or not names:
        more = "" if not names else f" {place} has one answer of each to a query; a further draw is an expert `NAME#2`."
        raise ConfigError(f"{', '.join(names) or 'No expert'}: name one or more experts, each once.{more}")
    wanted = frozenset(split.split(","))
    if unknown := wanted - {*PARTS, "all"}:
        raise ConfigError(f"Unknown split {min(unknown)!r}.{did_you_mean(min(unknown), (*PARTS, 'all'))}")
    column_of = {name: j for j, name in enumerate(names)}
    texts = dict(zip(queries["query_id"], queries["query"], strict=True))
    answers: dict[str, dict[int, str | None]] = {}
    tokens: dict[tuple[str, int], float] = {}
    counted = data.get("prompt_tokens") or [None] * len(data["query_id"])
    for query_id, expert, answer, prompt in zip(data["query_id"], data["expert"], data["answer"], counted, strict=True):
        if expert in column_of and query_id in texts and (split == "all" or part_of(texts[query_id]) in wanted):
            answers.setdefault(query_id, {})[column_of[expert]] = answer
            tokens[query_id, column_of[expert]] = np.nan if prompt is None else prompt
    ids = [query_id for query_id in queries["query_id"] if query_id in answers]
    if not ids:
        raise ConfigError(f"{place}: no query of the part {split!r} has an answer of {', '.join(names)}.")
    rows = [texts[query_id] for query_id in ids]
    usd = np.array([prices[name] for name in names], dtype=np.float32)
    made = experts_of(drawn_from(names), usd)
    prediction = predictor.predict(rows, made)
    prompts = np.array([[tokens.get((query_id, j), np.nan) for j in range(len(names))] for query_id in ids])
    return Game(
        query_ids=tuple(ids),
        experts=tuple(names),
        quality=prediction.quality.astype(np.float64),
        costs=expected_costs(predictor, prediction, made, rows, usd, prompts),
        clusters=np.array([clusters_among(answers[i], row, len(names)) for i, row in zip(ids, rows, strict=True)]),
        alternatives=np.array([alternatives_of(row) or 0 for row in rows], dtype=np.int64),
    )


def write_plays(plays: Sequence[Played], game: Game, path: Path) -> int:
    """Write setting, query_id, asked (names in order) and accepted (a name) as Parquet; returns the number of rows.

    Raises:
        ConfigError: The suffix is not .parquet.
    """
    if path.suffix != ".parquet":
        raise ConfigError(f"{path}: a replay is written as .parquet, since it has lists in it.")
    import pyarrow as pa

    from leeroo.outcomes.table import parquet

    table = pa.table(
        {
            "setting": [play.setting for play in plays for _ in game.query_ids],
            "query_id": [query_id for _ in plays for query_id in game.query_ids],
            "asked": [[game.experts[e] for e in one] for play in plays for one in play.asked],
            "accepted": [game.experts[e] for play in plays for e in play.accepted],
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet().write_table(table, path)
    return int(table.num_rows)


def clusters_among(given: Mapping[int, str | None], question: str, experts: int) -> list[int]:
    """The clusters of one query's answers, by column.

    Args:
        given: Answers, or marks of them, by column; None is an abstention.
        question: What was asked.
        experts: How many columns there are; those without an outcome are `MISSING`.
    """
    columns = sorted(given)
    marks = [cluster_in(given[j] or "") for j in columns]
    if all(mark is not None or given[j] is None for mark, j in zip(marks, columns, strict=True)):
        found = [ABSTAINED if mark is None else mark for mark in marks]  # an outcome without an answer abstains
    else:
        found = cluster_all([Reply(given[j] or "") for j in columns], question, _OWN)
    by_column = dict(zip(columns, found, strict=True))
    return [by_column.get(j, MISSING) for j in range(experts)]


_OWN = Equivalence()
