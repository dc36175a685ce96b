"""A consultation with asyncio: the experts of a round are asked at once, each within its time."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from leeroo.consult.equivalence import Reply
from leeroo.endpoints.racing import begin, give_up
from leeroo.routing.aside import unasked
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.consulting import Consultation
from leeroo.routing.judged import Comparison

T = TypeVar("T")


class Aside(Protocol):
    """Runs work that may block: the ledger's, the caller's own checks."""

    async def __call__(self, work: Callable[..., Any], *args: Any, undo: Callable[[Any], object] | None = None) -> Any:
        """Give what the work returns; `undo` is called with it where the task is cancelled meanwhile."""
        ...


async def here(work: Callable[..., Any], *args: Any, undo: Callable[[Any], object] | None = None) -> Any:
    """Run work at once, where no event loop of others waits."""
    return work(*args)


async def consulted(
    consultation: Consultation[T],
    ask: Callable[[Attempt], Awaitable[tuple[T, Usage]]],
    reply_of: Callable[[T], Reply],
    *,
    judge: Callable[[Comparison], Awaitable[tuple[str, Usage]]],
    aside: Aside = here,
) -> T | None:
    """Ask whom the consultation says until it accepts an answer, and settle every attempt.

    Args:
        consultation: Of a call that the caller closes.
        ask: Asks an attempt's expert; gives the answer and what it used, or raises what the expert met.
        reply_of: The answer as it is compared.
        judge: Asks the judge; gives its reply and what it used.
        aside: Where blocking work is done.

    Returns:
        The accepted answer; None where nobody has answered, and the call's own tries may go on.

    Raises:
        ExpertsFailed: The request itself is at fault.
    """
    running: dict[asyncio.Future[tuple[T, Usage]], Attempt] = {}
    try:
        while attempts := await aside(consultation.round, undo=unasked):
            running = {begin(attempt, ask): attempt for attempt in attempts}
            while running:
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    attempt = running.pop(task)
                    await _settle(consultation, attempt, task, reply_of, aside)
            await _compare(consultation, judge, aside)
        return consultation.accepted
    finally:
        await give_up(running)


async def _compare(
    consultation: Consultation[T], judge: Callable[[Comparison], Awaitable[tuple[str, Usage]]], aside: Aside
) -> None:
    """Ask the judge about what is undecided, one pair after the other."""
    while (comparison := await aside(consultation.comparison, undo=unasked)) is not None:
        try:
            async with asyncio.timeout(comparison.attempt.timeout):
                said, usage = await judge(comparison)
        except Exception as error:
            await aside(consultation.unjudged, comparison, error)
        else:
            await aside(consultation.judged, comparison, said, usage)


async def _settle(
    consultation: Consultation[T],
    attempt: Attempt,
    task: "asyncio.Future[tuple[T, Usage]]",
    reply_of: Callable[[T], Reply],
    aside: Aside,
) -> None:
    try:
        answer, usage = task.result()
    except Exception as error:
        await aside(consultation.failed, attempt, error)
        return
    try:
        reply = reply_of(answer)
    except Exception as error:  # an answer in no form that is known: paid for, and of no use
        await aside(partial(consultation.failed, attempt, error, used=usage))
        return
    await aside(consultation.answered, attempt, answer, reply, usage)
