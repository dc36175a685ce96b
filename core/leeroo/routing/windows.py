"""Experts that read only a part of a long prompt and answer all the same: `is_cut`, and what they read, `Windows`.

A server may run a model with a smaller window than the model has, and drop what does not fit without an error (Ollama
does so by default). Its own usage tells: far fewer input tokens than were sent.
"""

import threading
from collections.abc import Callable

from leeroo.routing.usage import Usage
from leeroo.selection.selector import Candidate

LEAST = 1_000
"""Tokens: shorter prompts fit every window, and are estimated less exactly."""
FACTOR = 2
"""How many times as many tokens must have been sent as were read: tokenizers differ by less."""
KEPT = 3600.0
"""Seconds that a window is remembered; meanwhile somebody may have widened it."""
CUTS = "read only about"
"""How the reason begins why an expert is left out that would cut the prompt: no better one is left out for it."""


def is_cut(usage: Usage, candidate: Candidate, media: int) -> bool:
    """Whether an expert has read much less than it was sent.

    Args:
        usage: What it reports.
        candidate: Who, and how much was sent.
        media: Pictures and the like in the request, whose tokens are a guess.
    """
    if usage.estimated or media or not usage.input_tokens:  # nothing is read where a cache answers
        return False
    return max(LEAST, FACTOR * usage.input_tokens) < candidate.input_tokens


class Windows:
    """How much experts have been seen to read of prompts that were longer. Thread-safe.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def note(self, key: str, tokens: int) -> None:
        """An expert has read that many tokens of a longer prompt."""
        with self._lock:
            self._seen[key] = tokens, self._clock() + KEPT

    def why_not(self, key: str, tokens: int) -> str | None:
        """Why a prompt of that many tokens should not be sent to an expert, or None."""
        if not self._seen:
            return None
        with self._lock:
            most, until = self._seen.get(key, (0, 0.0))
        if until <= self._clock() or tokens <= max(LEAST, most):
            return None
        return (
            f"{CUTS} {most} tokens of a longer prompt, and this one has about {tokens}; widen its window (num_ctx or "
            "OLLAMA_CONTEXT_LENGTH for Ollama), or set context_window"
        )
