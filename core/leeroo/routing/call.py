"""One call's life after the decision: `Call`, its `Attempt`s, and the record.

Neither does I/O with experts: an adapter invokes them, so that sync, async and streamed paths share this bookkeeping.

    with router.open(query, budget) as call:
        for attempt in call.attempts():
            try:
                answer = ...  # attempt.expert, attempt.max_tokens, attempt.timeout
            except Exception as error:
                attempt.failed(error)
            else:
                attempt.succeeded(Usage(input_tokens=..., output_tokens=...))
                return answer
        raise call.exhausted()
"""

import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from leeroo.budget import Budget, Spent
from leeroo.errors import BudgetExceeded, ExpertsFailed, LeerooError
from leeroo.pool.experts import Expert, to_usd
from leeroo.query import Query
from leeroo.routing.attempt import Attempt, Fit, Usage
from leeroo.routing.failures import Failure
from leeroo.routing.logs import event
from leeroo.routing.tries import AsyncTries, Tries
from leeroo.selection.selector import Candidate, Selection

if TYPE_CHECKING:
    from leeroo.routing.router import Router

_last: ContextVar[dict[str, Any] | None] = ContextVar("leeroo_last_call", default=None)
_last_anywhere: dict[str, Any] | None = None


def last_call() -> dict[str, Any] | None:
    """The record of the newest call that ended in this context, else of the newest in this process, else None."""
    return _last.get() or _last_anywhere


@dataclass(frozen=True, slots=True)
class Decision:
    """Which expert, why, and what comes next if it fails.

    Attributes:
        selection: The order of experts and the rule.
        candidates: Every expert of the pool, judged.
        budget: The merged budget of the call.
        novelty: 0 (like the predictor's training data) .. 1 (unlike it).
        seconds: What the decision took.
    """

    selection: Selection
    candidates: tuple[Candidate, ...]
    budget: Budget
    novelty: float
    seconds: float

    @property
    def chosen(self) -> Candidate:
        """The candidate that is tried first."""
        return self.selection.order[0]

    @property
    def expert(self) -> Expert:
        """The expert that is tried first."""
        return self.chosen.expert


