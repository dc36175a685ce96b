"""Several outcome tables as one: all queries below each other, one column per expert and table."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.outcomes.table import OutcomeTable

FloatArray = npt.NDArray[np.float32]
LARGE, MOST_SHOWN = 3000, 3
"""A table of fewer training queries than the largest and this is shown again, at most this often in a pass."""


@dataclass(frozen=True)
class Corpus:
    """All tables together.

    An expert that occurs in two tables is two columns: it was prompted differently there, and its scores differ.

    Attributes:
        queries: The texts, shape (queries,).
        parts: train, validation or test, shape (queries,).
        columns: (table, expert) of each column.
        group: The table's number of each column, shape (columns,).
        table: The table's number of each query, shape (queries,).
        domains: The domain of each query.
        scores: 0..1, NaN where unknown, shape (queries, columns).
        tokens: Output tokens, NaN where unknown or not real, shape (queries, columns).
        digest: Hash of all tables.
        prices: USD per 1M input and output tokens, NaN where unknown, shape (columns, 2).
    """

    queries: tuple[str, ...]
    parts: npt.NDArray[np.str_]
    columns: tuple[tuple[str, str], ...]
    group: npt.NDArray[np.int64]
    table: npt.NDArray[np.int64]
    domains: npt.NDArray[np.str_]
    scores: FloatArray
    tokens: FloatArray
    digest: str
    prices: FloatArray

    @classmethod
    def read(cls, folders: Sequence[str | Path], *, limit: int | None = None, seed: int = 0) -> "Corpus":
        """Read tables and stack them.

        Args:
            folders: Outcome tables.
            limit: Use this many queries of each table only.
            seed: Seed of the split and of the choice of queries.

        Raises:
            ConfigError: No folder, two of the same name, or none with two experts.
        """
        tables = [OutcomeTable.read(folder) for folder in folders]
        _check(tables)
        if limit is not None:
            rng = np.random.default_rng(seed)
            tables = [t.take(np.sort(rng.permutation(len(t))[:limit])) for t in tables]
        columns = [(table.name, expert) for table in tables for expert in table.experts]
        count = sum(len(table) for table in tables)
        scores = np.full((count, len(columns)), np.nan, dtype=np.float32)
        tokens = scores.copy()
        group = np.concatenate([np.full(len(t.experts), i, dtype=np.int64) for i, t in enumerate(tables)])
        row = 0
        for number, table in enumerate(tables):
            block = np.ix_(np.arange(row, row + len(table)), np.flatnonzero(group == number))
            scores[block] = table.scores
            if table.assumed_tokens is None:  # where nothing is known all is NaN
                tokens[block] = table.completion_tokens
            row += len(table)
        return cls(
            queries=tuple(query for table in tables for query in table.queries),
            parts=np.concatenate([table.parts(seed=seed) for table in tables]),
            columns=tuple(columns),
            group=group,
            table=np.concatenate([np.full(len(t), i, dtype=np.int64) for i, t in enumerate(tables)]),
            domains=np.concatenate([np.array([f"{t.name}/{d}" for d in t.domains], dtype=np.str_) for t in tables]),
            scores=scores,
            tokens=tokens,
            digest=_digest(tables),
            prices=np.concatenate([table.prices for table in tables]),
        )

    def take(self, rows: npt.NDArray[np.bool_] | None = None, columns: npt.NDArray[np.bool_] | None = None) -> "Corpus":
        """The same corpus with the queries and columns of two masks only; None: all. The digest stays."""
        at = np.ones(len(self.queries), dtype=bool) if rows is None else rows
        on = np.ones(len(self.columns), dtype=bool) if columns is None else columns
        return replace(
            self,
            queries=tuple(compress(self.queries, at)),
            parts=self.parts[at],
            columns=tuple(compress(self.columns, on)),
            group=np.unique(self.group[on], return_inverse=True)[1],
            table=self.table[at],
            domains=self.domains[at],
            scores=self.scores[np.ix_(at, on)],
            tokens=self.tokens[np.ix_(at, on)],
            prices=self.prices[on],
        )

    def to_read(self, numbers_only: Collection[str] = ()) -> npt.NDArray[np.int64]:
        """The training queries that a text model is shown in one pass, those of small tables several times.

        Args:
            numbers_only: Names of tables whose licence allows to learn numbers about experts from, and no text.

        Raises:
            ConfigError: No table has that name, or none is left.
        """
        names = [self.columns[int(np.flatnonzero(self.group == k)[0])][0] for k in range(int(self.group.max()) + 1)]
        if unknown := sorted(set(numbers_only) - set(names)):
            raise ConfigError(f"No outcome table is called {unknown[0]!r}; there are {', '.join(names)}.")
        parts = [np.flatnonzero((self.parts == "train") & (self.table == number)) for number in range(len(names))]
        allowed = [rows for name, rows in zip(names, parts, strict=True) if len(rows) and name not in numbers_only]
        if not allowed:
            raise ConfigError("No table is left whose text may be read: give one that is not --numbers-only.")
        large = min(LARGE, max(len(rows) for rows in allowed))
        return np.concatenate([np.repeat(rows, min(large // len(rows), MOST_SHOWN) or 1) for rows in allowed])


def _check(tables: Sequence[OutcomeTable]) -> None:
    """Refuse what nothing can be learned from."""
    if not tables:
        raise ConfigError("Training needs at least one outcome table.")
    named = Counter(table.name for table in tables)
    if twice := [name for name, count in named.items() if count > 1]:
        raise ConfigError(f"Two outcome tables are called {twice[0]!r}, after their folders; rename one.")
    if all(len(table.experts) < 2 for table in tables):
        name = next((expert for table in tables for expert in table.experts), "NAME")
        names = ", ".join(table.name for table in tables)
        raise ConfigError(
            f"{names}: outcomes of one expert tell it from no other. Give those of another on the same queries, "
            f"or teach it to a predictor that there is: leeroo experts add {name} --outcomes DIR --out NEW."
        )


def _digest(tables: Sequence[OutcomeTable]) -> str:
    import hashlib

    return hashlib.sha256("".join(table.digest() for table in tables).encode()).hexdigest()


def standardised_log_tokens(tokens: FloatArray) -> tuple[FloatArray, dict[str, Any]]:
    """Log output tokens with zero mean and unit deviation, and how to undo it."""
    logs = np.log1p(tokens)
    if np.isnan(logs).all():
        return logs, {"mean": float(np.log1p(200.0)), "deviation": 1.0}
    mean, deviation = float(np.nanmean(logs)), max(float(np.nanstd(logs)), 1e-3)
    return ((logs - mean) / deviation).astype(np.float32), {"mean": mean, "deviation": deviation}
