"""People's feedback on answers as outcomes that a predictor can learn from."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leeroo.errors import ConfigError
from leeroo.outcomes.formats import Row
from leeroo.outcomes.importers import table_of
from leeroo.outcomes.table import OutcomeTable
from leeroo.visible import spreadsheet_cell

COLUMNS = ("call_id", "expert", "score", "prompt_tokens", "completion_tokens")


def to_table(rows: Sequence[Mapping[str, Any]], name: str, prices: Mapping[str, tuple[float, float]]) -> OutcomeTable:
    """Scored calls as an outcome table; several scores of one expert on one query become their mean.

    Args:
        rows: From a ledger's `outcomes()`. Those without a query are left out.
        name: Name of the table.
        prices: USD per 1M tokens (input, output) by expert; looked up by name where absent.

    Raises:
        ConfigError: There is no feedback, no query was kept, or a price is not known.
    """
    if not rows:
        raise ConfigError("The ledger has no feedback yet: `leeroo feedback CALL_ID SCORE`, or leeroo.feedback(...).")
    kept = [
        Row(row["query"], row["expert"], row["score"], "", row["prompt_tokens"], row["completion_tokens"])
        for row in rows
        if row["query"] is not None
    ]
    if not kept:
        raise ConfigError(
            f"The ledger kept no query of its {len(rows)} scored calls. Add ?keep=query to its URL for calls to come, "
            "or export a .csv file, add a column query from your own logs, and read it with `leeroo import plain`."
        )
    return table_of(kept, name, prices)


def to_csv(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Scored calls without their queries, to be joined with one's own logs by call_id."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({name: spreadsheet_cell(row.get(name)) for name in COLUMNS} for row in rows)
