"""One try of one expert: what it may use, how it ends, and what that costs."""

import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Protocol

from leeroo.errors import ExpertsFailed, LeerooError
from leeroo.ledger.memory import Ledger
from leeroo.pool.experts import Expert
from leeroo.routing.failures import Failure, classify
from leeroo.routing.health import Health
from leeroo.routing.purse import Fit
from leeroo.routing.usage import Usage as Usage
from leeroo.routing.usage import settled
from leeroo.selection.selector import Candidate

SLACK, ROOM = 1.1, 16
"""Output beyond the cap that is taken for another way of counting: this factor, and so many tokens."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, for its call's books.

    Attributes:
        candidate: Who was tried.
        reserved: Nano-dollars that had been set aside.
        cost: Nano-dollars that it cost.
        estimated: Whether Leeroo counted what it used.
        failure: None where it answered.
        seconds: How long it took.
        usage: What it used, where that is known.
        error: What the expert raised, None where it raised nothing.
        over_cap: Whether it cost more than had been set aside, although it was sent an output cap.
        purpose: What it was for, None where it was to answer the request.
    """

    candidate: Candidate
    reserved: int
    cost: int
    estimated: bool
    failure: Failure | None
    seconds: float
    usage: Usage | None
    error: BaseException | None = None
    over_cap: bool = False
    purpose: str | None = None


class Owner(Protocol):
    """What an attempt needs of its call."""

    id: str

    @property
    def scope(self) -> str | None:
        """The ledger account that is charged."""
        ...

    def has_failed(self, expert: Expert) -> bool:
        """Whether an attempt of this call at the expert has failed."""
        ...

    def is_final(self, expert: Expert, failure: Failure) -> bool:
        """Whether nobody else is to be tried after this failure."""
        ...

    def ended(self, ending: Ending) -> None:
        """Take an attempt's end into the call's books."""
        ...

    def remember(self, expert: Expert, tool_call_ids: tuple[str, ...]) -> None:
        """Remember who made these tool calls."""
        ...

    def stop(self) -> None:
        """Try nobody else."""
        ...

    def finish(self) -> dict[str, Any]:
        """Close the call; returns its record."""
        ...


