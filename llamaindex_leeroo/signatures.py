"""Signatures that stand once, in the framework."""

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def like(base: Callable[P, R]) -> Callable[[Callable[..., Any]], Callable[P, R]]:
    """Give a method the signature of the one that it overrides, for type checkers, editors and `inspect`.

    Args:
        base: The framework's method.
    """

    def given(method: Callable[..., Any]) -> Callable[P, R]:
        # Not functools.wraps: LlamaIndex marks methods that have a span, and the mark would come along.
        method.__signature__ = inspect.signature(base)  # type: ignore[attr-defined]
        return method

    return given
