"""The router that a command works with: of a pool file, or of the two local experts; and `leeroo pool check`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from leeroo.cli.printing import out
from leeroo.endpoints.openai_compatible import key_variable
from leeroo.pool.file import read_pool
from leeroo.routing.router import Router

pool_app = typer.Typer(help="Look after pool files.", no_args_is_help=True)

POOL_FILES = ("leeroo.yaml", "pool.yaml")


@contextmanager
def open_router(pool: Path | None, *, run: bool) -> Iterator[Router]:
    """The router of a pool file, or of the two local experts, started only where they are to answer.

    Args:
        pool: The file; $LEEROO_POOL, ./leeroo.yaml or ./pool.yaml when absent, else the local experts.
        run: Whether the experts are to answer.
    """
    named = pool or (Path(os.environ["LEEROO_POOL"]) if os.environ.get("LEEROO_POOL") else None)
    file = named or next((Path(name) for name in POOL_FILES if Path(name).exists()), None)
    if file is not None:
        yield Router.from_pool(file)
        return
    from leeroo.endpoints import local

    if not run:
        yield Router(local.specifications())
        return
    with Console(stderr=True).status("Starting two local experts ..."):
        context = local.experts()
        experts = context.__enter__()
    try:
        yield Router(experts)
    finally:
        context.__exit__(None, None, None)


@pool_app.command("check")
def check(file: Annotated[Path, typer.Argument(help="Pool file.")]) -> None:
    """Read a pool file, say what is wrong with it, or show its experts and prices.

    Example: `leeroo pool check pool.yaml`
    """
    read = read_pool(file)
    table = Table(title=f"{file}: {len(read.pool)} experts, reference {read.pool.reference}")
    for column in ("expert", "model", "input $/1M", "output $/1M", "context", "key"):
        table.add_column(column, overflow="fold")
    for expert in read.pool:
        variable = key_variable(expert)
        key = "-" if variable is None else f"{variable} {'set' if os.environ.get(variable) else 'NOT SET'}"
        price = expert.known_price
        window = str(expert.context_window or "?")
        table.add_row(expert.name, str(expert.model_id), f"{price.input:g}", f"{price.output:g}", window, key)
    out.print(table)
