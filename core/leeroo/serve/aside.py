"""Work that blocks (the encoder, the ledger's database) beside the event loop: `Aside`."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from leeroo.routing.aside import aside

T = TypeVar("T")
THREADS = 32
"""Calls that may wait for the ledger at a time; more queue."""


class Aside:
    """Runs blocking work in threads of the server's own, always to its end: see `leeroo.routing.aside`.

    Args:
        threads: How much may be done at a time.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="leeroo-serve")

    async def __call__(self, work: Callable[..., T], *args: Any, undo: Callable[[T], object] | None = None) -> T:
        """What `work(*args)` returns; `undo` as in `leeroo.routing.aside.aside`."""
        return await aside(work, *args, threads=self._threads, undo=undo)

    async def started(self, work: Callable[[], T]) -> T:
        """What `work()` returns; a task that is cancelled leaves it to itself, so it must change nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Let the work end that has begun."""
        self._threads.shutdown()
