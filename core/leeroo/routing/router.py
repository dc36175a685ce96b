"""One call's way: predict, select, reserve, and hand over to the adapter as a `Call`."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leeroo.budget import NOTHING_SET, Budget, ambient
from leeroo.errors import BudgetExceeded, NoEligibleExpert
from leeroo.ledger.feedback import remember_ledger
from leeroo.ledger.memory import Ledger, MemoryLedger
from leeroo.pool.experts import Expert, Pool, to_nano, to_usd
from leeroo.pool.tokens import TokenCount, count
from leeroo.query import Query
from leeroo.routing.call import Call, Decision, least_output
from leeroo.routing.health import Health
from leeroo.routing.learner import Learner
from leeroo.routing.logs import event, heard
from leeroo.routing.observers import tell
from leeroo.routing.telemetry import emit
from leeroo.selection.pacing import Meter, Pacer
from leeroo.selection.selector import Candidate, Selection, select

if TYPE_CHECKING:
    from leeroo.prediction.predictor import Predictor

TAIL = "1 in 20 answers takes"
REMEMBERED_TOOL_CALLS = 20_000


class Router:
    """Sends each query to the cheapest adequate expert of a pool, within a budget. Thread-safe.

    Args:
        pool: The experts: a `Pool`, or a mapping of name to `Expert`, fields, or model object.
        predictor: Estimates quality; the predictor that ships with Leeroo when absent, loaded at first use.
        budget: Defaults of every call.
        ledger: Where calls are written; in memory when absent.
        health: Circuit breakers and latencies; fresh when absent.
        on_close: Called with the record of every call that ends.
        learn: Learns from feedback and changes what is predicted: a `leeroo.training.online.OnlineLearner`.

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
    ) -> None:
        self.pool = pool if isinstance(pool, Pool) else Pool(pool)
        self.budget = budget or NOTHING_SET
        self.ledger: Ledger = MemoryLedger() if ledger is None else ledger
        self.health = health or Health(shared=getattr(self.ledger, "cool_downs", None))
        self._predictor = predictor
        self._pacer = Pacer()
        self._on_close = on_close
        self.learn = learn
        self._tool_calls: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()
        if self.budget.expert is not None:
            self.pool[self.budget.expert]

    @classmethod
    def from_pool(
        cls, source: str | Path | Mapping[str, Any], *, predictor: "Predictor | None" = None, **budget: Any
    ) -> "Router":
        """A router from a pool file, or from a mapping of the same form.

        Args:
            source: Path of a YAML file, or the mapping itself.
            predictor: As in the constructor.
            **budget: Budget kwargs over the file's `budget`.

        Raises:
            ConfigError: Anything in it that cannot be used, with its place.
        """
        from leeroo.pool.file import read_pool

        file = read_pool(source)
        return file.router(predictor=predictor, budget=Budget.of(budget).over(file.budget))

    @property
    def predictor(self) -> "Predictor":
        """The predictor, loaded at first use."""
        if self._predictor is None:
            with self._lock:
                if self._predictor is None:
                    from leeroo.prediction import load

                    self._predictor = load()
        return self._predictor

    def open(self, query: Query, budget: Budget | None = None, defaults: Budget | None = None) -> Call:
        """Decide, and open a call on the decision.

        Args:
            query: The request.
            budget: The call's own budget; the ambient one and the defaults fill the rest.
            defaults: Used instead of the router's own defaults.

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
        caps = [limit for limit in limits if limit is not None]
        cap = min(caps) if caps else None
        decision = self.decide(query, merged, cap, left.paced)
        call = Call(self, query, decision, cap, left.tokens, around.accounts)
        if not decision.selection.order:
            error = self._refusal(decision, cap)
            error.record = call.record
            refused = type(error).__name__
            event(logging.WARNING, "refusal", call_id=call.id, reason=refused, scope=merged.scope)
            tell(self, call.record, call.seconds, refused)
            raise error
        if heard(logging.INFO):
            event(
                logging.INFO, "decision", call_id=call.id, expert=decision.expert.name, rule=decision.selection.rule,
                adequate=decision.selection.adequate, scope=merged.scope, seconds=round(decision.seconds, 6),
            )  # fmt: skip
        return call

    def decide(self, query: Query, budget: Budget, cap: int | None = None, paced: Sequence[Meter] = ()) -> Decision:
        """Judge every expert and choose; no call is opened and nothing is written.

        Args:
            query: The request.
            budget: The merged budget.
            cap: Nano-dollars that the call may spend, None for no limit.
            paced: Paced limits above its scope, from the ledger.
        """
        began = time.perf_counter()
        experts = list(self.pool)
        pinned = self.pool[budget.expert].name if budget.expert is not None else None
        prediction = self.predictor.predict([query.text or " "], experts)
        seen: dict[str, TokenCount] = {}
        candidates = tuple(
            self._judge(
                query,
                budget,
                cap,
                expert,
                float(quality),
                int(tokens + 0.5),
                source,
                count(query, expert, seen),
                pinned,
            )
            for expert, quality, tokens, source in zip(
                experts,
                prediction.quality[0].tolist(),
                prediction.output_tokens[0].tolist(),
                prediction.sources,
                strict=True,
            )
        )
        if self.learn is not None:
            self.learn.refresh(self.ledger)
            candidates = tuple(self._taught(self.learn, c) for c in candidates)
        toll = self._pacer.toll(paced, candidates)
        selection = self._sticky(query, budget, candidates) or select(candidates, budget, toll)
        if not selection.order:
            # Late now and then is better than no answer; and who is never asked is never found to be quick again.
            candidates = tuple(
                replace(c, ineligible=None) if (c.ineligible or "").startswith(TAIL) else c for c in candidates
            )
            selection = select(candidates, budget, toll)
        return Decision(selection, candidates, budget, float(prediction.novelty[0]), time.perf_counter() - began)

    def expert_of_tool_call(self, tool_call_id: str) -> str | None:
        """Name of the expert that made a tool call, while it is remembered."""
        return self._tool_calls.get(tool_call_id)

    def remember(self, expert: Expert, tool_call_ids: tuple[str, ...]) -> None:
        """Remember who made these tool calls, so that their results go back there."""
        if not tool_call_ids:
            return
        with self._lock:
            for tool_call_id in tool_call_ids:
                self._tool_calls[tool_call_id] = expert.name
            while len(self._tool_calls) > REMEMBERED_TOOL_CALLS:
                self._tool_calls.popitem(last=False)

    def closed(self, call: Call, record: dict[str, Any]) -> None:
        """Write a closed call down. Called by `Call`."""
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

    def _judge(
        self,
        query: Query,
        budget: Budget,
        cap: int | None,
        expert: Expert,
        quality: float,
        output_tokens: int,
        source: str,
        tokens: TokenCount,
        pinned: str | None,
    ) -> Candidate:
        price = expert.known_price
        most = min(query.max_tokens or expert.max_output_tokens, expert.max_output_tokens)
        if expert.context_window is not None:
            most = min(most, max(1, expert.context_window - tokens.expected))
        expected_output = max(1, min(output_tokens, most))
        pays = None if cap is None else price.affordable_output(tokens.upper, cap)
        affordable = pays is None or pays >= expected_output
        if pays is not None and affordable:
            most = min(most, pays)
        cached = query.cached_tokens if query.last_expert == expert.name else 0
        candidate = Candidate(
            expert=expert,
            quality=quality,
            source=source,
            input_tokens=tokens.expected,
            input_upper=tokens.upper,
            output_tokens=expected_output,
            expected_cost=price.cost(tokens.expected, expected_output, cached),
            worst_cost=price.worst_cost(tokens.upper, most),
            max_tokens=most,
            latency=self.health.latency(expert, expected_output),
        )
        reason = self._why_not(candidate, query, budget, None if affordable else cap, pinned)
        return candidate if reason is None else replace(candidate, ineligible=reason)

    def _why_not(
        self, candidate: Candidate, query: Query, budget: Budget, passed: int | None, pinned: str | None
    ) -> str | None:
        """Why an expert cannot be used, or None. `passed` is the cap that its answer would pass, if it would."""
        expert = candidate.expert
        if pinned is not None and expert.name != pinned:
            return f"the call is pinned to {pinned}"
        if not query.needs <= expert.capabilities:
            return f"cannot do {', '.join(sorted(query.needs - expert.capabilities))}"
        window = expert.context_window
        if window is not None and candidate.input_tokens >= window:
            return f"the prompt has about {candidate.input_tokens} tokens, its context window {window}"
        late = None if budget.max_latency is None else self._too_late(candidate, budget.max_latency)
        if late is not None:
            return late
        if passed is not None:
            needed = to_usd(self._least_cost(candidate))
            return f"over budget: its answer may cost {needed:.9f} USD, {to_usd(passed):.9f} is left"
        return None if pinned is not None else self.health.why_not(expert)

    def _too_late(self, candidate: Candidate, limit: float) -> str | None:
        """Why an answer is not expected within `limit` seconds, or None."""
        if candidate.latency is not None and candidate.latency > limit:
            return f"about {candidate.latency:.2f} s, over max_latency={limit}"
        slow = self.health.latency(candidate.expert, candidate.output_tokens, slow=True)
        if slow is not None and slow > limit:
            return f"{TAIL} {slow:.2f} s or more, over max_latency={limit}"
        return None

    @staticmethod
    def _taught(learner: Learner, c: Candidate) -> Candidate:
        quality = learner.quality(c.expert.name, c.quality)
        return c if quality == c.quality else replace(c, quality=quality, base_quality=c.quality)

    @staticmethod
    def _least_cost(candidate: Candidate) -> int:
        return candidate.expert.known_price.worst_cost(candidate.input_upper, least_output(candidate))

    @staticmethod
    def _sticky(query: Query, budget: Budget, candidates: tuple[Candidate, ...]) -> Selection | None:
        if query.sticky is None or budget.expert is not None:
            return None
        chosen = [c for c in candidates if c.expert.name == query.sticky and c.ineligible is None]
        if not chosen:
            return None
        others = select([c for c in candidates if c.expert.name != query.sticky], budget).order
        return Selection((*chosen, *others), adequate=True, rule=f"{query.sticky}: {query.sticky_reason}")

    def _refusal(self, decision: Decision, cap: int | None) -> BudgetExceeded | NoEligibleExpert:
        over = [c for c in decision.candidates if (c.ineligible or "").startswith("over budget")]
        if over and cap is not None:
            cheapest = min(over, key=self._least_cost)
            worst = to_usd(cheapest.worst_cost)
            return BudgetExceeded(
                f"No expert fits the budget: the cheapest, {cheapest.expert.name!r}, may cost "
                f"{to_usd(self._least_cost(cheapest)):.9f} USD for this call (worst case {worst:.9f}), "
                f"and the cap is {to_usd(cap):.9f} USD. Raise max_cost, or shorten the prompt or max_tokens."
            )
        reasons = "; ".join(f"{c.expert.name}: {c.ineligible}" for c in decision.candidates)
        return NoEligibleExpert(f"No expert can take this request ({reasons}).")
