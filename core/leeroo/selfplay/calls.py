"""Every call of a run: through one router, ledger and cap, and paid once whatever happens to the process."""

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

from leeroo.budget import Budget
from leeroo.endpoints.openai_compatible import complete
from leeroo.errors import BudgetExceeded, LeerooError, NoEligibleExpert
from leeroo.ledger.memory import Ledger
from leeroo.pool.pool import Pool
from leeroo.prediction.predictor import ConstantPredictor
from leeroo.query import Query
from leeroo.routing.failures import Kind, classify
from leeroo.routing.router import Router
from leeroo.selfplay.journal import Journal

AGAIN: frozenset[Kind] = frozenset({"rate_limit", "server", "connection"})
"""Failures that pass: tried again after a wait."""
TRIES = 3
FAILURES_TO_LEAVE = 3
"""Requests in a row that failed for good before an expert is left alone for the rest of the round."""
_NOT_ITS_FAULT = frozenset({"budget", "down", "lost", "context_overflow", "content_filter"})
LONGEST_WAIT = 60.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask one expert.

    Attributes:
        key: Its name in the journal; the same key is asked once in the life of a run.
        expert: Whom.
        prompt: What.
        max_tokens: Output cap.
    """

    key: str
    expert: str
    prompt: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: The answer, "" where the expert answered with nothing; None where there is none.
        error: Why not: a kind of failure, "lost" (the run was killed meanwhile), "budget" or "down".
        input_tokens: As the expert reports them.
        output_tokens: The same.
        nano: Nano-dollars; the worst case where it may have been billed without an answer.
        seconds: From question to answer.
    """

    text: str | None
    error: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    nano: int = 0
    seconds: float = 0.0


class Caller:
    """Asks experts for a run.

    An event is on disk before a request leaves and another after its answer came. A request that has only the first
    when a run is resumed may have been billed: it counts at its worst case and is not sent again.

    Args:
        pool: The experts.
        journal: Where it is written.
        ledger: Where calls are charged.
        scope: The ledger's account.
        workers: Requests in flight.
        sleep: Waits before a request is tried again; tests give their own.
    """

    def __init__(
        self,
        pool: Pool,
        journal: Journal,
        ledger: Ledger,
        *,
        scope: str,
        workers: int = 4,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        # Pinned calls need no prediction. The whole output is expected, so that a call whose full answer the money
        # does not pay for is refused, not cut short: a cut answer would teach that the expert is wrong.
        self._router = Router(pool, predictor=ConstantPredictor(output_tokens=10**6), ledger=ledger)
        self._journal = journal
        self._scope = scope
        self._workers = workers
        self._sleep = sleep
        self._failures: dict[str, int] = {}
        self._lock = threading.Lock()
        self.out_of_money = False

    @property
    def nano(self) -> int:
        """Nano-dollars that the run has cost so far, all its starts together."""
        return sum(cost for _, cost in self.costs())

    def costs(self) -> list[tuple[str, int]]:
        """(key, nano-dollars) of every request, lost ones at their worst case."""
        done = {event["key"]: int(event["nano"]) for event in self._journal.all("answered")}
        return [(e["key"], done.get(e["key"], int(e["worst"]))) for e in self._journal.all("asked")]

    def many(self, requests: Sequence[Request], on_progress: Progress | None = None) -> list[Reply]:
        """Ask all of them, some at a time; in the order given, failures as replies without text.

        When the money does not pay for a request, it and those after it are not asked, and `out_of_money` is set.
        """
        with self._lock:
            self._failures.clear()
        replies: list[Reply] = [Reply(None, "budget")] * len(requests)
        done = 0
        with ThreadPoolExecutor(self._workers) as threads:
            # Each in a copy of this context: the cap on the run is an ambient budget.
            tasks = [threads.submit(contextvars.copy_context().run, self._one, request) for request in requests]
            for place, task in enumerate(tasks):
                replies[place] = task.result()
                done += replies[place].error != "budget"
                if on_progress is not None:
                    on_progress(done, len(requests))
        # Worst cases of requests in flight may have held the money that these needed.
        for place, request in enumerate(requests):
            if replies[place].error == "budget" and not self.out_of_money:
                replies[place] = self._one(request)
                self.out_of_money = replies[place].error == "budget"
        return replies

    def _one(self, request: Request) -> Reply:
        for number in range(TRIES):
            key = request.key if number == 0 else f"{request.key}#{number}"
            reply, wait = self._once(replace(request, key=key))
            if wait is None:
                break
            if number + 1 < TRIES:
                self._sleep(wait or 2.0**number)
        if reply.error not in _NOT_ITS_FAULT:
            with self._lock:
                self._failures[request.expert] = 0 if reply.error is None else self._failures.get(request.expert, 0) + 1
        return reply

    def _once(self, request: Request) -> tuple[Reply, float | None]:
        """The reply, and the seconds to wait where it should be tried again."""
        before = self._journal.find("answered", request.key)
        if before is not None:
            reply = Reply(**{k: v for k, v in before.items() if k not in ("kind", "key")})
            return reply, 0.0 if reply.error in AGAIN else None
        begun = self._journal.find("asked", request.key)
        if begun is not None:
            return Reply(None, "lost", nano=int(begun["worst"])), None
        if self.out_of_money:
            return Reply(None, "budget"), None
        if self._failures.get(request.expert, 0) >= FAILURES_TO_LEAVE:
            return Reply(None, "down"), None
        try:
            return self._ask(request)
        except BudgetExceeded:
            return Reply(None, "budget"), None
        except NoEligibleExpert:
            return Reply(None, "context_overflow"), None

    def _ask(self, request: Request) -> tuple[Reply, float | None]:
        query = Query(text=request.prompt, prompt=request.prompt, max_tokens=request.max_tokens)
        began = time.perf_counter()
        with self._router.open(query, Budget(expert=request.expert, scope=self._scope)) as call:
            for attempt in call.attempts():
                self._journal.add("asked", request.key, worst=attempt.reserved)
                try:
                    chat = [{"role": "user", "content": request.prompt}]
                    text, usage = complete(attempt.expert, chat, attempt=attempt, prompt=request.prompt)
                except Exception as error:
                    failure = classify(error)
                    nano = attempt.reserved if failure.billable else 0
                    reply = Reply(None, failure.kind, nano=nano, seconds=time.perf_counter() - began)
                    self._journal.add("answered", request.key, **asdict(reply))
                    _end(attempt.failed, error)
                    again = failure.kind in AGAIN
                    return reply, min(failure.retry_after or 0.0, LONGEST_WAIT) if again else None
                price = attempt.expert.known_price
                reply = Reply(
                    text,
                    None,
                    usage.input_tokens,
                    usage.output_tokens,
                    price.cost(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.kinds),
                    time.perf_counter() - began,
                )
                self._journal.add("answered", request.key, **asdict(reply))
                attempt.succeeded(usage)
                return reply, None
            raise call.exhausted()


def _end(failed: Callable[[BaseException], None], error: BaseException) -> None:
    """End an attempt that failed; that no other expert would help is no news here."""
    try:
        failed(error)
    except LeerooError:
        return
