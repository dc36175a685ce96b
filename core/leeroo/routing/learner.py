"""What a router asks of whoever learns from its calls; `leeroo.training.online` is the one that comes with Leeroo."""

from collections.abc import Mapping
from typing import Any, Protocol

from leeroo.ledger.memory import Ledger


class Learner(Protocol):
    """Changes predicted quality by what became known of answers. Thread-safe; it never fails a call."""

    def refresh(self, ledger: Ledger) -> None:
        """Take in the feedback that is new in the ledger."""
        ...

    def quality(self, expert: str, predicted: float) -> float:
        """The quality to believe in where the predictor says `predicted`."""
        ...

    def closed(self, record: Mapping[str, Any], query: str) -> None:
        """Take in how a call went."""
        ...
