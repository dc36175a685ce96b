"""`leeroo predict` and `leeroo eval`: a predictor on a table of real outcomes."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from leeroo.cli.options import ARTIFACT
from leeroo.cli.printing import out, paragraph
from leeroo.errors import ConfigError
from leeroo.visible import counted

WIDE = 146
"""Columns that all figures take."""
MAIN = ("method", "best acc.", "ECE", "AIQ", "cost 95%", "order", "won")
"""The figures that are shown where there is less room."""


def predict(
    table: Annotated[Path, typer.Argument(metavar="DIR", help="Outcome table: queries.parquet and experts.csv.")],
    to: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    artifact: Annotated[Path | None, typer.Option(help=ARTIFACT)] = None,
) -> None:
    """Write query_id, expert, predicted_quality and expected_cost for a table, reading no score.

    Example: `leeroo predict data/mmlu --out predictions.parquet`
    """
    from leeroo.evaluation import predict_table
    from leeroo.prediction import load

    with Console(stderr=True).status(f"Predicting {table} ..."):
        rows = predict_table(table, to, load(artifact))
    out.print(f"{counted(rows, 'row')} in {to}")


def evaluate(
    table: Annotated[Path, typer.Argument(metavar="DIR", help="Outcome table to evaluate on.")],
    artifact: Annotated[Path | None, typer.Option(help=ARTIFACT)] = None,
    pool: Annotated[str | None, typer.Option(help="Experts to choose from, comma-separated; all when absent.")] = None,
    reference: Annotated[str | None, typer.Option(help="Expert to match; the best one when absent.")] = None,
    weak: Annotated[str | None, typer.Option(help="Cheap expert of APGR and CPT; chosen when absent.")] = None,
    split: Annotated[str, typer.Option(help="Part of the table: test (held out), val, train or all.")] = "test",
    baselines: Annotated[str, typer.Option(help="all, cheap (those that need no vectors) or none.")] = "all",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the frontier here (.png, .svg), more beside it.")] = None,
) -> None:
    """Compare the router with every baseline on a table of real outcomes.

    Example: `leeroo eval data/mmlu --pool mixtral,gpt-4 --reference gpt-4 --plot frontier.png`
    """
    from leeroo.evaluation import evaluate as run
    from leeroo.prediction import load

    if baselines not in ("all", "cheap", "none"):
        raise ConfigError(f"--baselines {baselines!r} is none of all, cheap, none.")
    report = run(
        table,
        load(artifact),
        pool=[name.strip() for name in pool.split(",") if name.strip()] if pool else None,
        reference=reference,
        weak=weak,
        split=split,
        baselines=baselines,  # type: ignore[arg-type]
        progress=sys.stderr.isatty(),
    )
    _print_figures(report.table())
    out.print(report.on_boards(), highlight=False, soft_wrap=True)
    if json_file:
        json_file.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
        out.print(f"Figures in {json_file}")
    if plot:
        for drawn in report.plot(plot):
            out.print(f"Plot in {drawn}")


def _print_figures(table: Table) -> None:
    if not out.is_terminal or out.width >= WIDE:
        Console(width=max(out.width, WIDE)).print(table)
        return
    table.columns = [column for column in table.columns if column.header in MAIN]
    out.print(table)
    paragraph("The other figures: on a wider terminal, in a pipe, or with --json FILE.")
