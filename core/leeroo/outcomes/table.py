"""The outcome table: which expert answered which query how well. What training and evaluation read."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError, MissingDependency
from leeroo.files.folders import made_folder

FloatArray = npt.NDArray[np.float32]
QUERY_COLUMNS = ("query_id", "dataset", "domain", "query")
PARTS = ("train", "validation", "test")
# The options of a multiple-choice question start here; what stands before is the stem.
_OPTIONS = re.compile(r"\n\s*\(?A[.):]\s")


def parquet() -> Any:
    """pyarrow.parquet, or the error that says how to get it.

    Raises:
        MissingDependency: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingDependency("Outcome tables need pyarrow: pip install 'leeroo[eval]'.") from None
    return pq


def stem_key(query: str) -> str:
    """The hash of a question's stem: its text before the options, letters and digits only.

    An MMLU question and its MMLU-Pro variant (same stem, more options) share the key.
    """
    stem = _OPTIONS.split(query, maxsplit=1)[0]
    plain = re.sub(r"[^a-z0-9]+", "", stem.lower()) or query
    return hashlib.sha256(plain.encode()).hexdigest()


def part_of(query: str, *, seed: int = 0) -> str:
    """The part a query belongs to: 80% train, 10% validation, 10% test, by the hash of its stem."""
    number = int(hashlib.sha256(f"{seed}:{stem_key(query)}".encode()).hexdigest()[:8], 16) % 10
    return PARTS[0] if number < 8 else PARTS[number - 7]