class Call:
    """One request on its way: the decision, the money that is left, the attempts, and at the end the record.

    Attributes:
        id: Unique id, for feedback.
        router: The router that opened it.
        query: The request.
        decision: Which experts, in which order, and why.
        accounts: The `budget()` blocks that are charged.
        without_ledger: Whether an attempt went on although the ledger was down, so that no limit of its scope held.
    """

    def __init__(
        self,
        router: "Router",
        query: Query,
        decision: Decision,
        cap: int | None,
        tokens_left: int | None,
        accounts: tuple[Spent, ...],
    ) -> None:
        self.id = secrets.token_hex(16)
        self.router = router
        self.query = query
        self.decision = decision
        self.accounts = accounts
        self._cap = cap
        self._tokens_left = tokens_left
        self._spent = 0
        self._estimated = False
        self._began = time.monotonic()
        self._attempts: list[dict[str, Any]] = []
        self._answered: tuple[Candidate, Usage] | None = None
        self._error: LeerooError | None = None
        self._record: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self._started: list[Attempt] = []
        self._reserved = 0
        self._stopped = False
        self._tries = Tries(self)
        self.without_ledger = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def attempts(self, most: int | None = None) -> Iterator[Attempt]:
        """The tries, best expert first, each with its worst case reserved; ends when none is left to pay for.

        Between two tries it may sleep; `routing.tries` says when.

        Args:
            most: Tries to make at most, None for as many as there are.
        """
        for step in self._tries.steps(most):
            if isinstance(step, float):
                time.sleep(step)
            else:
                yield step

    def aattempts(self, most: int | None = None) -> AsyncIterator[Attempt]:
        """The same tries for `async for`, with waits that leave the event loop free."""
        return AsyncTries(self, self._tries.steps(most))

    def hedge(self) -> Attempt | None:
        """A second try beside the one that is on its way, where another expert is well and the money pays for both."""
        return self._tries.hedge()

    def start(self, candidate: Candidate) -> Attempt | None:
        """Reserve a try; None, with the reason on the record, where it cannot be made. Called by `Tries`."""
        left = self.seconds_left
        if left is not None and left <= 0:
            self._note(candidate, "deadline", f"max_latency={self.decision.budget.max_latency} s is over")
            self._stopped = True
            return None
        fit, expert, health = self._fit(candidate), candidate.expert, self.router.health
        if fit is None:
            self._note(candidate, "budget", "the rest of the budget does not pay for it")
            return None
        reason = health.admit(expert, anyway=self.decision.budget.expert is not None)
        if reason is not None:
            self._note(candidate, "unhealthy", reason)
            return None
        try:
            attempt = self._start(candidate, min(expert.timeout, left or 1e9), fit)
        except BaseException as error:
            health.failed(expert, Failure("cancelled"))  # it was not asked: the next call may probe it
            if not isinstance(error, BudgetExceeded):
                raise
            self._error = error
            self._note(candidate, "budget", str(error))
            return None
        if self._started:
            event(logging.INFO, "failover", call_id=self.id, expert=expert.name, tries=len(self._started) + 1)
        self._started.append(attempt)
        self._reserved += fit.nano
        return attempt

    def has_failed(self, expert: Expert) -> bool:
        """Whether an attempt of this call at the expert has failed."""
        return self._tries.has_failed(expert)

    def pays_for(self, candidate: Candidate) -> bool:
        """Whether the rest of the budget pays for a try of an expert."""
        return self._fit(candidate) is not None

    def exhausted(self) -> LeerooError:
        """The error to raise when no attempt answered."""
        record = self.finish()
        if self._error is not None and all(a["error"] == "budget" for a in self._attempts):
            return BudgetExceeded(str(self._error), record)
        tried = "; ".join(f"{a['expert']}: {a['error']}" for a in self._attempts) or "none could be tried"
        spent = f" {to_usd(self._spent):.6f} USD is on the record." if self._spent else " Nothing was spent."
        return ExpertsFailed(f"No expert answered ({tried}).{spent}", record)

    @property
    def record(self) -> dict[str, Any]:
        """The call's record, JSON-safe, with no prompt text in it."""
        return self._record or self._make_record()

    @property
    def seconds(self) -> float:
        """Since the decision began."""
        return time.monotonic() - self._began + self.decision.seconds

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the call's deadline, None where it has none."""
        deadline = self.decision.budget.max_latency
        return None if deadline is None else deadline - self.seconds

    @property
    def is_over(self) -> bool:
        """Whether it has an answer, was given up, or is closed."""
        return self._answered is not None or self._stopped or self._record is not None

    @property
    def remaining_nano(self) -> int | None:
        """Nano-dollars of the call's cap neither spent nor reserved, None where there is no cap."""
        return None if self._cap is None else max(0, self._cap - self._spent - self._reserved)

    def stop(self) -> None:
        """Try nobody else: the caller gave up."""
        self._stopped = True

    def finish(self) -> dict[str, Any]:
        """Close the call: write the record once, and return it. An attempt left open is charged as given up."""
        global _last_anywhere
        if self._record is not None:
            return self._record
        for attempt in self._started:
            attempt.cancelled()
        with self._lock:
            if self._record is not None:
                return self._record
            self._record = self._make_record()
        for account in self.accounts if self._started else ():  # a call refused before anybody was asked is none
            account.count_call()
        self._started = []  # they know the call: without this only the garbage collector would find all of them
        _last.set(self._record)
        _last_anywhere = self._record
        self.router.closed(self, self._record)
        return self._record

    def ended(
        self, attempt: Attempt, cost: int, estimated: bool, failure: Failure | None, seconds: float, usage: Usage | None
    ) -> None:
        """Take an attempt's end into the call's books. Called by `Attempt`."""
        self._spent += cost
        self._reserved -= attempt.reserved
        self._estimated = self._estimated or estimated
        if failure is None and usage is not None:
            self._answered = (attempt.candidate, usage)
        if failure is not None:
            self._tries.failed(attempt.candidate, failure)
            event(
                logging.DEBUG if failure.kind == "cancelled" else logging.WARNING, "failure", call_id=self.id,
                expert=attempt.expert.name, kind=failure.kind, status=failure.status, retry_after=failure.retry_after,
                latency=round(seconds, 4), cost=to_usd(cost),
            )  # fmt: skip
        self._attempts.append(
            {
                "expert": attempt.expert.name,
                "error": failure.kind if failure else None,
                "status": failure.status if failure else None,
                "latency": round(seconds, 4),
                "cost": to_usd(cost),
            }
        )

    def _fit(self, candidate: Candidate) -> Fit | None:
        """The output cap that the rest of the money pays for, and the worst case with it; None: it does not fit."""
        price = candidate.expert.known_price
        asked = self.query.max_tokens
        cap = candidate.max_tokens
        left = self.remaining_nano
        if left is not None:
            pays = price.affordable_output(candidate.input_upper, left)
            cap = cap if pays is None else min(cap, pays)
            if cap < least_output(candidate):
                return None
        if self._tokens_left is not None:
            # Where even the least output does not fit, the ledger refuses, and its error names the limit.
            cap = max(min(cap, self._tokens_left - candidate.input_upper), least_output(candidate))
        worst = price.worst_cost(candidate.input_upper, cap)
        limited = left is not None or self._tokens_left is not None or asked is not None
        return Fit(cap if limited else None, worst, candidate.input_upper + cap)

    def _start(self, candidate: Candidate, timeout: float, fit: Fit) -> Attempt:
        """Reserve on every account and in the ledger, or on none."""
        done: list[Spent] = []
        try:
            for account in self.accounts:
                account.reserve(fit.nano)
                done.append(account)
            return Attempt(self, candidate, timeout, fit)
        except BaseException:
            for account in done:
                account.settle(fit.nano, 0, candidate.expert.name)
            raise

    def _note(self, candidate: Candidate, error: str, detail: str) -> None:
        self._attempts.append(
            {"expert": candidate.expert.name, "error": error, "detail": detail, "latency": 0.0, "cost": 0.0}
        )

    def _make_record(self) -> dict[str, Any]:
        budget = self.decision.budget
        candidate, usage = self._answered or (self.decision.chosen if self.decision.selection.order else None, None)
        used = usage or Usage(candidate.input_tokens if candidate else 0, 0)
        reference = self.router.pool[self.router.pool.reference]
        reference_cost = reference.known_price.cost(used.input_tokens, used.output_tokens)
        return {
            "call_id": self.id,
            "expert": candidate.expert.name if candidate else None,
            "model": candidate.expert.model_id if candidate else None,
            "predicted_quality": round(candidate.quality, 4) if candidate else None,
            "base_quality": candidate.base_quality if candidate else None,
            "adequate": candidate is not None and self.decision.selection.is_adequate(candidate),
            "rule": self.decision.selection.rule,
            "novelty": round(self.decision.novelty, 4),
            "candidates": [c.to_dict() for c in self.decision.candidates],
            "budget": budget.to_dict(),
            "input_tokens": usage.input_tokens if usage else None,
            "output_tokens": usage.output_tokens if usage else None,
            "cached_tokens": usage.cached_tokens if usage else None,
            "expected_cost": to_usd(candidate.expected_cost) if candidate else None,
            "cost": to_usd(self._spent),
            "cost_is_estimate": self._estimated,
            "remaining": None if self._cap is None else to_usd(self._cap - self._spent),
            "reference_expert": reference.name,
            "reference_cost": to_usd(reference_cost) if usage else None,
            "saved": to_usd(reference_cost - self._spent) if usage else None,
            "attempts": list(self._attempts),
            "ledger_down": self.without_ledger,
            "router_latency": round(self.decision.seconds, 6),
        }


def least_output(candidate: Candidate) -> int:
    """Output tokens below which an expert is not worth asking: what it is expected to write, or its cap."""
    return max(1, min(candidate.max_tokens, candidate.output_tokens))
