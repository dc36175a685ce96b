"""The router that a command works with: of a pool file, or of the two local experts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from leeroo.routing.router import Router

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