@dataclass(frozen=True)
class OutcomeTable:
    """Outcomes of some experts on some queries, as matrices.

    Attributes:
        name: The table's name (its folder's).
        query_ids: One per query.
        datasets: The data set of each query.
        domains: The domain (subject) of each query.
        queries: The texts.
        experts: Names, one per column.
        prices: USD per 1M tokens, shape (experts, 2): input, output.
        scores: 0..1, NaN where unknown, shape (queries, experts).
        prompt_tokens: Tokens of the input, NaN where unknown, shape (queries, experts).
        completion_tokens: Tokens of the output, NaN where unknown, shape (queries, experts).
        answers: What was answered, or marks of it (`leeroo.consult.marks`), None where unknown, shape (queries,
            experts); absent where no outcome has one.
    """

    name: str
    query_ids: tuple[str, ...]
    datasets: tuple[str, ...]
    domains: tuple[str, ...]
    queries: tuple[str, ...]
    experts: tuple[str, ...]
    prices: FloatArray
    scores: FloatArray
    prompt_tokens: FloatArray
    completion_tokens: FloatArray
    answers: npt.NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def costs(self) -> FloatArray:
        """USD of each known outcome at the table's prices, NaN where unknown, shape (queries, experts)."""
        usd = (self.prompt_tokens * self.prices[:, 0] + self.completion_tokens * self.prices[:, 1]) / 1e6
        return usd.astype(np.float32)

    @property
    def assumed_tokens(self) -> float | None:
        """The one length that the table assumes for all outputs; None where lengths are real, or none is known."""
        known = self.completion_tokens[~np.isnan(self.completion_tokens)]
        return float(known[0]) if known.size and known.std() == 0 else None

    def parts(self, *, seed: int = 0) -> npt.NDArray[np.str_]:
        """The part (train, validation, test) of each query, shape (queries,)."""
        return np.array([part_of(query, seed=seed) for query in self.queries], dtype=np.str_)

    def take(self, rows: npt.NDArray[Any], experts: Sequence[str] | None = None) -> "OutcomeTable":
        """The same table with some rows (indices or a mask) and some experts only.

        Raises:
            ConfigError: An expert is not in the table.
        """
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        names = tuple(experts) if experts is not None else self.experts
        missing = [name for name in names if name not in self.experts]
        if missing:
            from leeroo.errors import did_you_mean

            raise ConfigError(f"{self.name}: no expert {missing[0]!r}.{did_you_mean(missing[0], self.experts)}")
        columns = [self.experts.index(name) for name in names]

        def pick(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[i] for i in index)

        block = np.ix_(index, np.array(columns, dtype=np.int64))
        return OutcomeTable(
            name=self.name,
            query_ids=pick(self.query_ids),
            datasets=pick(self.datasets),
            domains=pick(self.domains),
            queries=pick(self.queries),
            experts=names,
            prices=self.prices[columns],
            scores=self.scores[block],
            prompt_tokens=self.prompt_tokens[block],
            completion_tokens=self.completion_tokens[block],
            answers=None if self.answers is None else self.answers[block],
        )

    def digest(self) -> str:
        """A hash of queries and scores: what an artifact says it was trained on."""
        digest = hashlib.sha256()
        for query_id, query in zip(self.query_ids, self.queries, strict=True):
            digest.update(f"{query_id}\0{query}\0".encode())
        digest.update("\0".join(self.experts).encode())
        digest.update(np.nan_to_num(self.scores, nan=-1.0).tobytes())
        return digest.hexdigest()

    @classmethod
    def read(cls, folder: str | Path) -> "OutcomeTable":
        """Read a folder of queries.parquet, outcomes.parquet and experts.csv.

        Raises:
            ConfigError: A file or a column is missing, or an outcome names an unknown query or a score outside 0..1.
            MissingDependency: pyarrow is not installed.
        """
        place = Path(folder)
        columns = read_queries(place)
        prices = read_experts(place)
        data = read_columns(place / "outcomes.parquet", ("query_id", "expert", "score"))
        row_of = {query_id: i for i, query_id in enumerate(columns["query_id"])}
        experts = list(prices)
        experts += [name for name in dict.fromkeys(data["expert"]) if name not in prices]
        column_of = {name: i for i, name in enumerate(experts)}
        try:
            rows = np.array([row_of[query_id] for query_id in data["query_id"]], dtype=np.int64)
        except KeyError as error:
            raise ConfigError(f"{place / 'outcomes.parquet'}: query {error} is not in queries.parquet.") from None
        cols = np.array([column_of[name] for name in data["expert"]], dtype=np.int64)
        score = np.array(data["score"], dtype=np.float32)
        for at in np.flatnonzero((score < 0) | (score > 1))[:1]:
            whose = f"{data['expert'][at]!r} on {data['query_id'][at]!r} is {score[at]:g}"
            raise ConfigError(f"{place / 'outcomes.parquet'}: the score of {whose}; 0 to 1 is meant (0.61, not 61).")

        def matrix(values: Any) -> FloatArray:
            filled = np.full((len(row_of), len(experts)), np.nan, dtype=np.float32)
            if values is not None and len(rows):
                filled[rows, cols] = np.array([np.nan if v is None else v for v in values], dtype=np.float32)
            return filled

        answers = np.full((len(row_of), len(experts)), None, dtype=object)
        answers[rows, cols] = data.get("answer") or [None] * len(rows)
        return cls(
            name=place.name,
            query_ids=tuple(columns["query_id"]),
            datasets=tuple(columns["dataset"]),
            domains=tuple(columns["domain"]),
            queries=tuple(columns["query"]),
            experts=tuple(experts),
            prices=np.array([prices.get(name, (np.nan, np.nan)) for name in experts], dtype=np.float32).reshape(-1, 2),
            scores=matrix(score),
            prompt_tokens=matrix(data.get("prompt_tokens")),
            completion_tokens=matrix(data.get("completion_tokens")),
            answers=answers if answers.any() else None,
        )

    def write(self, folder: str | Path) -> None:
        """Write the table as `read` reads it."""
        pq = parquet()
        import pyarrow as pa

        place = Path(folder)
        made_folder(place)
        values = (self.query_ids, self.datasets, self.domains, self.queries)
        named = {name: list(column) for name, column in zip(QUERY_COLUMNS, values, strict=True)}
        pq.write_table(pa.table(named), place / "queries.parquet")
        rows, cols = np.nonzero(~np.isnan(self.scores))

        def whole(matrix: FloatArray) -> list[int | None]:
            return [None if np.isnan(v) else int(v) for v in matrix[rows, cols]]

        outcomes = {
            "query_id": [self.query_ids[i] for i in rows],
            "expert": [self.experts[j] for j in cols],
            "score": self.scores[rows, cols].astype(np.float64),
            "prompt_tokens": pa.array(whole(self.prompt_tokens), pa.int64()),
            "completion_tokens": pa.array(whole(self.completion_tokens), pa.int64()),
        }
        if self.answers is not None:
            outcomes["answer"] = pa.array(
                [None if a is None else str(a) for a in self.answers[rows, cols]], pa.string()
            )
        pq.write_table(pa.table(outcomes), place / "outcomes.parquet")
        with (place / "experts.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("expert", "input_usd_per_1m", "output_usd_per_1m"))
            for name, (usd_in, usd_out) in zip(self.experts, self.prices, strict=True):
                if not np.isnan(usd_in):
                    writer.writerow((name, f"{usd_in:g}", f"{usd_out:g}"))


def read_columns(path: Path, needed: Sequence[str]) -> dict[str, list[Any]]:
    """The columns of a Parquet file.

    Raises:
        ConfigError: The file is missing or unreadable, or a needed column is absent.
    """
    pq = parquet()
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `leeroo import` makes a folder of your results.") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from None
    absent = [name for name in needed if name not in table.column_names]
    if absent:
        raise ConfigError(
            f"{path}: column {absent[0]!r} is missing; found {', '.join(table.column_names)}. "
            f"Where it has another name in your results: leeroo import --column {absent[0]}=YOURS."
        )
    return {name: table[name].to_pylist() for name in table.column_names}


def read_queries(folder: Path) -> dict[str, list[str]]:
    """queries.parquet as columns; `dataset` and `domain` are filled in where absent.

    Raises:
        ConfigError: The file or a needed column is missing, or two queries share an id.
    """
    columns = read_columns(folder / "queries.parquet", ("query_id", "query"))
    count = len(columns["query_id"])
    if len(set(columns["query_id"])) != count:
        twice = next(one for one, times in Counter(columns["query_id"]).items() if times > 1)
        raise ConfigError(f"{folder / 'queries.parquet'}: query_id {twice!r} stands on two rows; give each its own.")
    dataset = columns.get("dataset") or [folder.name] * count
    return {
        "query_id": [str(v) for v in columns["query_id"]],
        "dataset": [str(v) for v in dataset],
        "domain": [str(v) for v in columns.get("domain") or dataset],
        "query": [v or "" for v in columns["query"]],
    }


def read_experts(folder: Path) -> dict[str, tuple[float, float]]:
    """experts.csv: USD per 1M input and output tokens by expert; NaN where the price is not known (an empty cell).

    Raises:
        ConfigError: The file or a column is missing, or a price is not a number.
    """
    path = folder / "experts.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            return {row["expert"]: (_usd(row["input_usd_per_1m"]), _usd(row["output_usd_per_1m"])) for row in reader}
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; it lists expert,input_usd_per_1m,output_usd_per_1m.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: needs expert,input_usd_per_1m,output_usd_per_1m on every line ({error}).") from None


def _usd(cell: str) -> float:
    return float(cell) if cell.strip() else float("nan")
