"""Other people's results as outcome tables: lm-eval, MMLU-Pro, RouteLLM, RouterBench, RouterEval, and plain files.

A reader turns one file into rows; a row that cannot be read becomes a `Skipped` with its file and line, and the rest
is still imported. Pickles are refused: reading one runs whatever code is in it.
"""

import codecs
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.consult.marks import marks_of
from leeroo.errors import ConfigError, did_you_mean
from leeroo.outcomes.formats import FORMATS, Columns, Records, Row, Skipped
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.experts import Expert
from leeroo.pool.tokens import BYTES_PER_TOKEN
from leeroo.visible import counted

csv.field_size_limit(1 << 27)


@dataclass(frozen=True)
class Imported:
    """What an import gave.

    Attributes:
        table: The outcomes.
        rows: Outcomes read.
        skipped: Rows left out.
    """

    table: OutcomeTable
    rows: int
    skipped: tuple[Skipped, ...]

    def summary(self) -> str:
        """One line for people."""
        table = self.table
        return (
            f"{counted(self.rows, 'outcome')} of {counted(len(table.experts), 'expert')} on "
            f"{counted(len(table), 'query', 'queries')} imported; {counted(len(self.skipped), 'row')} left out."
        )


EVERYONE = "*"
"""In the place of an expert's name: the price of all that are not named."""
PLAIN_COLUMNS = ("query", "expert", "score", "domain", "prompt_tokens", "completion_tokens", "answer")


def import_outcomes(
    files: Sequence[str | Path],
    form: str,
    *,
    name: str,
    expert: str | None = None,
    columns: Columns | None = None,
    prices: Mapping[str, tuple[float, float]] | None = None,
) -> Imported:
    """Read result files into one outcome table.

    Args:
        files: The files; a zip is read member by member.
        form: One of `FORMATS`.
        name: Name of the table and prefix of its query ids.
        expert: The model of the files, where they do not name it themselves.
        columns: For plain files: our column's name to theirs, such as `{"query": "prompt"}`.
        prices: USD per 1M tokens (input, output) by expert; looked up by name where absent.

    Raises:
        ConfigError: An unknown format or column, an unreadable file, no row at all, or an expert without a price.
    """
    if form not in FORMATS:
        raise ConfigError(f"Unknown format {form!r}.{did_you_mean(form, FORMATS)}")
    for ours in columns or {}:
        if ours not in PLAIN_COLUMNS:
            raise ConfigError(f"Unknown column {ours!r}.{did_you_mean(ours, PLAIN_COLUMNS)}")
    rows: list[Row] = []
    skipped: list[Skipped] = []
    for file in files:
        for label, records in _open(Path(file)):
            for found in FORMATS[form](records, label, expert, columns or {}):
                (rows if isinstance(found, Row) else skipped).append(found)  # type: ignore[arg-type]
    if not rows:
        first = f" The first fault: {skipped[0]}" if skipped else ""
        raise ConfigError(f"No outcome could be read from {len(files)} file(s) as {form}.{first}")
    return Imported(table_of(rows, name, prices or {}), len(rows), tuple(skipped))


def table_of(rows: Sequence[Row], name: str, prices: Mapping[str, tuple[float, float]]) -> OutcomeTable:
    """The rows as an outcome table: several draws of one (query, expert) pair become its success rate."""
    queries = {row.query: row.domain for row in reversed(rows)}
    texts = list(dict.fromkeys(row.query for row in rows))
    experts = sorted({row.expert for row in rows})
    place, column = {text: i for i, text in enumerate(texts)}, {e: i for i, e in enumerate(experts)}
    shape = (len(texts), len(experts))
    total, count = np.zeros(shape), np.zeros(shape)
    prompt = np.repeat([[len(t.encode()) / BYTES_PER_TOKEN] for t in texts], len(experts), axis=1)
    output = np.full(shape, np.nan)
    for row in rows:
        at = place[row.query], column[row.expert]
        total[at] += row.score  # several draws of one pair make a success rate
        count[at] += 1
        if row.prompt_tokens is not None:
            prompt[at] = row.prompt_tokens
        if row.completion_tokens is not None:
            output[at] = row.completion_tokens
    scores = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return OutcomeTable(
        name=name,
        query_ids=tuple(f"{name}-{hashlib.sha256(t.encode()).hexdigest()[:12]}" for t in texts),
        datasets=(name,) * len(texts),
        domains=tuple(queries[t] or name for t in texts),
        queries=tuple(texts),
        experts=tuple(experts),
        prices=np.array([_price_of(e, prices) for e in experts], dtype=np.float32),
        scores=scores.astype(np.float32),
        prompt_tokens=np.where(count > 0, np.ceil(prompt), np.nan).astype(np.float32),
        completion_tokens=np.where(count > 0, output, np.nan).astype(np.float32),
        answers=_marks(rows, texts, column, place),
    )


