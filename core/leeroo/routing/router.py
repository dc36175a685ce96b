"""One call's way: predict, select, reserve, and hand over to the adapter as a `Call`."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leeroo.budget import NOTHING_SET, Budget, ambient
from leeroo.ledger.feedback import remember_ledger
from leeroo.ledger.memory import Ledger, MemoryLedger, may_wait
from leeroo.ledger.opening import ledger_of
from leeroo.money import to_nano
from leeroo.pool.file import PoolFile, read_pool
from leeroo.pool.on_empty import OnEmpty, on_empty_of
from leeroo.pool.pool import Pool
from leeroo.pool.tokens import TokenCount, count
from leeroo.query import Query
from leeroo.routing.call import Call
from leeroo.routing.decision import Decision, refusal
from leeroo.routing.health import REFUSES, Health
from leeroo.routing.judging import CRAMPED, TAIL, Terms, estimates, judge, price_terms, sticky
from leeroo.routing.learner import Learner, taught
from leeroo.routing.logs import event, heard
from leeroo.routing.observers import tell
from leeroo.routing.output_caps import CAPPED
from leeroo.routing.own_consulting import OwnConsulting
from leeroo.routing.purse import Purse
from leeroo.routing.telemetry import emit
from leeroo.routing.telling import tell_decision, tell_unknown
from leeroo.routing.tool_calls import ToolCalls
from leeroo.routing.whose import whose_cap
from leeroo.routing.windows import CUTS
from leeroo.selection.pacing import Meter, Pacer
from leeroo.selection.selector import Candidate, select

if TYPE_CHECKING:
    from leeroo.prediction.predictor import Predictor

logger = logging.getLogger("leeroo")


class Router:
    """Sends each query to the cheapest adequate expert of a pool, within a budget. Thread-safe.

    Args:
        pool: The experts: a `Pool`, or a mapping of name to `Expert`, fields, or model object.
        predictor: Estimates quality; the predictor that ships with Leeroo when absent, loaded at first use.
        budget: Defaults of every call.
        ledger: Where calls are written; in memory when absent.
        health: Circuit breakers and latencies; fresh when absent.
        on_close: Called with the record of every call that ends.
        learn: Learns from feedback and changes what is predicted: a `leeroo.routing.online.OnlineLearner`.
        on_empty: What an answer with nothing in it, or to a part of the prompt, means: "next" (ask another expert where
            there is one) or "accept" (take it as it is).
        consult: How several experts are consulted, as a pool file says it: `model`, `likeness` (files), `judge`.

    Raises:
        ConfigError: The pool or the budget is not usable.
    """

    def __init__(
        self,
        pool: Pool | Mapping[str, Any],
        *,
        predictor: "Predictor | None" = None,
        budget: Budget | None = None,
        ledger: Ledger | None = None,
        health: Health | None = None,
        on_close: Callable[[dict[str, Any]], None] | None = None,
        learn: Learner | None = None,
        on_empty: OnEmpty = "next",
        consult: Mapping[str, Any] | None = None,
    ) -> None:
        self.pool = pool if isinstance(pool, Pool) else Pool(pool)
        self.budget = budget or NOTHING_SET
        self.ledger: Ledger = MemoryLedger() if ledger is None else ledger
        self.health = health or Health(shared=getattr(self.ledger, "cool_downs", None))
        self._predictor = predictor
        self._warned = False
        self._pacer = Pacer()
        self._on_close = on_close
        self.learn = learn
        self.on_empty = on_empty_of(on_empty)
        self.tool_calls = ToolCalls()
        self.consulting = OwnConsulting(lambda: self.predictor, consult)
        self._lock = threading.Lock()
        if self.budget.expert is not None:
            self.pool[self.budget.expert]

    @classmethod
    def from_pool(
        cls,
        source: str | Path | Mapping[str, Any],
        *,
        predictor: "Predictor | None" = None,
        on_empty: OnEmpty | None = None,
        **budget: Any,
    ) -> "Router":
        """A router from a pool file, or from a mapping of the same form.

        Args:
            source: Path of a YAML file, or the mapping itself.
            predictor: As in the constructor.
            on_empty: In place of the file's.
            **budget: Budget kwargs over the file's `budget`.

        Raises:
            ConfigError: Anything in it that cannot be used, with its place.
        """
        file = read_pool(source)
        return cls.from_file(file, predictor=predictor, budget=Budget.of(budget).over(file.budget), on_empty=on_empty)

    @classmethod
    def from_file(
        cls,
        file: PoolFile,
        *,
        predictor: "Predictor | None" = None,
        budget: Budget | None = None,
        on_empty: OnEmpty | None = None,
    ) -> "Router":
        """The router that a pool file describes.

        Args:
            file: What it says.
            predictor: In place of the file's.
            budget: In place of the file's.
            on_empty: In place of the file's.

        Raises:
            ConfigError: The predictor, the learner's options or the ledger are not usable.
            MissingDependency: The extra `ledger` or `postgres` has to be installed.
            LeerooError: The ledger cannot be opened.
        """
        if predictor is None and file.predictor is not None:
            from leeroo.prediction import load

            predictor = load(file.predictor)
        learner = None
        if file.learn is not None:
            from leeroo.routing.online import OnlineLearner

            learner = OnlineLearner(**file.learn)
        chosen = file.budget if budget is None else budget
        made = cls(
            file.pool,
            predictor=predictor,
            budget=chosen,
            ledger=ledger_of(file.ledger),
            learn=learner,
            on_empty=on_empty or file.on_empty,
            consult=file.consult,
        )
        if file.consult is not None:
            made.consulting.check()  # a wrong file is found now, and not at the first call that consults
        return made

    @property
    def waits(self) -> bool:
        """Whether `open` may wait for files or a database: the predictor is yet to be loaded, or the ledger is durable.

        Async code then opens calls in a thread.
        """
        return self._predictor is None or may_wait(self.ledger)

    @property
    def predictor(self) -> "Predictor":
        """The predictor, loaded at first use."""
        if self._predictor is None:
            with self._lock:
                if self._predictor is None:
                    from leeroo.prediction import load

                    self._predictor = load()
        return self._predictor

    def open(
        self,
        query: Query,
        budget: Budget | None = None,
        defaults: Budget | None = None,
        on_empty: OnEmpty | None = None,
    ) -> Call:
        """Decide, and open a call on the decision.

        Args:
            query: The request.
            budget: The call's own budget; the ambient one and the defaults fill the rest.
            defaults: Used instead of the router's own defaults.
            on_empty: Used instead of the router's own.

        Raises:
            BudgetExceeded: No expert's worst case fits the money. Nothing was spent.
            NoEligibleExpert: No expert can take the request for another reason. Nothing was spent.
            ConfigError: The budget names an expert that the pool has not.
        """
        around = ambient()
        merged = (budget or NOTHING_SET).over(around.budget).over(self.budget if defaults is None else defaults)
        limits = [account.remaining_nano for account in around.accounts]
        if merged.max_cost is not None and merged.max_cost != float("inf"):
            limits.append(to_nano(merged.max_cost))
        left = self.ledger.remaining(merged.scope)
        limits.append(left.nano)
        cap = min((limit for limit in limits if limit is not None), default=None)
        decision = self.decide(query, merged, cap, left.paced)
        call = Call(
            query,
            decision,
            Purse(cap, left.tokens, around.accounts),
            ledger=self.ledger,
            health=self.health,
            tool_calls=self.tool_calls,
            reference=self.pool[self.pool.reference],
            on_empty=on_empty or self.on_empty,
            on_close=self._closed,
        )
        call.consulting = self.consulting
        if not decision.selection.order:
            error = refusal(decision, cap, whose_cap(cap, merged, around.accounts, self.ledger))
            error.record = call.record
            refused = type(error).__name__
            event(logging.WARNING, "refusal", call_id=call.id, reason=refused, scope=merged.scope)
            tell(self, call.record, call.seconds, refused)
            raise error
        tell_decision(call.id, decision, merged.scope)
        return call

    def decide(self, query: Query, budget: Budget, cap: int | None = None, paced: Sequence[Meter] = ()) -> Decision:
        """Judge every expert and choose; no call is opened and nothing is written.

        Args:
            query: The request.
            budget: The merged budget.
            cap: Nano-dollars that the call may spend, None for no limit.
            paced: Paced limits above its scope, from the ledger.
        """
        from leeroo.prediction.predictor import predicted  # with it comes NumPy, which waits for the first decision

        began = time.perf_counter()
        experts = list(self.pool)
        pinned = self.pool[budget.expert].name if budget.expert is not None else None
        prediction = predicted(self.predictor, query, experts)
        seen: dict[str, TokenCount] = {}
        terms = Terms(query, budget, cap, pinned, self.health, price_terms(query))
        candidates = tuple(
            judge(terms, expert, estimate, count(query, expert, seen))
            for expert, estimate in zip(experts, estimates(prediction), strict=True)
        )
        self._warn_once(candidates)
        if self.learn is not None:
            self.learn.refresh(self.ledger)
            candidates = tuple(taught(self.learn, c) for c in candidates)
        toll = self._pacer.toll(paced, candidates)
        selection = sticky(query, budget, candidates) or select(candidates, budget, toll)
        if not selection.order:
            # Late now and then is better than no answer; and who is never asked is never found to be quick again, or
            # repaired.
            last = (TAIL, CRAMPED, REFUSES, CUTS, CAPPED)
            candidates = tuple(
                replace(c, ineligible=None) if (c.ineligible or "").startswith(last) else c for c in candidates
            )
            selection = select(candidates, budget, toll)
        kinds = prediction.kinds[0] if prediction.kinds else ()
        novelty = float(prediction.novelty[0])
        return Decision(selection, candidates, budget, novelty, time.perf_counter() - began, kinds)

    def _warn_once(self, candidates: tuple[Candidate, ...]) -> None:
        """Say once of whom nothing but the price is known, and what would help."""
        if not self._warned and len(candidates) > 1:
            self._warned = True
            tell_unknown(candidates)

    def expert_of_tool_call(self, tool_call_id: str) -> str | None:
        """Name of the expert that made a tool call, while it is remembered."""
        return self.tool_calls.maker(tool_call_id)

    def _closed(self, call: Call, record: dict[str, Any]) -> None:
        """Write a closed call down."""
        self.ledger.write(record, call.query.text)
        if self.learn is not None:
            self.learn.closed(record, call.query.text)
        remember_ledger(call.id, self.ledger)
        emit(record, self.pool, call.seconds)
        if heard(logging.INFO):
            figures = {key: record[key] for key in ("expert", "cost", "saved", "input_tokens", "output_tokens")}
            event(
                logging.INFO, "call", call_id=call.id, **figures, answered=record["output_tokens"] is not None,
                tries=len(record["attempts"]), scope=record["budget"].get("scope"), seconds=round(call.seconds, 4),
            )  # fmt: skip
        tell(self, record, call.seconds)
        if self._on_close is not None:
            self._on_close(record)
