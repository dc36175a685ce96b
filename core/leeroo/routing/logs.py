"""Structured logging: one event per decision, failure, failover, refusal and closed call, on the logger `leeroo`.

Figures and names only, in the message and, for formatters that write JSON, as fields of the log record. Nothing is
formatted where nobody listens.
"""

import logging
from typing import Any

from leeroo.visible import visible

log = logging.getLogger("leeroo")
log.addHandler(logging.NullHandler())  # a library is silent until the application sets up its logging


def heard(level: int) -> bool:
    """Whether anybody listens at a level: what every call would say is not even gathered where nobody does."""
    return log.isEnabledFor(level)


def event(level: int, name: str, **fields: Any) -> None:
    """Log an event.

    Args:
        level: Of `logging`.
        name: What happened: "decision", "failure", "failover", "refusal" or "call".
        **fields: Figures and names; None is left out. Never a prompt, an answer, a key or a header.
    """
    if not heard(level):
        return
    given = {key: value for key, value in fields.items() if value is not None}
    words = " ".join(f"{key}={visible(value)}" for key, value in given.items())
    log.log(level, "%s %s", name, words, extra={"event": name, **given})
