"""Work that blocks (the encoder, the ledger's database) beside the event loop: `Aside`."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
THREADS = 32
"""Calls that may wait for the ledger at a time; more queue."""


class Aside:
    """Runs blocking work in threads, always to its end.

    A reservation that was made in the ledger must be known to its call before the call is closed; so a task that is
    cancelled waits for the work that it has begun.

    Args:
        threads: How much may be done at a time.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="leeroo-serve")

    async def __call__(self, work: Callable[..., T], *args: Any) -> T:
        """What `work(*args)` returns."""
        context = contextvars.copy_context()
        future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: context.run(work, *args))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    async def started(self, work: Callable[[], T]) -> T:
        """What `work()` returns; a task that is cancelled leaves it to itself, so it must change nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Let the work end that has begun."""
        self._threads.shutdown()