class Attempt:
    """One try of one expert. Exactly one of `succeeded`, `failed` and `cancelled` ends it; later ones change nothing.

    Attributes:
        candidate: The judged expert.
        expert: Who is tried.
        max_tokens: The output cap to send, None where the caller set none and no money limits it.
        timeout: Seconds that this try may take.
        purpose: What it is for, None where it is to answer the request; "judge" where it compares answers.
        reserved: Nano-dollars set aside for it, its worst case.
        reserved_tokens: Input and output tokens set aside for it, its worst case.
        cost: Nano-dollars that it cost, once it has ended.
        draw: Which answer of this expert the call asks for; from 2 on it must be another one than before.
    """

    cost: int = 0
    draw: int = 1

    def __init__(
        self,
        call: Owner,
        candidate: Candidate,
        timeout: float,
        fit: Fit,
        ledger: Ledger,
        health: Health,
        purpose: str | None = None,
    ) -> None:
        self.candidate = candidate
        self.expert = candidate.expert
        self.max_tokens, self.reserved, self.reserved_tokens = fit
        self.timeout = timeout
        self.purpose = purpose
        self._call = call
        self._ledger = ledger
        self._health = health
        self._began = time.perf_counter()
        self._first: float | None = None
        self._reservation = ledger.reserve(
            call.id,
            call.scope,
            self.reserved,
            tokens=self.reserved_tokens,
            expert=self.expert.name,
            model=self.expert.model_id,
        )
        self._open = True
        self._lock = threading.Lock()

    @property
    def without_ledger(self) -> bool:
        """Whether it goes on although the ledger is down, so that no limit of the scope holds."""
        return self._reservation < 0

    def first_token(self) -> None:
        """Note the arrival of the first piece of a streamed answer."""
        if self._first is None:
            self._first = time.perf_counter() - self._began

    def succeeded(self, usage: Usage, *, tool_call_ids: tuple[str, ...] = ()) -> None:
        """The expert answered: settle what it cost.

        Args:
            usage: What it used.
            tool_call_ids: Tool calls in the answer; their results go back to the same expert.
        """
        if not self._close():
            return
        usage = self._sound(usage)
        seconds = time.perf_counter() - self._began
        self._health.succeeded(self.expert, seconds, usage.output_tokens, self._first)
        self._call.remember(self.expert, tool_call_ids)
        cost = self.expert.known_price.cost(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.kinds)
        self._end(cost, usage.tokens, usage.estimated, None, seconds, usage)

    def failed(
        self,
        error: BaseException,
        *,
        received: Usage | None = None,
        used: Usage | None = None,
        others: bool = False,
    ) -> None:
        """The expert failed. Returns where another expert may try; raises where none would help.

        Args:
            error: What it raised.
            used: What the expert reports to have used for an answer that is of no use, charged as it is.
            received: What had arrived before a stream broke. Money for it is on the record, and nobody else is tried:
                the caller has seen the beginning of the answer.
            others: Whether another expert has answered already or may still do so: then no failure ends the call.

        Raises:
            ExpertsFailed: A second expert refuses the request as malformed, nobody else could be asked, the failure is
                the caller's own, or it came after the answer had begun.
        """
        if not self._close():
            return
        failure = classify(error)
        received, used = received and self._sound(received), used and self._sound(used)
        cost, tokens = self._used_by_failure(failure, received, used)
        repeated = self._call.has_failed(self.expert)
        final = self._call.is_final(self.expert, failure)
        seconds = time.perf_counter() - self._began
        self._health.failed(self.expert, failure, given=self.timeout, repeated=repeated, seconds=seconds)
        estimated = cost > 0 if used is None else used.estimated
        self._end(cost, tokens, estimated, failure, seconds, received or used, error)
        if failure.kind == "cancelled":
            self._call.stop()
            return
        if (final and not others) or received is not None:
            when = " after the answer had begun" if received is not None else ""
            status = f" (HTTP {failure.status})" if failure.status else ""
            # Our own messages name the remedy; others' may repeat the prompt or a key.
            own = isinstance(error, LeerooError)
            detail = str(error) if own else f"{type(error).__name__}. {failure.remedy}".rstrip()
            message = f"Expert {self.expert.name!r} failed{when}: {failure.kind}{status}: {detail}"
            raise ExpertsFailed(message, self._call.finish(), failure.kind, failure.status) from error

    def cancelled(self, received: Usage | None = None) -> None:
        """The caller gave up, for example by closing a stream: settle what had been used.

        Args:
            received: What the endpoint itself says to have used, at the end of its answer. Without it, or where it is
                an estimate of ours, the attempt counts at its worst case: more may have been worked on than has come.
        """
        if self._close():
            failure = Failure("cancelled")
            received = received and self._sound(received)
            self._health.failed(self.expert, failure)
            cost, tokens = self._used_by_failure(failure, received)
            estimated, seconds = received is None or received.estimated, time.perf_counter() - self._began
            self._end(cost, tokens, estimated, failure, seconds, received)
            self._call.stop()

    def _sound(self, usage: Usage) -> Usage:
        """The usage, or the worst case where its numbers are none: settling cannot fail."""
        worst = self.candidate.input_upper
        found = settled(usage, Usage(worst, max(0, self.reserved_tokens - worst)), self.expert.name)
        if self.candidate.kept == "1h" and found.kinds.cache_write and not found.kinds.cache_write_1h:
            # Streams and gateways tell what was written without how long it is kept.
            kinds = found.kinds._replace(cache_write=0, cache_write_1h=found.kinds.cache_write)
            found = replace(found, kinds=kinds)
        return found

    def _close(self) -> bool:
        """Whether this is the first of the ends; a stream may be closed by one thread and finished by another."""
        with self._lock:
            was_open, self._open = self._open, False
            return was_open

    def _used_by_failure(self, failure: Failure, received: Usage | None, used: Usage | None = None) -> tuple[int, int]:
        """Nano-dollars and tokens that a failure counts for."""
        # Without the endpoint's own word on the whole of it nobody knows what was worked on behind what has come:
        # thinking is billed, and never seen. So it counts at its worst case, whoever broke it off.
        known = used or (received if failure.kind == "cancelled" and received and not received.estimated else None)
        if known is not None:
            price = self.expert.known_price
            return price.cost(known.input_tokens, known.output_tokens, known.cached_tokens, known.kinds), known.tokens
        return (self.reserved, self.reserved_tokens) if failure.billable or received is not None else (0, 0)

    def over_cap(self, output_tokens: int) -> bool:
        """Whether that much output is so far beyond the cap that was sent that the endpoint cannot have heeded it."""
        return self.max_tokens is not None and output_tokens > SLACK * self.max_tokens + ROOM

    def _end(
        self,
        cost: int,
        tokens: int,
        estimated: bool,
        failure: Failure | None,
        seconds: float,
        usage: Usage | None,
        error: BaseException | None = None,
    ) -> None:
        self.cost = cost
        if usage is not None and cost > self.reserved and self.over_cap(usage.output_tokens):
            self._health.put_aside(self.expert)
        # The ledger last: it may be out of reach, and the call's own books must hold all the same.
        over = cost > self.reserved and self.max_tokens is not None
        books = (self.reserved, cost, estimated, failure, seconds, usage, error, over)
        self._call.ended(Ending(self.candidate, *books, self.purpose))
        self._ledger.settle(self._reservation, cost, tokens=tokens)
