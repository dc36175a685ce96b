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
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Self

from leeroo.errors import BudgetExceeded, LeerooError
from leeroo.ledger.memory import Ledger, may_wait
from leeroo.pool.experts import Expert
from leeroo.pool.on_empty import OnEmpty
from leeroo.query import Query
from leeroo.routing.acceptance import Acceptance
from leeroo.routing.attempt import Attempt, Ending, Usage
from leeroo.routing.decision import Decision
from leeroo.routing.exhausted import nobody_answered
from leeroo.routing.failures import Failure
from leeroo.routing.health import Health
from leeroo.routing.last import note_last
from leeroo.routing.logs import event
from leeroo.routing.own_consulting import OwnConsulting
from leeroo.routing.purse import Fit, Purse
from leeroo.routing.record import ended_early, passed_over, record_of, tried
from leeroo.routing.telling import tell_ending
from leeroo.routing.tool_calls import ToolCalls
from leeroo.routing.tries import AsyncTries, Tries
from leeroo.selection.selector import Candidate


class Call:
    """One request on its way: the decision, the money that is left, the attempts, and at the end the record.

    Args:
        query: The request.
        decision: Which experts, in which order, and why.
        purse: What it may spend.
        ledger: Where its attempts are reserved and settled.
        health: Which experts are up; told of every attempt.
        tool_calls: Told who made the tool calls of an answer.
        reference: The expert that `saved` is measured against.
        on_empty: What an answer with nothing in it means.
        on_close: Called once with the call and its record, when it is over.

    Attributes:
        id: Unique id, for feedback.
        query, decision: As they were given.
        health: Which experts are up and how fast they answer.
        acceptance: Says whether an answer is handed on.
        without_ledger: Whether an attempt went on although the ledger was down, so that no limit of its scope held.
        consulting: How several experts are consulted where the caller says nothing, None for the usual way.
        extra: What a policy that asks several experts adds to the record, over its other keys.
    """

    def __init__(
        self,
        query: Query,
        decision: Decision,
        purse: Purse,
        *,
        ledger: Ledger,
        health: Health,
        tool_calls: ToolCalls,
        reference: Expert,
        on_empty: OnEmpty,
        on_close: "Callable[[Call, dict[str, Any]], None]",
    ) -> None:
        self.id = secrets.token_hex(16)
        self.query = query
        self.decision = decision
        self.health = health
        self.consulting: OwnConsulting | None = None
        self.without_ledger = False
        self.extra: dict[str, Any] = {}
        self._purse = purse
        self._ledger = ledger
        self._reference = reference
        self._on_close = on_close
        self._began = time.monotonic()
        self._attempts: list[dict[str, Any]] = []
        self._answered: tuple[Candidate, Usage] | None = None
        self._answers: dict[int, tuple[Candidate, Usage]] = {}
        self._error: LeerooError | None = None
        self._record: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self._started: list[Attempt] = []
        self._met: list[tuple[Failure, BaseException]] = []
        self._stopped = self._estimated = False
        self._tries = Tries(self, decision.selection, health, demanding=decision.budget.min_quality is not None)
        self.acceptance = Acceptance(on_empty, query, self._tries, health.windows)
        self._tool_calls = tool_calls

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
        for step in self.steps(most):
            if isinstance(step, float):
                time.sleep(step)
            else:
                yield step

    def steps(self, most: int | None = None) -> Iterator[Attempt | float]:
        """The same tries, and between them the seconds to wait: for code that does its waiting itself."""
        return self._tries.steps(most)

    def aattempts(self, most: int | None = None) -> AsyncIterator[Attempt]:
        """The same tries for `async for`; waits, for a durable ledger as well, leave the event loop free."""
        return AsyncTries(self, self.steps(most), waits=self.waits)

    @property
    def waits(self) -> bool:
        """Whether the ledger is durable, so that attempts and closing may wait for a database: see `routing.aside`."""
        return may_wait(self._ledger)

    def hedge(self) -> Attempt | None:
        """A second try beside the one that is on its way, where another expert is well and the money pays for both."""
        return self._tries.hedge()

    def start(self, candidate: Candidate, *, purpose: str | None = None) -> Attempt | None:
        """Reserve a try, of whoever chooses; None, with the reason on the record, where it cannot be made."""
        self._tries.forget(candidate)
        left = self.seconds_left
        if left is not None and left <= 0:
            self._pass_over(candidate, "deadline", f"max_latency={self.decision.budget.max_latency} s is over")
            self._stopped = True
            return None
        fit, expert, health = self._purse.fit(candidate, self.query.max_tokens), candidate.expert, self.health
        if fit is None:
            self._pass_over(candidate, "budget", "the rest of the budget does not pay for it")
            return None
        reason = health.admit(expert, anyway=self.decision.budget.expert is not None)
        if reason is not None:
            self._pass_over(candidate, "unhealthy", reason)
            return None
        try:
            attempt = self._start(candidate, min(expert.timeout, left or 1e9), fit, purpose)
        except BaseException as error:
            health.failed(expert, Failure("cancelled"))  # it was not asked: the next call may probe it
            if not isinstance(error, BudgetExceeded):
                raise
            self._error = error
            self._pass_over(candidate, "budget", str(error))
            return None
        if self._started and not self.extra:  # a policy that asks several tells of itself
            event(logging.INFO, "failover", call_id=self.id, expert=expert.name, tries=len(self._started) + 1)
        self._started.append(attempt)
        return attempt

    def has_failed(self, expert: Expert) -> bool:
        """Whether an attempt of this call at the expert has failed."""
        return self._tries.has_failed(expert)

    def is_final(self, expert: Expert, failure: Failure) -> bool:
        """Whether nobody else is to be tried after this failure. Called by `Attempt`, before `ended`."""
        return self._tries.ends_with(expert, failure, self._attempts, alone=len(self._started) == 1)

    def pays_for(self, candidate: Candidate) -> bool:
        """Whether the rest of the budget pays for a try of an expert."""
        return self._purse.fit(candidate, self.query.max_tokens) is not None

    def last_resort(self) -> Any:
        """An answer to a part of the prompt, taken where nobody has answered the whole; None where none was kept."""
        kept = self.acceptance.kept
        if kept is None:
            return None
        self._answered = (kept.candidate, kept.usage)
        return kept.content

    def exhausted(self) -> LeerooError:
        """The error to raise when no attempt answered."""
        met = self._met  # finish() forgets them
        record = self.finish()
        if self._error is not None and all(a["error"] == "budget" for a in self._attempts):
            return BudgetExceeded(str(self._error), record)
        return nobody_answered(record, self._attempts, met, self._purse.spent)

    @property
    def record(self) -> dict[str, Any]:
        """The call's record, JSON-safe, with no prompt text in it."""
        return self._record or self._make_record()

    @property
    def scope(self) -> str | None:
        """The ledger account that is charged."""
        return self.decision.budget.scope

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
        return self._purse.remaining_nano

    def accept(self, candidate: Candidate) -> None:
        """Take one of several answers, by the candidate that its attempt was started with; else it is the newest."""
        self._answered = self._answers.get(id(candidate), self._answered)

    def stop(self) -> None:
        """Try nobody else: the caller gave up."""
        self._stopped = True

    def finish(self) -> dict[str, Any]:
        """Close the call: write the record once, and return it. An attempt left open is charged as given up."""
        if self._record is not None:
            return self._record
        for attempt in self._started:
            attempt.cancelled()
        with self._lock:
            if self._record is not None:
                return self._record
            self.extra = ended_early(self.extra, given_up=self._stopped)
            self._record = self._make_record()
        if self._started:  # a call refused before anybody was asked is none
            self._purse.count_call()
        self._started = []  # they know the call: without this only the garbage collector would find all of them
        self.acceptance.kept = None
        self._met = []  # and an error knows, by its traceback, whoever met it
        note_last(self._record)
        self._on_close(self, self._record)
        return self._record

    def remember(self, expert: Expert, tool_call_ids: tuple[str, ...]) -> None:
        """Remember who made these tool calls. Called by `Attempt`."""
        self._tool_calls.remember(expert, tool_call_ids)

    def ended(self, ending: Ending) -> None:
        """Take an attempt's end into the call's books. Called by `Attempt`."""
        expert, failure = ending.candidate.expert, ending.failure
        self._estimated = self._estimated or ending.estimated
        if failure is None and ending.usage is not None and ending.purpose is None:
            # By the object: an expert that is asked again has equal ones. Kept beside it, its id stays its own.
            self._answered = self._answers[id(ending.candidate)] = (ending.candidate, ending.usage)
        if failure is not None:
            if ending.error is not None:
                self._met.append((failure, ending.error))
            if ending.purpose is None:
                self._tries.failed(ending.candidate, failure)
        tell_ending(self.id, ending)
        cut = ending.purpose is None and self.acceptance.was_cut(ending, self.id)
        self._attempts.append({**tried(ending), **({"input_cut": True} if cut else {})})
        self._purse.settle(ending.reserved, ending.cost, expert.name)

    def _start(self, candidate: Candidate, timeout: float, fit: Fit, purpose: str | None) -> Attempt:
        """Reserve in the purse and in the ledger, or in neither."""
        self._purse.reserve(fit.nano, candidate.expert.name)
        try:
            attempt = Attempt(self, candidate, timeout, fit, self._ledger, self.health, purpose)
        except BaseException:
            self._purse.settle(fit.nano, 0, candidate.expert.name)
            raise
        self.without_ledger = self.without_ledger or attempt.without_ledger
        return attempt

    def _pass_over(self, candidate: Candidate, error: str, detail: str) -> None:
        self._attempts.append(passed_over(candidate, error, detail))

    def _make_record(self) -> dict[str, Any]:
        books = self._purse, self._attempts, self._answered, self._reference
        estimated, alone = self._estimated, self.without_ledger
        return record_of(self.id, self.decision, *books, estimated=estimated, without_ledger=alone) | self.extra
