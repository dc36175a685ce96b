"""The asks of a consultation's round, at once, each handed over when it is there: `SyncRound`, `AsyncRound`."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any

from leeroo.routing.attempt import Attempt

Ended = list[tuple[Attempt, Any]]
"""Attempts with what each has given or raised."""


class SyncRound:
    """A round with threads: two are asked in one each, in copies of the caller's context; one alone right here.

    Args:
        asks: By attempt what asks its expert.
    """

    def __init__(self, asks: Mapping[Attempt, Callable[[], Any]]) -> None:
        self._alone = dict(asks) if len(asks) == 1 else {}
        self._threads: ThreadPoolExecutor | None = None
        self._running: dict[Future[Any], Attempt] = {}
        if len(asks) > 1:
            self._threads = ThreadPoolExecutor(len(asks), "leeroo-consult")
            self._running = {
                self._threads.submit(copy_context().run, _outcome, ask): attempt for attempt, ask in asks.items()
            }

    def next(self) -> Ended:
        """Wait for the next that have ended; none where none is on its way."""
        if self._alone:
            attempt, ask = self._alone.popitem()
            return [(attempt, _outcome(ask))]
        if not self._running:
            return []
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        ended = [(self._running.pop(one), one.result()) for one in done]
        if not self._running:
            self._end()
        return ended

    def give_up(self) -> Ended:
        """Ask no more; what comes all the same. A thread cannot be interrupted: its expert's own time ends it."""
        self._alone = {}
        self._end()
        running, self._running = self._running, {}
        return [(attempt, one.result()) for one, attempt in running.items() if not one.cancelled()]

    def _end(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)


class AsyncRound:
    """A round with tasks.

    Args:
        asks: By attempt what asks its expert.
    """

    def __init__(self, asks: Mapping[Attempt, Coroutine[Any, Any, Any]]) -> None:
        self._running = {asyncio.ensure_future(ask): attempt for attempt, ask in asks.items()}

    async def next(self) -> Ended:
        """Wait for the next that have ended; none where none is on its way."""
        if not self._running:
            return []
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        return [(self._running.pop(one), _ended(one)) for one in done]

    async def give_up(self) -> Ended:
        """Interrupt what is on its way; what has come all the same."""
        running, self._running = self._running, {}
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return [(attempt, _ended(one)) for one, attempt in running.items()]


def _outcome(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Exception as error:
        return error


def _ended(task: "asyncio.Future[Any]") -> Any:
    if task.cancelled():
        return asyncio.CancelledError()
    error = task.exception()
    return task.result() if error is None else error
