"""`leeroo import`: result files of other tools as an outcome table, logs of calls as queries and costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.cli.printing import paragraph
from leeroo.errors import ConfigError

FORMATS_HELP = (
    "Results: lm-eval, mmlu-pro, routellm, routerbench, routereval, plain. Logs: openai-log, langsmith, langfuse, otel."
)
SHOWN = 20
"""Records left out that are named one by one."""


def import_results(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help=FORMATS_HELP)],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Result files; zips are read inside.")],
    to: Annotated[Path, typer.Option("--out", help="Folder of the outcome table, or of calls.jsonl.")],
    expert: Annotated[str | None, typer.Option(help="The model, where the files do not name it.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="OURS=THEIRS, such as query=prompt. May be repeated.")
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="EXPERT=IN,OUT in USD per 1M tokens; * is everyone else. May be repeated.")
    ] = None,
) -> None:
    """Turn result files of other tools into an outcome table, or logs of calls into queries and costs.

    Logs (openai-log, langsmith, langfuse, otel) are read one record at a time, however large; keys in their texts are
    masked, and nothing leaves this machine.

    Example: `leeroo import plain mine.csv --out data/mine --column query=prompt --price my-llm=0.2,0.4`
    """
    from leeroo.outcomes.importers import import_outcomes
    from leeroo.outcomes.traffic import TRAFFIC

    columns = dict(_pair(text, "column", "OURS=THEIRS") for text in column or ())
    prices = prices_of(price)
    if form in TRAFFIC:
        _import_traffic(files, form, to, prices)
        return
    found = import_outcomes(files, form, name=to.name, expert=expert, columns=columns, prices=prices)
    found.table.write(to)
    print_left_out(found.skipped[:SHOWN], len(found.skipped))
    paragraph(f"{found.summary()} In {to}")


def _import_traffic(files: Sequence[Path], form: str, to: Path, prices: Mapping[str, tuple[float, float]]) -> None:
    """Write the calls of logs to `calls.jsonl`, which `leeroo whatif` reads, too."""
    from leeroo.outcomes.callsfile import write_calls
    from leeroo.outcomes.traffic import Prices, read_traffic

    written = write_calls(read_traffic(files, form), to / "calls.jsonl", Prices(prices))
    print_left_out(written.skipped, written.left_out)
    if not written.calls:
        raise ConfigError(f"No call of an LLM could be read from {len(files)} file(s) as {form}.")
    paragraph(f"{written.summary()} In {to / 'calls.jsonl'}")


def print_left_out(skipped: Sequence[object], count: int) -> None:
    """Say which records were left out, the first of them one by one."""
    errors = Console(stderr=True)
    for one in skipped[:SHOWN]:
        errors.print(f"left out: {one}", markup=False, highlight=False, soft_wrap=True)
    if count > SHOWN:
        errors.print(f"... and {count - SHOWN} more", highlight=False)


def prices_of(given: Sequence[str] | None) -> dict[str, tuple[float, float]]:
    """Prices by name from `--price NAME=IN,OUT`.

    Raises:
        ConfigError: One is not of that form.
    """
    return {name: _two_prices(name, text) for name, text in (_pair(p, "price", "EXPERT=IN,OUT") for p in given or ())}


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not equals or not left or not right:
        raise ConfigError(f"--{option} {text!r} is not of the form {form}.")
    return left, right


def _two_prices(name: str, text: str) -> tuple[float, float]:
    try:
        given_in, given_out = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--price {name}={text} is not of the form EXPERT=IN,OUT, in USD per 1M tokens.") from None
    return given_in, given_out
