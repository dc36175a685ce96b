"""What a pool would have cost for calls that were made: every call is decided anew, and none is made."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from leeroo.budget import Budget
from leeroo.endpoints.chat_format import to_query
from leeroo.errors import InvalidRequest
from leeroo.money import to_nano, to_usd
from leeroo.outcomes.formats import Skipped
from leeroo.outcomes.found import NotACall
from leeroo.outcomes.traffic import Logged, Prices, expert_named
from leeroo.pool.experts import Expert
from leeroo.pool.names import resolve
from leeroo.pool.places import name_of
from leeroo.routing.router import Router
from leeroo.selection.selector import BY_PRICE

NOBODY = ""
"""In the place of an expert's name, where none may take a call."""


@dataclass
class Flow:
    """The calls that one model answered and one expert would answer.

    Attributes:
        model: Who answered, empty where the log does not say.
        expert: Who would, `NOBODY` where none may.
        moved: Whether they are known to be different models.
        calls: How many.
        priced: How many of them have a known cost.
        paid: USD that these cost.
        would: USD that these would cost.
        would_unpriced: USD that the others would cost.
    """

    model: str
    expert: str
    moved: bool
    calls: int = 0
    priced: int = 0
    paid: float = 0.0
    would: float = 0.0
    would_unpriced: float = 0.0


@dataclass(frozen=True)
class Replayed:
    """One call, decided anew.

    Attributes:
        call: The call.
        expert: Who would answer, `NOBODY` where none may.
        moved: Whether that is a different model.
        paid: USD, None where not known.
        would: USD, None where nobody may.
        quality: Predicted of the expert, None where nobody may.
    """

    call: Logged
    expert: str
    moved: bool
    paid: float | None
    would: float | None
    quality: float | None


@dataclass
class WhatIf:
    """The sums.

    Attributes:
        flows: By (model, expert).
        skipped: Records left out, the first of them.
        left_out: How many were left out.
        others: Records that are no calls of an LLM.
        read: Calls read; more than were decided where only a sample was.
        qualities: Sum and count of the quality predicted of who would answer.
        before: Sum and count of the quality predicted of who did, where it was learned from outcomes; and the sum of
            the same calls' `qualities`.
        guessed: Experts that would answer though nothing was learned of them.
    """

    flows: dict[tuple[str, str], Flow] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    left_out: int = 0
    others: int = 0
    read: int = 0
    qualities: tuple[float, int] = (0.0, 0)
    before: tuple[float, int, float] = (0.0, 0, 0.0)
    guessed: set[str] = field(default_factory=set)

    @property
    def calls(self) -> int:
        """Calls that were decided."""
        return sum(flow.calls for flow in self.flows.values())

    @property
    def moved(self) -> int:
        """Calls that another model would answer."""
        return sum(flow.calls for flow in self.flows.values() if flow.moved)

    @property
    def paid(self) -> float:
        """USD that the calls of a known cost did cost, those that nobody may take left out."""
        return sum(flow.paid for flow in self.flows.values() if flow.expert != NOBODY)

    @property
    def would(self) -> float:
        """USD that these same calls would cost."""
        return sum(flow.would for flow in self.flows.values())

    @property
    def saved(self) -> float | None:
        """Share of `paid` that would not be paid; negative where it would cost more; None where nothing was."""
        return 1 - self.would / self.paid if self.paid else None


