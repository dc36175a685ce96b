"""`leeroo selfplay`: make outcomes for one's own experts and domains, and learn from them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from leeroo.budget import Budget
from leeroo.errors import ConfigError
from leeroo.ledger.memory import Ledger, MemoryLedger
from leeroo.pool.pool import Pool

if TYPE_CHECKING:
    from leeroo.selfplay.questions import Watch

out = Console()
errors = Console(stderr=True)


def selfplay(
    to: Annotated[Path, typer.Option("--out", help="Folder of the run; the same again goes on with it.")],
    pool: Annotated[Path | None, typer.Option(help="Pool file; the two local experts when absent.")] = None,
    domains: Annotated[Path | None, typer.Option(help="Domains file; the verified families when absent.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds at most.")] = 3,
    max_cost: Annotated[float | None, typer.Option(min=0, help="USD, hard cap of the whole run.")] = None,
    queries: Annotated[int, typer.Option(min=1, help="Queries per round.")] = 48,
    held_out: Annotated[int, typer.Option(min=1, help="Queries never learned from.")] = 72,
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the cost of all pairs that a round may spend.")] = 0.6,
    explore: Annotated[float, typer.Option(min=0, max=1, help="Of that money goes to pairs by chance.")] = 0.2,
    draws: Annotated[int, typer.Option(min=1, help="Answers per pair.")] = 1,
    max_tokens: Annotated[int, typer.Option(min=1, help="Output cap of an answer.")] = 96,
    workers: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 2,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    patience: Annotated[int, typer.Option(min=1, help="Rounds without progress before it ends.")] = 2,
    learning: Annotated[str, typer.Option(help="quick (traits of the pool's experts) or full (retrain).")] = "quick",
    table: Annotated[list[Path] | None, typer.Option(help="Outcome table for full. May be repeated.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Of full learning.")] = 1,
    forget: Annotated[bool, typer.Option("--forget", help="Begin as if these experts were new.")] = False,
    artifact: Annotated[Path | None, typer.Option(help="Predictor to begin from; the one that ships.")] = None,
    scope: Annotated[str, typer.Option(help="Ledger account that is charged.")] = "selfplay",
    report: Annotated[Path | None, typer.Option(help="Where to write the report; REPORT.md in --out.")] = None,
) -> None:
    """Generate queries, choose who answers, score the answers, learn, measure, and go on; then write a report.

    Example: `leeroo selfplay --pool pool.yaml --domains domains.yaml --rounds 3 --max-cost 2 --out runs/play`
    """
    from leeroo.selfplay import Settings, read_domains, run, write_report

    if learning not in ("quick", "full"):
        raise ConfigError(f"--learning {learning!r} is none of quick, full.")
    settings = Settings(
        rounds, queries, held_out, share, explore, draws, max_tokens, workers, seed, patience,
        learning, tuple(table or ()), epochs, forget, scope,  # type: ignore[arg-type]
    )  # fmt: skip
    given = None if domains is None else read_domains(domains)
    with _experts(pool) as (experts, rule, ledger), _bars() as watch:
        result = run(
            experts, given, out=to, max_cost=max_cost, settings=settings, artifact=artifact, rule=rule, ledger=ledger,
            watch=watch,
        )  # fmt: skip
    paths = write_report(result, report or to / "REPORT.md", " ".join(["leeroo", *sys.argv[1:]]))
    out.print(paths.text.read_text(encoding="utf-8"), markup=False, highlight=False)
    out.print(f"Report in {paths.text}; predictor in {to / 'artifacts'}; outcomes in {to / 'outcomes'}", soft_wrap=True)


@contextmanager
def _experts(file: Path | None) -> Iterator[tuple[Pool, Budget, Ledger]]:
    """The pool, its rule of choice and its ledger; the local experts run while the block lasts."""
    if file is not None:
        from leeroo.ledger.opening import ledger_of
        from leeroo.pool.file import read_pool

        read = read_pool(file)
        yield read.pool, read.budget, ledger_of(read.ledger)
        return
    from leeroo.endpoints import local

    with errors.status("Starting two local experts ..."):
        context = local.experts()
        started = context.start()
    try:
        yield Pool(started), Budget(), MemoryLedger()
    finally:
        context.close()


@contextmanager
def _bars() -> "Iterator[Watch]":
    """A progress bar per step, on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        tasks = {}

        def watch(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=total)
            progress.update(tasks[step], completed=done, total=total)

        yield watch