def _marks(
    rows: Sequence[Row], texts: Sequence[str], column: Mapping[str, int], place: Mapping[str, int]
) -> npt.NDArray[np.object_] | None:
    """Which answers to a query are the same; of several draws of a pair none is kept, for the score is of all."""
    said: list[dict[int, str | None]] = [{} for _ in texts]
    for row in rows:
        own, at = said[place[row.query]], column[row.expert]
        own[at] = None if at in own else row.answer
    marks = np.full((len(texts), len(column)), None, dtype=object)
    for i, (text, own) in enumerate(zip(texts, said, strict=True)):
        if any(answer is not None for answer in own.values()):
            marks[i, list(own)] = marks_of(list(own.values()), text)
    return marks if (marks != np.array(None)).any() else None


def _price_of(name: str, prices: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    if name in prices or EVERYONE in prices:
        return prices.get(name, prices.get(EVERYONE, (0.0, 0.0)))
    from leeroo.pool.listing import look_up

    found = look_up(Expert(model=name, name=name))
    if found is None:
        raise ConfigError(f"No price is known of {name!r}; give it in USD per 1M tokens: --price '{name}=0.2,0.2'")
    return found.price.input, found.price.output


# Files


def _open(path: Path) -> Iterator[tuple[str, Records]]:
    """The records of a file, or of every result file inside a zip, with a label for messages."""
    suffix = path.suffix.lower()
    if suffix in {".pkl", ".pickle", ".pt", ".bin"}:
        raise ConfigError(
            f"{path}: pickles are refused, reading one runs the code in it; convert it to CSV or Parquet."
        )
    try:
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in sorted(archive.namelist()):
                    if Path(member).suffix.lower() in {".json", ".jsonl", ".csv"} and not member.startswith("__MACOSX"):
                        yield f"{path}/{member}", _records(member, archive.read(member))
        elif suffix == ".parquet":
            yield str(path), _parquet(path)
        elif suffix == ".npz":
            yield str(path), _npz(path)
        else:
            yield str(path), _records(path.name, path.read_bytes())
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror or error}.") from None
    except zipfile.BadZipFile:
        raise ConfigError(f"{path}: not a zip file, or a damaged one.") from None


def _records(name: str, data: bytes) -> Records:
    # Spreadsheets write UTF-16, tabs and semicolons, too.
    wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    suffix = Path(name).suffix.lower()
    if suffix == ".csv":
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=text.partition("\n")[0].count))
        for record in reader:
            yield reader.line_num, record
        return
    if suffix == ".json" and text.lstrip().startswith("["):
        try:
            array = json.loads(text)
        except ValueError as error:
            yield 1, error
            return
        yield from enumerate(array, start=1)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                yield number, error


def _parquet(path: Path) -> Records:
    from leeroo.outcomes.table import parquet

    pq = parquet()
    try:
        table = pq.read_table(path)
    except Exception as error:
        raise ConfigError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from None
    yield from enumerate(table.to_pylist(), start=1)


def _npz(path: Path) -> Records:
    """RouterEval's arrays by query: `{part}_prompt`, `{part}_score` of shape (queries, models), maybe `models`."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [str(name) for name in arrays["models"]] if "models" in arrays else None
            parts = [name.removesuffix("_prompt") for name in arrays.files if name.endswith("_prompt")]
            held = [(arrays[f"{part}_prompt"], arrays[f"{part}_score"]) for part in parts]
    except KeyError as error:
        raise ConfigError(f"{path}: {error.args[0]}") from None
    except ValueError:
        raise ConfigError(
            f"{path}: not an .npz of plain arrays; one of objects is a pickle inside, save its texts with dtype=str."
        ) from None
    if not held:
        raise ConfigError(f"{path}: has no array such as test_prompt and test_score.")
    number = 0
    for prompts, scores in held:
        if scores.shape[:1] != prompts.shape or scores.ndim != 2 or (names and len(names) != scores.shape[1]):
            raise ConfigError(f"{path}: scores must be of shape (queries, models) beside prompts of (queries,).")
        for prompt, row in zip(prompts, scores, strict=True):
            number += 1
            yield number, {"prompt": str(prompt), "scores": row.tolist(), "models": names}
