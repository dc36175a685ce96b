"""The record of the newest call: `last_call`."""

from contextvars import ContextVar
from typing import Any

_last: ContextVar[dict[str, Any] | None] = ContextVar("leeroo_last_call", default=None)
_last_anywhere: dict[str, Any] | None = None


def last_call() -> dict[str, Any] | None:
    """The record of the newest call that ended in this context, else of the newest in this process, else None."""
    return _last.get() or _last_anywhere


def note_last(record: dict[str, Any]) -> None:
    """Note the record of a call that has just ended."""
    global _last_anywhere
    _last.set(record)
    _last_anywhere = record
