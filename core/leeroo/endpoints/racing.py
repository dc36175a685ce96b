"""The attempts of a call with asyncio: a deadline for each as a whole, and hedges where asked for.

An HTTP client's own timeout counts from one piece of an answer to the next, so that a server which drips keeps a caller
for ever; here an attempt ends when its seconds are over. A hedge is a second attempt at the next expert, begun when the
first has taken longer than 19 of 20 of its answers (J. Dean, L. A. Barroso, "The Tail at Scale", CACM 2013). The
answer that comes first is taken; the other attempt is given up, and counted at its worst case, since its provider may
charge for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from leeroo.routing.answers import UselessAnswer
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call

T = TypeVar("T")


async def first_answer(
    call: Call,
    ask: Callable[[Attempt], Awaitable[tuple[T, Usage]]],
    *,
    hedge: bool = False,
    wrong: Callable[[T], UselessAnswer | None] = lambda _: None,
) -> T:
    """Try the experts of a call until one answers, and settle every attempt.

    Args:
        call: The call; the caller closes it.
        ask: Asks an attempt's expert; gives the answer and what it used, or raises what the expert met.
        hedge: Whether a slow first attempt gets a second one beside it, where the budget pays for both.
        wrong: What makes an answer one of no use: it is paid for, and the next expert is asked where there is one.

    Raises:
        LeerooError: No expert answered.
    """
    running: dict[asyncio.Future[tuple[T, Usage]], Attempt] = {}
    tries = call.aattempts()
    try:
        while True:
            patience: float | None = None
            if not running:
                if (attempt := await anext(tries, None)) is None:
                    if (kept := call.last_resort()) is not None:
                        return cast(T, kept)
                    raise call.exhausted()
                running[begin(attempt, ask)] = attempt
                if hedge:
                    tokens = attempt.candidate.output_tokens
                    patience = call.health.latency(attempt.expert, tokens, slow=True)
            done, _ = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not done and (second := call.hedge()) is not None:
                running[begin(second, ask)] = second
            for task in done:
                attempt = running.pop(task)
                try:
                    answer, usage = task.result()
                except Exception as error:
                    attempt.failed(error)
                    continue
                found = call.acceptance.rejects(attempt, wrong(answer), usage, content=answer, others=bool(running))
                if found is not None:
                    attempt.failed(found, used=usage, others=bool(running))
                    continue
                attempt.succeeded(usage)
                return answer
    finally:
        await give_up(running)


def run_here(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from synchronous code, also beneath a running event loop, which then waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def begin(attempt: Attempt, ask: Callable[[Attempt], Awaitable[tuple[T, Usage]]]) -> "asyncio.Future[tuple[T, Usage]]":
    """Ask an attempt's expert within the attempt's time."""

    async def within_its_time() -> tuple[T, Usage]:
        async with asyncio.timeout(attempt.timeout):
            return await ask(attempt)

    return asyncio.ensure_future(within_its_time())


async def give_up(running: "dict[asyncio.Future[tuple[T, Usage]], Attempt]") -> None:
    """Stop what is still on its way. An answer that has come all the same is charged as it is."""
    for task in running:
        task.cancel()
    ends = await asyncio.gather(*running, return_exceptions=True)
    for attempt, end in zip(running.values(), ends, strict=True):
        attempt.cancelled(None if isinstance(end, BaseException) else end[1])
