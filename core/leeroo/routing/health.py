"""Which experts are up and how fast they answer: a circuit breaker and a latency estimate per expert."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from leeroo.pool.experts import Expert
from leeroo.routing.failures import POLICIES, Failure
from leeroo.routing.latency import LatencyEstimate
from leeroo.routing.output_caps import OutputCaps
from leeroo.routing.windows import Windows

FAILURES_TO_OPEN = 3
FIRST_COOL_DOWN = 5.0
LONGEST_COOL_DOWN = 300.0
REFRESH = 1.0
"""Seconds after which cool-downs of other processes are read again."""
REPAIR_TIME = 300.0
"""Seconds that an expert is put aside which somebody has to repair: a key, an account, a model's name."""
REFUSES = "put aside after a refusal"
"""How the reason begins why an expert is left out that refuses every call: no better one is left out for it."""
FAIR_TIMEOUT = 1.0
"""Seconds that an expert of unknown latency must have been given before its timeout counts against it."""

OVER_CAP_FOR = 3600.0
"""Seconds that an expert which ignores its output cap is not asked by calls that have a cap."""

Breaker = Literal["closed", "open", "half-open"]


class SharedCoolDowns(Protocol):
    """Cool-downs that processes share. None of these raises: health must not depend on a database that is down."""

    def read(self) -> Mapping[str, float] | None:
        """Seconds left by key, 0 where a probe is due; None: out of reach."""
        ...

    def announce(self, key: str, seconds: float, kind: str) -> None:
        """Let an expert cool down everywhere."""
        ...

    def claim(self, key: str) -> bool:
        """Take the probe of an expert whose cool-down is over; one process gets it."""
        ...

    def clear(self, key: str) -> None:
        """The expert answers again."""
        ...


@dataclass
class _State:
    key: str
    latency: LatencyEstimate
    failures: int = 0
    opened: int = 0
    until: float = 0.0
    announced: float | None = None
    probing: bool = False
    aside_until: float = 0.0
    refusal: str = ""
    failed_at: float = float("-inf")


