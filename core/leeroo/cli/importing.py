"""`leeroo import`: result files of other tools as an outcome table."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.cli.printing import out
from leeroo.errors import ConfigError


def import_results(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="lm-eval, mmlu-pro, routellm, routerbench or plain.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Result files; zips are read inside.")],
    to: Annotated[Path, typer.Option("--out", help="Folder of the outcome table.")],
    expert: Annotated[str | None, typer.Option(help="The model, where the files do not name it.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="OURS=THEIRS, such as query=prompt. May be repeated.")
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="EXPERT=IN,OUT in USD per 1M tokens. May be repeated.")
    ] = None,
) -> None:
    """Turn result files of other tools into an outcome table.

    Example: `leeroo import plain mine.csv --out data/mine --column query=prompt --price my-llm=0.2,0.4`
    """
    from leeroo.outcomes.importers import import_outcomes

    columns = dict(_pair(text, "column", "OURS=THEIRS") for text in column or ())
    prices = {name: _two_prices(name, text) for name, text in (_pair(p, "price", "EXPERT=IN,OUT") for p in price or ())}
    found = import_outcomes(files, form, name=to.name, expert=expert, columns=columns, prices=prices)
    found.table.write(to)
    errors = Console(stderr=True)
    for skipped in found.skipped[:20]:
        errors.print(f"left out: {skipped}", markup=False, highlight=False, soft_wrap=True)
    if len(found.skipped) > 20:
        errors.print(f"... and {len(found.skipped) - 20} more")
    out.print(f"{found.summary()} In {to}", highlight=False)


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