class Replay:
    """Decides logged calls on a router's pool.

    Args:
        router: Whose pool and predictor decide.
        budget: The calls' budget, over the router's own.
        prices: Of logged models.
    """

    def __init__(self, router: Router, budget: Budget, prices: Prices) -> None:
        self._router = router
        self._prices = prices
        self._budget = budget.over(router.budget)
        most = self._budget.max_cost
        self._cap = None if most in (None, float("inf")) else to_nano(most or 0.0)
        self._same: dict[tuple[str, str], bool] = {}
        self._known: dict[str, Expert | None] = {}

    def run(
        self,
        found: Iterable[Logged | Skipped | NotACall],
        *,
        sample: int | None = None,
        each: Callable[[Replayed], None] | None = None,
    ) -> WhatIf:
        """Replay what was read.

        Args:
            found: From `read_traffic`.
            sample: Decide so many calls only, drawn evenly over all, always the same ones.
            each: Called with every call that was decided.
        """
        sums = WhatIf()
        calls = self._calls(found, sums)
        for call in calls if sample is None else _drawn(calls, sample):
            try:
                replayed = self._decide(call, sums)
            except InvalidRequest:
                _leave_out(sums, Skipped(call.file, call.line, "there is nothing to answer in it"))
                continue
            self._add(sums, replayed)
            if each is not None:
                each(replayed)
        return sums

    @staticmethod
    def _calls(found: Iterable[Logged | Skipped | NotACall], sums: WhatIf) -> Iterator[Logged]:
        for one in found:
            if isinstance(one, Logged):
                sums.read += 1
                yield one
            elif isinstance(one, NotACall):
                sums.others += 1
            else:
                _leave_out(sums, one)

    def _decide(self, call: Logged, sums: WhatIf) -> Replayed:
        query = to_query({"messages": call.messages, "tools": list(call.tools)}, self._router)
        decision = self._router.decide(query, self._budget, self._cap)
        counted = decision.candidates[0]
        paid = self._prices.paid(call, counted.input_tokens, counted.output_tokens)
        if not decision.selection.order:
            return Replayed(call, NOBODY, False, paid, None, None)
        chosen = decision.chosen
        moved = bool(call.model) and not self._is_same(call.model, chosen.expert)
        read = chosen.input_tokens if call.input_tokens is None else call.input_tokens
        written = chosen.output_tokens if call.output_tokens is None else call.output_tokens
        # Another model's provider has not cached anything of this conversation.
        would = to_usd(chosen.expert.known_price.cost(read, written, 0 if moved else call.cached_tokens))
        total, count = sums.qualities
        sums.qualities = total + chosen.quality, count + 1
        if chosen.source in BY_PRICE:
            sums.guessed.add(chosen.expert.name)
        self._compare(call, query.text, chosen.quality, sums)
        return Replayed(call, chosen.expert.name, moved, paid, would, chosen.quality)

    def _compare(self, call: Logged, text: str, quality: float, sums: WhatIf) -> None:
        """Add what is predicted of the model that did answer, where its quality was learned."""
        if call.model not in self._known:
            self._known[call.model] = expert_named(call.model)
        asked = self._known[call.model]
        if asked is None:
            return
        prediction = self._router.predictor.predict([text or " "], [asked])
        if prediction.sources[0] != "learned":
            self._known[call.model] = None
            return
        total, count, other = sums.before
        sums.before = total + float(prediction.quality[0, 0]), count + 1, other + quality

    def _is_same(self, model: str, expert: Expert) -> bool:
        key = model, expert.name
        if key not in self._same:
            ours, theirs = resolve(name_of(expert)), resolve(model) if model else None
            by_name = model in (expert.model_id, expert.name, str(expert.model))
            self._same[key] = by_name or (ours is not None and theirs is not None and ours.model == theirs.model)
        return self._same[key]

    @staticmethod
    def _add(sums: WhatIf, replayed: Replayed) -> None:
        key = replayed.call.model, replayed.expert
        flow = sums.flows.setdefault(key, Flow(*key, moved=replayed.moved))
        flow.calls += 1
        if replayed.paid is None:
            flow.would_unpriced += replayed.would or 0.0
            return
        flow.priced += 1
        flow.paid += replayed.paid
        flow.would += replayed.would or 0.0


def _leave_out(sums: WhatIf, skipped: Skipped) -> None:
    sums.left_out += 1
    if len(sums.skipped) < 20:
        sums.skipped.append(skipped)


def _drawn(calls: Iterable[Logged], size: int) -> list[Logged]:
    """So many calls, each as likely as any other (J. S. Vitter, algorithm R, 1985); memory holds only these."""
    draw = random.Random(0)  # noqa: S311 - a sample, no secret
    kept: list[Logged] = []
    for at, call in enumerate(calls):
        if at < size:
            kept.append(call)
        elif (place := draw.randrange(at + 1)) < size:
            kept[place] = call
    return kept
