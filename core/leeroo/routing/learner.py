"""What a router asks of whoever learns from its calls; `leeroo.routing.online` is the one that comes with Leeroo."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from leeroo.ledger.memory import Ledger
from leeroo.selection.selector import Candidate


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


def taught(learner: Learner, candidate: Candidate) -> Candidate:
    """A candidate with the quality that a learner believes in, and what was predicted beside it."""
    quality = learner.quality(candidate.expert.name, candidate.quality)
    return (
        candidate
        if quality == candidate.quality
        else replace(candidate, quality=quality, base_quality=candidate.quality)
    )
