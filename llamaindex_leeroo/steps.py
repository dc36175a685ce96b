"""What a call waits for, as steps that a driver takes: here alone sync and async stand side by side.

A call's body is a generator of steps (see `running`). A driver takes each one and sends back what it gave, or throws in
what it met: `drive` and `adrive` run a body to its end, `follow` and `afollow` hand out what it yields as `Give`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from leeroo.routing.aside import aside

T = TypeVar("T")
END = object()
"""What `Piece` gives where the stream has ended."""


class Step(Protocol):
    """One thing to wait for."""

    def take(self) -> Any:
        """Wait for it in this thread."""

    async def atake(self) -> Any:
        """Wait for it with the event loop left free."""


Steps = Generator[Step, Any, T]


class Admit(NamedTuple):
    """Wait for LlamaIndex's rate limiter.

    Attributes:
        limiter: LlamaIndex's, with `acquire` and `async_acquire`.
    """

    limiter: Any

    def take(self) -> None:
        """Wait for it in this thread."""
        self.limiter.acquire()

    async def atake(self) -> None:
        """Wait for it with the event loop left free."""
        await self.limiter.async_acquire()


class Work(NamedTuple):
    """Do something that may wait for a file or a database.

    Attributes:
        do: What to do.
        waits: Whether it may; else a thread would only cost time.
        undo: Undoes it, given its result, where the caller has left meanwhile.
    """

    do: Callable[[], Any]
    waits: bool
    undo: Callable[[Any], object] | None = None

    def take(self) -> Any:
        """Do it in this thread."""
        return self.do()

    async def atake(self) -> Any:
        """Do it, in another thread where it may wait."""
        return await aside(self.do, undo=self.undo) if self.waits else self.do()


class Pause(NamedTuple):
    """Let some time pass.

    Attributes:
        seconds: How much.
    """

    seconds: float

    def take(self) -> None:
        """Sleep."""
        time.sleep(self.seconds)

    async def atake(self) -> None:
        """Sleep with the event loop left free."""
        await asyncio.sleep(self.seconds)


class Ask(NamedTuple):
    """Ask an expert for a whole answer.

    Attributes:
        invoke: Calls the expert's method, sync or async as the driver is.
        seconds: What it may take; a sync client keeps time itself.
    """

    invoke: Callable[[], Any]
    seconds: float

    def take(self) -> Any:
        """The answer."""
        return self.invoke()

    async def atake(self) -> Any:
        """The answer.

        Raises:
            TimeoutError: It takes too long; so for the steps below.
        """
        async with asyncio.timeout(self.seconds):
            return await self.invoke()


class Open(NamedTuple):
    """Ask an expert for a stream.

    Attributes:
        invoke: As `Ask` has it.
        seconds: What it may take.
    """

    invoke: Callable[[], Any]
    seconds: float

    def take(self) -> Any:
        """An iterator."""
        return iter(self.invoke())

    async def atake(self) -> Any:
        """An async iterator."""
        async with asyncio.timeout(self.seconds):
            return aiter(await self.invoke())


class Piece(NamedTuple):
    """Wait for the next piece of a stream, or its `END`.

    Attributes:
        source: From `Open`.
        seconds: What it may take.
    """

    source: Any
    seconds: float

    def take(self) -> Any:
        """The piece."""
        return next(self.source, END)

    async def atake(self) -> Any:
        """The piece."""
        async with asyncio.timeout(self.seconds):
            return await anext(self.source, END)


class Close(NamedTuple):
    """Give up a stream, if it can be told so.

    Attributes:
        source: From `Open`.
    """

    source: Any

    def take(self) -> None:
        """Close it."""
        if hasattr(self.source, "close"):
            self.source.close()

    async def atake(self) -> None:
        """Close it."""
        if hasattr(self.source, "aclose"):
            await self.source.aclose()


class Give(NamedTuple):
    """Hand a piece to whoever reads the stream; only `follow` and `afollow` take this step.

    Attributes:
        item: The piece.
    """

    item: Any

    def take(self) -> Any:
        """Nobody reads."""
        raise NotImplementedError

    async def atake(self) -> Any:
        """Nobody reads."""
        raise NotImplementedError


class Body(Generic[T]):
    """A body on its way; as a context it catches what a step meets, for the body to see.

    Attributes:
        given: What the newest step gave.
        result: What the body returned, once `next` has given None.

    Args:
        steps: The body.
    """

    def __init__(self, steps: Steps[T]) -> None:
        self.given: Any = None
        self.result: Any = None
        self._steps = steps
        self._error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        self._error = error
        return True

    def next(self) -> Step | None:
        """The next step; None where there is none.

        Raises:
            BaseException: The body's own.
        """
        given, error = self.given, self._error
        self.given = self._error = None
        try:
            return self._steps.send(given) if error is None else self._steps.throw(error)
        except StopIteration as done:
            self.result = done.value
            return None
        finally:
            del error  # the body may raise it again, and its traceback must not hold it


def settled(do: Callable[[], Any], waits: bool, error: BaseException | None) -> Steps[Any]:
    """`Work` after an error; done at once where the event loop has gone, and no step is taken any more."""
    return do() if isinstance(error, GeneratorExit) else (yield Work(do, waits))


def drive(steps: Steps[T]) -> T:
    """Run a body in this thread; what it returns."""
    body = Body(steps)
    while (step := body.next()) is not None:
        with body:
            body.given = step.take()
    result: T = body.result
    return result


async def adrive(steps: Steps[T]) -> T:
    """Run a body in the event loop; what it returns."""
    body = Body(steps)
    while (step := body.next()) is not None:
        with body:
            body.given = await step.atake()
    result: T = body.result
    return result


def follow(steps: Steps[None]) -> Generator[Any, None, None]:
    """Run a body in the reader's thread, and give out its pieces. The body is told if the reader stops early."""
    body = Body(steps)
    while (step := body.next()) is not None:
        with body:
            body.given = (yield step.item) if isinstance(step, Give) else step.take()


async def afollow(steps: Steps[None]) -> AsyncGenerator[Any, None]:
    """Run a body in the event loop, and give out its pieces. The body is told if the reader stops early."""
    body = Body(steps)
    while (step := body.next()) is not None:
        with body:
            body.given = (yield step.item) if isinstance(step, Give) else await step.atake()
