"""The drivers of a call's steps, sync and async: `drive`, `emit`, `adrive`, `aemit`; and the steps that they know."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any, TypeVar

from leeroo.routing.aside import aside

T = TypeVar("T")
Steps = Generator[Any, Any, T]


class Piece:
    """What a stream hands to its caller."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Left(BaseException):
    """The caller has left. Thrown into a body in place of `GeneratorExit`, after which `yield from` allows no step."""


class Apart:
    """Work of a call beside its event loop: to be awaited, or done here where the loop is gone.

    Args:
        do: The work.
        brief: Whether it is not worth a thread.
        undo: Undoes it, given its result, where the caller has left meanwhile.
    """

    __slots__ = ("_brief", "_undo", "do")

    def __init__(self, do: Callable[[], Any], brief: bool, undo: Callable[[Any], object] | None = None) -> None:
        self.do = do
        self._brief = brief
        self._undo = undo

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.do() if self._brief else (yield from aside(self.do, undo=self._undo).__await__())


def drive(steps: Steps[T]) -> T:
    """Take the steps of a body made with `SYNC`, and return what it returns."""
    result = None
    try:
        while True:
            result = steps.send(result)
    except StopIteration as done:
        value: T = done.value
        return value


async def adrive(steps: Steps[T]) -> T:
    """As `drive`, for a body made with `ASYNC`."""
    try:
        step = next(steps)
        while True:
            try:
                result = await step
            except GeneratorExit:
                _abandon(steps)
                raise
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as done:
        value: T = done.value
        return value


def emit(steps: Steps[None]) -> Generator[Any, None, None]:
    """Take the steps of a stream's body made with `SYNC`, and give out its pieces."""
    try:
        step = next(steps)
        while True:
            if type(step) is not Piece:
                step = steps.send(step)
                continue
            try:
                yield step.value
            except GeneratorExit:
                step = steps.throw(Left())
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(None)
    except StopIteration:
        return
    except Left:
        raise GeneratorExit from None


async def aemit(steps: Steps[None]) -> AsyncGenerator[Any, None]:
    """As `emit`, for a body made with `ASYNC`."""
    try:
        step = next(steps)
        while True:
            try:
                result = (yield step.value) if type(step) is Piece else await step
            except GeneratorExit:
                if type(step) is not Piece:
                    _abandon(steps)
                    raise
                step = steps.throw(Left())
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration:
        return
    except Left:
        raise GeneratorExit from None


def _abandon(steps: Steps[Any]) -> None:
    """End a body whose event loop is gone: it settles its attempt, but nothing can be awaited any more."""
    with suppress(Left, StopIteration):
        step = steps.throw(Left())
        while True:
            try:
                result = step.do() if isinstance(step, Apart) else step.close()
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
