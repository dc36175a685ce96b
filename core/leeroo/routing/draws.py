"""Who may be asked in a consultation, and how often: `Draws`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from leeroo.consult.asking import Asking, Option
from leeroo.pool.experts import Expert
from leeroo.pool.extras import sampling_of
from leeroo.routing.call import Call
from leeroo.routing.decision import least_cost
from leeroo.selection.selector import Candidate

Bound = Callable[[Expert], Mapping[str, Any]]
"""Kwargs that go to an expert with every request and that its `Expert` does not show."""


@dataclass(frozen=True)
class Draws:
    """The answers that may be asked for: the first of every expert, then the second of those who may be asked again.

    Attributes:
        candidates: Whose answer each is; every one an object of its own, so that an attempt tells which it is.
        options: The same for the policy.
        repeats: How often one expert may be asked.
        once: Experts that would say the same again, and why.
    """

    candidates: list[Candidate]
    options: list[Option]
    repeats: int
    once: dict[str, str]

    def at(self, candidate: Candidate) -> int:
        """Which answer an attempt is for, by its candidate."""
        return next(place for place, one in enumerate(self.candidates) if one is candidate)

    def same(self, place: int) -> set[int]:
        """All answers of the same expert."""
        name = self.candidates[place].expert.name
        return {at for at, one in enumerate(self.candidates) if one.expert.name == name}

    @property
    def note(self) -> dict[str, Any]:
        """What the record says of repeats; nothing where nobody asked for any."""
        return {} if self.repeats == 1 else {"repeats": self.repeats, "asked_once": dict(self.once)}


def draws_of(call: Call, repeats: int, bound: Bound | None = None) -> Draws:
    """The answers that a call may ask for.

    Args:
        call: The call.
        repeats: How often one expert may be asked.
        bound: What the adapter knows of an expert's own kwargs.
    """
    order = call.decision.selection.order
    once = {c.expert.name: why for c in order if repeats > 1 and (why := _why_once(call, c.expert, bound)) is not None}
    candidates = [*order, *(replace(c) for _ in range(1, repeats) for c in order if c.expert.name not in once)]
    options = []
    for place, c in enumerate(candidates):
        draw = 1 + sum(one.expert.name == c.expert.name for one in candidates[:place])
        options.append(Option(c.expert, c.quality, c.expected_cost, least_cost(c), c.latency or 0.0, draw))
    return Draws(candidates, options, repeats, once)


def why_alone(call: Call, draws: Draws) -> str | None:
    """Why one expert answers alone, once, although the budget lets several be asked; None where more may be asked.

    Args:
        call: The call.
        draws: What may be asked for.
    """
    if call.query.sticky is not None and call.decision.chosen.expert.name == call.query.sticky:
        pinned = call.decision.budget.expert is not None
        return "the call is pinned" if pinned else call.query.sticky_reason
    if len(draws.candidates) > 1:
        return None
    reason = "one expert is eligible" if call.decision.budget.expert is None else "the call is pinned"
    again = next(iter(draws.once.values()), None)
    return reason if again is None else f"{reason}, and asked again it would say the same: {again}"


def nothing_asked(reason: str) -> dict[str, Any]:
    """What the record says under `consult` where one expert answers alone."""
    return {"asks": [], "compared": False, "clusters": [], "posterior": None, "rounds": 0, "stopped": reason}


def rule_said(policy: Asking, posterior: float | None) -> dict[str, Any]:
    """What a policy adds to the record: its rule in words, and whether an answer so probable is adequate by it."""
    if policy.words is None:
        return {}
    least = policy.least
    judged = {} if posterior is None or least is None else {"adequate": posterior >= least}
    return {"rule": policy.words, **judged}


def _why_once(call: Call, expert: Expert, bound: Bound | None) -> str | None:
    own = expert.sampling if bound is None else sampling_of(bound(expert)).over(expert.sampling)
    return call.query.sampling.over(own).fixed
