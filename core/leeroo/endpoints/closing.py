"""Async generators that belong to another one: closed by it and by nobody else."""

import sys
from collections.abc import AsyncIterator
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class aclosing(Generic[T]):  # noqa: N801 - like contextlib's
    """`contextlib.aclosing` for a generator that the event loop is not to know of.

    A loop that ends closes all generators that it knows. Where one closes another, both are at it at once, and the loop
    prints an error for a program that merely left a stream before its end.

    Args:
        iterator: A generator that nobody has begun to read, or any async iterator; what has no `aclose` is not closed.
    """

    def __init__(self, iterator: AsyncIterator[T]) -> None:
        self._iterator: Any = iterator
        self._begun = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            await close()

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Any:
        if self._begun:
            return self._iterator.__anext__()
        self._begun = True
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)  # of this thread: asked for when the first piece is
        try:
            return self._iterator.__anext__()
        finally:
            sys.set_asyncgen_hooks(*hooks)
