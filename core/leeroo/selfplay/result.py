"""What a run of self-play came to: `Result`."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a run came to; JSON-safe.

    Attributes:
        rounds: Figures before the first round, and after each.
        always: Accuracy and cost of each expert alone on the held-out part, and of the oracle.
        stopped: Why it ended: rounds, money, or no progress.
        nano: What it cost, in nano-dollars.
        calls: Requests by what they were for: answer, write, confirm, judge.
        unscored: Answers without a score, by reason.
        about: Pool, domains and settings.
    """

    rounds: tuple[dict[str, Any], ...]
    always: dict[str, dict[str, float]]
    stopped: str
    nano: int
    calls: dict[str, int]
    unscored: dict[str, int]
    about: dict[str, Any]
