"""Which experts are up and how fast they answer: a circuit breaker and a latency estimate per expert."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from leeroo.experts import Expert
from leeroo.routing.failures import POLICIES, Failure

FAILURES_TO_OPEN = 3
FIRST_COOL_DOWN = 5.0
LONGEST_COOL_DOWN = 300.0
MEMORY = 0.2
"""Weight of the newest call in the latency estimate."""


@dataclass
class _State:
    failures: int = 0
    opened: int = 0
    until: float = 0.0
    probing: bool = False
    first_token: float | None = None
    per_token: float | None = None


class Health:
    """Remembers failures and latencies of experts. Thread-safe.

    After three failures in a row, or one that names a wait, an expert cools down; then one call probes it, and its
    success closes the breaker while its failure doubles the cool-down.

    Args:
        clock: Monotonic seconds; tests give their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}
        self._lock = threading.Lock()

    def why_not(self, expert: Expert) -> str | None:
        """Why the expert should not be asked now, or None."""
        with self._lock:
            state = self._states.get(expert.name)
            if state is None or not state.until:
                return None
            left = state.until - self._clock()
            if left > 0:
                return f"cooling down for {left:.0f} s after {state.failures} failures"
            return "being probed after failures" if state.probing else None

    def started(self, expert: Expert) -> None:
        """An attempt begins; after a cool-down it is the probe."""
        with self._lock:
            state = self._states.get(expert.name)
            if state is not None and state.until:
                state.probing = True

    def succeeded(self, expert: Expert, seconds: float, output_tokens: int, first_token: float | None = None) -> None:
        """An attempt answered after `seconds` with that many tokens."""
        with self._lock:
            state = self._states.setdefault(expert.name, _State())
            state.failures, state.opened, state.until, state.probing = 0, 0, 0.0, False
            begin = first_token if first_token is not None else min(seconds, _prior(expert)[0])
            rate = max(0.0, seconds - begin) / max(1, output_tokens)
            state.first_token = _blend(state.first_token, begin)
            state.per_token = _blend(state.per_token, rate)

    def failed(self, expert: Expert, failure: Failure) -> None:
        """An attempt failed; failures that are the request's own fault do not count."""
        with self._lock:
            state = self._states.setdefault(expert.name, _State())
            state.probing = False
            if not POLICIES[failure.kind].counts:
                return
            state.failures += 1
            wait = failure.retry_after or 0.0
            if state.failures >= FAILURES_TO_OPEN:
                wait = max(wait, min(LONGEST_COOL_DOWN, FIRST_COOL_DOWN * 2**state.opened))
                state.opened += 1
            if wait:
                state.until = self._clock() + wait

    def latency(self, expert: Expert, output_tokens: int) -> float | None:
        """Estimated seconds for an answer of that length: measured, else declared, else None."""
        with self._lock:
            state = self._states.get(expert.name)
            if state is not None and state.first_token is not None and state.per_token is not None:
                return state.first_token + state.per_token * output_tokens
        if expert.latency is None:
            return None
        return expert.latency.first_token + expert.latency.per_token * output_tokens


def _prior(expert: Expert) -> tuple[float, float]:
    return (expert.latency.first_token, expert.latency.per_token) if expert.latency else (0.0, 0.0)


def _blend(old: float | None, new: float) -> float:
    return new if old is None else (1 - MEMORY) * old + MEMORY * new
