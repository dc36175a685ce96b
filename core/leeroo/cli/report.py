"""`leeroo report`: a ledger as one HTML page."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.cli.ledger import Url
from leeroo.money import show_usd, to_usd

console = Console()


def report(
    ledger: Url,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    since: Annotated[str | None, typer.Option(help="From then on: 2026-03-01, 12h, 30d. All when absent.")] = None,
    scope: Annotated[str | None, typer.Option(help="This scope and those beneath it only.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="What savings are measured against: openai:gpt-5.4, or NAME=IN,OUT (USD per 1M).")
    ] = None,
) -> None:
    """Write one HTML page about a ledger: spend, savings, quality, latency, failures and budgets. No server needed.

    Example: `leeroo report --ledger sqlite:///leeroo.db --out report.html --since 30d`
    """
    from leeroo.report import write_report

    figures = write_report(ledger, out, since=since, scope=scope, reference=reference)
    calls = sum(row[3] for row in figures["calls"])
    spent = show_usd(to_usd(sum(row[-1] for row in figures["attempts"])))
    console.print(f"{calls:,} calls, {spent}: {out} ({out.stat().st_size / 1e6:.1f} MB)", highlight=False, markup=False)
