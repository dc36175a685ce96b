"""Work that blocks (the encoder, the ledger's database) beside the event loop: `Aside`."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from leeroo.routing.aside import aside

T = TypeVar("T")
THREADS = 32
"""Calls that may wait for the ledger at a time; more queue."""

_here = threading.local()


def rest() -> None:
    """Give way between two steps of work that may each hold the interpreter for long; nothing where none was agreed."""
    share = getattr(_here, "share", 0.0)
    if share:
        time.sleep(share * (time.thread_time() - _here.since))
        _here.since = time.thread_time()


class Aside:
    """Runs blocking work in threads of the server's own, always to its end: see `leeroo.routing.aside`.

    Args:
        threads: How much may be done at a time.
        rest: How long a thread rests where its work calls `rest`, and after it, in times of what it took of the
            processor: the interpreter does one thing at a time, and with as much rest as work half of its time is left
            for the event loop.
    """

    def __init__(self, threads: int = THREADS, rest: float = 0.0) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="leeroo-serve")
        self._rest = rest

    async def __call__(self, work: Callable[..., T], *args: Any, undo: Callable[[T], object] | None = None) -> T:
        """What `work(*args)` returns; `undo` as in `leeroo.routing.aside.aside`."""
        return await aside(work, *args, threads=self._threads, undo=undo)

    async def started(self, work: Callable[[], T]) -> T:
        """What `work()` returns; a task that is cancelled leaves it to itself, so it must change nothing."""
        done = work if not self._rest else partial(self._rested, work)
        return await asyncio.get_running_loop().run_in_executor(self._threads, done)

    def _rested(self, work: Callable[[], T]) -> T:
        rest()  # after the work before
        _here.since, _here.share = time.thread_time(), self._rest
        return work()

    def close(self) -> None:
        """Let the work end that has begun."""
        self._threads.shutdown()
