"""Published benchmark scores of models: facts with source and date, as the package's data file."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from leeroo.errors import ConfigError

COLUMNS = ("model", "benchmark", "score", "source", "date")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


@dataclass(frozen=True)
class Row:
    """One published score.

    Attributes:
        model: The model's canonical name.
        benchmark: The benchmark's name; releases and harnesses that cannot be compared have names of their own.
        score: 0..1.
        source: Where it was read.
        date: Of that source, YYYY, YYYY-MM or YYYY-MM-DD.
    """

    model: str
    benchmark: str
    score: float
    source: str
    date: str


def read_catalogue(text: str, source: str) -> tuple[Row, ...]:
    """The rows of a catalogue in CSV.

    Args:
        text: With the header model,benchmark,score,source,date.
        source: Where it comes from, for messages.

    Raises:
        ConfigError: A column is missing, a row has no source or date, a score is not within 0..1, or one stands twice.
    """
    reader = csv.DictReader(text.splitlines())
    absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if absent:
        raise ConfigError(f"{source}: column {absent[0]!r} is missing; a catalogue has {', '.join(COLUMNS)}.")
    found: dict[tuple[str, str], Row] = {}
    for cells in reader:
        row = _row(cells, f"{source}, line {reader.line_num}")
        if (row.model, row.benchmark) in found:
            raise ConfigError(f"{source}, line {reader.line_num}: {row.model} has two scores on {row.benchmark}.")
        found[row.model, row.benchmark] = row
    return tuple(found.values())


def _row(cells: dict[str, str], place: str) -> Row:
    model, benchmark, text, source, date = ((cells[name] or "").strip() for name in COLUMNS)
    if not model or not benchmark:
        raise ConfigError(f"{place}: a row needs a model and a benchmark.")
    try:
        score = float(text)
    except ValueError:
        raise ConfigError(f"{place}: the score {text!r} is not a number.") from None
    if not 0 <= score <= 1:
        raise ConfigError(f"{place}: the score is {text}; scores are between 0 and 1 (0.61, not 61).")
    if not source:
        raise ConfigError(f"{place}: {model} on {benchmark} has no source; say where the score was read.")
    if not _DATE.fullmatch(date):
        raise ConfigError(f"{place}: the date {date!r} is not of the form 2026-08-22.")
    return Row(model, benchmark, score, source, date)


@cache
def catalogue() -> tuple[Row, ...]:
    """The rows that ship with the package."""
    text = files("leeroo.prediction").joinpath("catalogue.csv").read_text(encoding="utf-8")
    return read_catalogue(text, "catalogue.csv")


@cache
def published_scores(model: str) -> tuple[Row, ...]:
    """What is published of a model, by its canonical name."""
    return tuple(row for row in catalogue() if row.model == model)
