"""Work for a client that may hang up before anything is sent to it: `while_there`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # the command says what to install where the extra is missing
    from starlette.types import Receive

T = TypeVar("T")
WhileThere = Callable[[Awaitable[T]], Awaitable[T]]
LEFT = 499
"""The status in the log of a request whose client has left, as nginx has it."""


class ClientLeft(Exception):
    """The client has hung up."""


async def while_there(receive: "Receive", work: Awaitable[T]) -> T:
    """What the work gives; it is cancelled, and awaited to its end, where the client hangs up meanwhile.

    Args:
        receive: The request's, whose body has been read.
        work: What to do.

    Raises:
        ClientLeft: It has hung up.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
    raise ClientLeft


async def _left(receive: "Receive") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
