"""Work that may wait for a database, beside the event loop and always to its end: `aside`."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol, TypeVar

from leeroo.routing.attempt import Attempt, Usage

T = TypeVar("T")
_MISSING = object()


async def aside(
    work: Callable[..., T], *args: Any, threads: Executor | None = None, undo: Callable[[T], object] | None = None
) -> T:
    """What `work(*args)` returns; it is done in a thread, in the caller's context, as if it were done here.

    A reservation that was made in the ledger must be known to its call before the call is closed; so a task that is
    cancelled waits for the work that it has begun.

    Args:
        work: May block.
        *args: Its arguments.
        threads: Where it is done; the event loop's own threads when absent.
        undo: Called in the thread with what the work gave, where the task is cancelled meanwhile.
    """
    context = copy_context()
    run = asyncio.get_running_loop().run_in_executor
    begun = run(threads, partial(context.run, work, *args))
    try:
        return await asyncio.shield(begun)
    except asyncio.CancelledError:
        await _ended(begun)
        if undo is not None and not begun.cancelled() and begun.exception() is None:
            await _ended(run(threads, partial(context.run, undo, begun.result())))
        raise
    finally:
        # What the work has noted in its copy of the context, such as `last_call`, holds for the caller.
        for variable, value in context.items():
            if variable.get(_MISSING) is not value:
                variable.set(value)


class Reserved(Protocol):
    """What an attempt was reserved for."""

    @property
    def attempt(self) -> Attempt:
        """The attempt."""
        ...


def unasked(step: Attempt | Sequence[Attempt] | Reserved | float | None) -> None:
    """Undo a try, or several, that nobody was told of: the expert was asked nothing, so it costs nothing."""
    for one in step if isinstance(step, Sequence) else (step,):
        attempt = getattr(one, "attempt", one)
        if isinstance(attempt, Attempt):
            attempt.cancelled(Usage(0, 0))


async def _ended(work: "asyncio.Future[Any]") -> None:
    """Wait until it has ended, however often the task is cancelled meanwhile."""
    while not work.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([work])
