"""Work that blocks (the encoder, the ledger's database) beside the event loop: `Aside`."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from leeroo.routing.aside import aside

T = TypeVar("T")
THREADS = 32
"""Calls that may wait for the ledger at a time; more queue."""


class Aside:
    """Runs blocking work in threads of the server's own, always to its end: see `leeroo.routing.aside`.

    Args:
        threads: How much may be done at a time.
        rest: How long a thread rests after work, in times of what the work took of the processor: the interpreter does
            one thing at a time, and with as much rest as work half of its time is left for the event loop. For one
            thread.
    """

    def __init__(self, threads: int = THREADS, rest: float = 0.0) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="leeroo-serve")
        self._rest = rest
        self._rests_until = 0.0

    async def __call__(self, work: Callable[..., T], *args: Any, undo: Callable[[T], object] | None = None) -> T:
        """What `work(*args)` returns; `undo` as in `leeroo.routing.aside.aside`."""
        return await aside(work, *args, threads=self._threads, undo=undo)

    async def started(self, work: Callable[[], T]) -> T:
        """What `work()` returns; a task that is cancelled leaves it to itself, so it must change nothing."""
        done = work if not self._rest else partial(self._rested, work)
        return await asyncio.get_running_loop().run_in_executor(self._threads, done)

    def _rested(self, work: Callable[[], T]) -> T:
        time.sleep(max(0.0, self._rests_until - time.monotonic()))
        began = time.thread_time()
        try:
            return work()
        finally:
            self._rests_until = time.monotonic() + self._rest * (time.thread_time() - began)

    def close(self) -> None:
        """Let the work end that has begun."""
        self._threads.shutdown()