class Health:
    """Remembers failures and latencies of experts. Thread-safe.

    After three failures in a row, or one that names a wait, an expert cools down; then one call probes it, and its
    success closes the breaker while its failure doubles the cool-down. After a refusal that only a person can mend
    (a key, an account, a model's name) it is put aside for a while, unless nobody else can answer.

    Args:
        clock: Monotonic seconds; tests give their own.
        shared: Cool-downs of all processes, read at most once a second; this process's own when absent.

    Attributes:
        windows: How much experts were seen to read of longer prompts.
        output_caps: How much output experts have said that they give.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, shared: SharedCoolDowns | None = None) -> None:
        self._clock = clock
        self.windows = Windows(clock)
        self.output_caps = OutputCaps(clock)
        self._shared = shared
        self._states: dict[str, _State] = {}
        self._elsewhere: dict[str, float] = {}  # until when, by key
        self._over_cap: dict[str, float] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def why_not(self, expert: Expert) -> str | None:
        """Why the expert should not be asked now, or None."""
        self._refresh()
        state = self._states.get(expert.name)
        if state is not None and (left := state.aside_until - self._clock()) > 0:
            return f"{REFUSES}, for {left:.0f} s: {state.refusal}"
        if self._is_well(expert):
            return None
        with self._lock:
            return self._why_not(expert)

    def wait(self, expert: Expert) -> float:
        """Seconds until the expert has cooled down, 0 where it may be asked now."""
        with self._lock:
            return max(0.0, self._until(expert) - self._clock())

    def breaker(self, expert: Expert) -> Breaker:
        """Closed: asked as usual; open: cooling down; half-open: the next call is its probe, or is on its way."""
        with self._lock:
            until = self._until(expert)
            return "closed" if not until else "open" if until > self._clock() else "half-open"

    def admit(self, expert: Expert, *, anyway: bool = False) -> str | None:
        """Begin an attempt; after a cool-down it is the probe, and nobody else is admitted until it has ended.

        Args:
            expert: Who is to be asked.
            anyway: The caller insists, whatever the expert's health.

        Returns:
            Why the expert should not be asked now; None: go on.
        """
        if self._is_well(expert):
            return None
        with self._lock:
            reason = self._why_not(expert)
            if reason is not None and not anyway:
                return reason
            if not self._until(expert):
                return None
            self._state(expert).probing = True
            shared = self._shared if key_of(expert) in self._elsewhere else None
        if shared is None or anyway or shared.claim(key_of(expert)):
            return None
        with self._lock:
            self._state(expert).probing = False
            self._elsewhere[key_of(expert)] = self._clock() + REFRESH
        return "being probed by another process after failures"

    def succeeded(self, expert: Expert, seconds: float, output_tokens: int, first_token: float | None = None) -> None:
        """An attempt answered after `seconds` with that many tokens."""
        with self._lock:
            state = self._state(expert)
            was_down = self._until(expert) > 0
            state.failures, state.opened, state.until, state.probing, state.announced = 0, 0, 0.0, False, None
            state.aside_until, state.refusal = 0.0, ""
            self._elsewhere.pop(key_of(expert), None)
            state.latency.observe(self._clock(), seconds, output_tokens, first_token)
        if was_down and self._shared is not None:
            self._shared.clear(key_of(expert))

    def failed(
        self,
        expert: Expert,
        failure: Failure,
        *,
        given: float | None = None,
        repeated: bool = False,
        seconds: float | None = None,
    ) -> None:
        """An attempt failed; failures that are the request's own fault do not count.

        Args:
            expert: Who failed.
            failure: How.
            given: Seconds that the attempt was given. A timeout counts only where they would have done for most
                answers: a caller in a hurry must not close an expert to all others.
            repeated: The same call has failed there before: one call that is tried again is one failure.
            seconds: How long the attempt took. Attempts that were under way when another one failed met the same
                trouble: together they are one failure.
        """
        with self._lock:
            state = self._state(expert)
            state.probing = False
            if POLICIES[failure.kind].aside:
                status = f" (HTTP {failure.status})" if failure.status else ""
                state.aside_until = self._clock() + REPAIR_TIME
                state.refusal = f"{failure.kind}{status}: {failure.remedy}"
            if not POLICIES[failure.kind].counts or self._hurried(expert, state, failure, given):
                return
            now = self._clock()
            repeated = repeated or (seconds is not None and now - seconds < state.failed_at)
            if not repeated:
                state.failed_at = now
            state.failures += not repeated
            wait = failure.retry_after or 0.0
            if state.failures >= FAILURES_TO_OPEN and not repeated:
                wait = max(wait, min(LONGEST_COOL_DOWN, FIRST_COOL_DOWN * 2**state.opened))
                state.opened += 1
            if not wait:
                return
            state.until = self._clock() + wait
            if self._shared is not None:
                state.announced = self._clock()
                self._elsewhere[key_of(expert)] = state.until
        if self._shared is not None:
            self._shared.announce(key_of(expert), wait, failure.kind)

    def put_aside(self, expert: Expert) -> None:
        """The expert has written past the output cap that it was sent: calls with a cap do without it for a while."""
        key = _aside(expert)
        with self._lock:
            self._over_cap[key] = self._clock() + OVER_CAP_FOR
        if self._shared is not None:
            self._shared.announce(key, OVER_CAP_FOR, "over_cap")

    def why_no_cap_holds(self, expert: Expert) -> str | None:
        """Why a cap cannot be kept with the expert now, or None."""
        if not self._over_cap and not self._elsewhere:
            return None
        key = _aside(expert)
        with self._lock:
            left = max(self._over_cap.get(key, 0.0), self._elsewhere.get(key, 0.0)) - self._clock()
        if left <= 0:
            return None
        return f"put aside for {left:.0f} s: it wrote past the output cap it was sent, so no cap can be kept there"

    def latency(self, expert: Expert, output_tokens: int, *, slow: bool = False) -> float | None:
        """Estimated seconds of an answer of that length: measured, else declared, else None.

        Args:
            expert: Who.
            output_tokens: The answer's length.
            slow: The 95th percentile instead of the median; None until enough answers were measured.
        """
        with self._lock:
            state = self._states.get(expert.name)
            measured = None if state is None else state.latency.seconds_for(output_tokens, self._clock(), slow=slow)
        if measured is not None or slow or expert.latency is None:
            return measured
        return expert.latency.first_token + expert.latency.per_token * output_tokens

    def _state(self, expert: Expert) -> _State:
        state = self._states.get(expert.name)
        if state is None:
            begin = expert.latency.first_token if expert.latency else 0.0
            state = self._states[expert.name] = _State(key_of(expert), LatencyEstimate(begin))
        return state

    def _until(self, expert: Expert) -> float:
        state = self._states.get(expert.name)
        own = state.until if state else 0.0
        return max(own, self._elsewhere.get(key_of(expert), 0.0)) if self._elsewhere else own

    def _is_well(self, expert: Expert) -> bool:
        """Whether nothing is against an expert anywhere, told without the lock: nearly always it is so."""
        state = self._states.get(expert.name)
        return not self._elsewhere and (state is None or not state.until)

    def _why_not(self, expert: Expert) -> str | None:
        until = self._until(expert)
        if not until:
            return None
        state = self._states.get(expert.name)
        left = until - self._clock()
        if left > 0:
            failures = state.failures if state else 0
            why = f"{failures} failures" if failures else "failures in another process"
            return f"cooling down for {left:.0f} s after {why}"
        return "being probed after failures" if state is not None and state.probing else None

    @staticmethod
    def _hurried(expert: Expert, state: _State, failure: Failure, given: float | None) -> bool:
        if failure.kind != "timeout" or given is None or given >= expert.timeout:
            return False
        return given < (state.latency.slowest or FAIR_TIMEOUT)

    def _refresh(self) -> None:
        """Read what other processes have announced, where the last reading is old."""
        if self._shared is None:
            return
        with self._lock:
            began = self._clock()
            if began - self._read_at < REFRESH:
                return
            self._read_at = began
        found = self._shared.read()
        if found is None:
            return  # what is known ends by itself
        with self._lock:
            now = self._clock()
            self._elsewhere = {key: now + left for key, left in found.items()}
            for state in self._states.values():
                if state.announced is not None and state.announced < began and state.key not in found:
                    # Another process's probe was answered.
                    state.failures, state.opened, state.until, state.announced = 0, 0, 0.0, None


def key_of(expert: Expert) -> str:
    """What makes an expert the same one in every process: its model and where it is reached, whatever its name."""
    place = expert.base_url or expert.provider or type(expert.model).__name__
    return f"{expert.model_id}@{place}"[:400]


def _aside(expert: Expert) -> str:
    """The key under which it is known that an expert ignores its cap; no expert's own."""
    return f"{key_of(expert)[:380]}#over_cap"
