"""A call that may ask several experts for their answers: `Consultation`. It does no I/O with experts.

    consultation = Consultation(call, settings)
    while attempts := consultation.round():
        for attempt in attempts:  # at once, where there are two
            try:
                answer = ...
            except Exception as error:
                consultation.failed(attempt, error)
            else:
                consultation.answered(attempt, answer, Reply(text), usage)
    answer = consultation.accepted  # None where nobody answered: `call.attempts()` goes on

Every ask is an attempt of the call: reserved, booked and on the record. What is asked next is decided by
`leeroo.consult.policy` from what is known by then, within the money and the time that are left.
"""

import logging
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from leeroo.consult.equivalence import INCOMPARABLE, Groups, Reply
from leeroo.consult.lattice import UNASKED, depth_for
from leeroo.consult.policy import STOP, Limits, Plan, plan, promising
from leeroo.consult.posterior import Outlook, outlook
from leeroo.consult.rules import Rule, rule_of
from leeroo.consult.settings import Consulting, alternatives_of
from leeroo.money import to_usd
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call
from leeroo.routing.decision import least_cost
from leeroo.routing.logs import event
from leeroo.selection.selector import Candidate

T = TypeVar("T")


@dataclass(frozen=True)
class _Answer(Generic[T]):
    candidate: Candidate
    cluster: int
    content: T


class Consultation(Generic[T]):
    """The asks of one call, round by round.

    Args:
        call: The call; the caller closes it.
        settings: How experts are consulted.
        structured: Whether answers are objects or tool calls, which can always be compared.

    Attributes:
        stopped: Why nobody else is asked, None while somebody may be.
    """

    def __init__(self, call: Call, settings: Consulting | None = None, *, structured: bool = False) -> None:
        self.stopped: str | None = None
        self._call = call
        self._settings = settings or Consulting()
        self._candidates = call.decision.selection.order
        self._state = [UNASKED] * len(self._candidates)
        self._groups = Groups(self._settings.equivalence, call.query.text)
        self._answers: list[_Answer[T]] = []
        self._asks: list[dict[str, Any]] = []
        self._rounds = 0
        self._rule: Rule | None = None
        self._comparable = self._settings.equivalence.expects(call.query.text, structured=structured)
        self._quality = np.array([[c.quality for c in self._candidates]])
        self._costs = np.array([to_usd(c.expected_cost) for c in self._candidates])
        # The first is the one that would be chosen once.
        kept = {0, *promising(self._quality[0], self._costs)}
        self._closed = set(range(len(self._candidates))) - kept
        self._alternatives = alternatives_of(call.query.text)
        self._model = self._settings.model_in_use()
        self._names = [self._model.name_of(c.expert.name, c.expert.traits, c.expert.model_id) for c in self._candidates]

    @property
    def has_answers(self) -> bool:
        """Whether somebody has answered, so that no failure of another ends the call."""
        return bool(self._answers)

    @property
    def accepted(self) -> T | None:
        """The answer to return, unaltered; None where nobody has answered."""
        best = self._best()
        return None if best is None else best.content

    def round(self) -> list[Attempt]:
        """The attempts to make now, at once; none when an answer is accepted, or nobody is left to ask."""
        while self.stopped is None:
            attempts = self._start(self._next())
            if attempts:
                self._rounds += 1
                self._note()
                return attempts
        self._finish()
        return []

    def answered(self, attempt: Attempt, content: T, reply: Reply, usage: Usage) -> None:
        """An expert answered: settle what it cost, and compare its answer with the others'.

        Args:
            attempt: From `round`.
            content: The answer as it is to be returned.
            reply: The answer as it is compared.
            usage: What the expert used.
        """
        attempt.succeeded(usage, tool_call_ids=reply.tool_call_ids)
        cluster = self._groups.place(reply, self._call.seconds_left)
        at = self._candidates.index(attempt.candidate)
        if cluster == INCOMPARABLE:
            self._closed.add(at)
            self.stopped = self.stopped or "nothing can be compared: chosen once"
        else:
            self._state[at] = cluster
        self._answers.append(_Answer(attempt.candidate, cluster, content))
        shown = cluster if cluster >= 0 else None
        self._asks.append({"expert": attempt.expert.name, "cost": to_usd(attempt.cost), "cluster": shown})
        self._note()

    def failed(self, attempt: Attempt, error: BaseException, *, used: Usage | None = None) -> None:
        """An expert failed: it is out, and the others go on.

        Raises:
            ExpertsFailed: The failure is the request's own, and nobody has answered.
        """
        self.lost(attempt)
        attempt.failed(error, used=used, others=self.has_answers)

    def lost(self, attempt: Attempt) -> None:
        """An expert has failed, and its attempt is settled by somebody else: it is out."""
        self._closed.add(self._candidates.index(attempt.candidate))
        self._note()

    def _next(self) -> list[int]:
        """Whom to ask now, as places in the order; sets `stopped` where nobody."""
        asked = len(self._asks)
        most = self._call.decision.budget.max_calls
        if self._call.seconds_left is not None and self._call.seconds_left <= 0 and asked:
            return self._stop("deadline")
        if most is not None and asked >= most:
            return self._stop(f"max_calls={most}")
        left = [e for e, place in enumerate(self._state) if place == UNASKED and e not in self._closed]
        if not left:
            return self._stop("nobody is left to ask")
        if not asked and not self._comparable:
            return left[:1]  # the one that would be chosen once: if answers cannot be compared, nothing is lost
        ahead, found = self._plan()
        first, second = int(found.action[0, 0]), int(found.beside[0, 0])
        if first == STOP:
            return self._stop(self._reason(ahead))
        beside = second != STOP and (most is None or asked + 2 <= most)
        return [first, second] if beside else [first]

    def _plan(self) -> tuple[Outlook, Plan]:
        left = sum(p == UNASKED and e not in self._closed for e, p in enumerate(self._state))
        most = self._call.decision.budget.max_calls
        far = depth_for(1 + max(*self._state, -1), left)
        ahead = self._look(far if most is None else min(far, most - len(self._asks)))
        costs = self._costs[list(ahead.left)][None, :]
        limits = self._limits(ahead)
        if self._rule is None:
            self._rule = rule_of(self._call.decision.budget, ahead, costs, limits=limits)
        return ahead, plan(
            ahead,
            costs,
            self._rule.rates(ahead, costs, must=not self._asks, limits=limits),
            must=not self._asks,
            limits=limits,
            haste=self._settings.haste,
        )

    def _look(self, depth: int) -> Outlook:
        return outlook(
            self._model,
            self._quality,
            self._names,
            tuple(self._state),
            depth,
            alternatives=self._alternatives,
            closed=frozenset(self._closed),
        )

    def _limits(self, ahead: Outlook) -> tuple[Limits, ...]:
        """The money and the time that are left, as the look-ahead counts them."""
        left = [self._candidates[e] for e in ahead.left]
        found = []
        if self._call.remaining_nano is not None:
            expected = np.array([c.expected_cost for c in left], dtype=np.float64)
            worst = np.array([least_cost(c) for c in left], dtype=np.float64)
            found.append(Limits(expected, worst, float(self._call.remaining_nano)))
        if self._call.seconds_left is not None:
            seconds = np.array([c.latency or 0.0 for c in left])
            found.append(Limits(seconds, seconds, self._call.seconds_left))
        return tuple(found)

    def _start(self, places: list[int]) -> list[Attempt]:
        """Reserve the asks; those that cannot be made are out."""
        started: list[Attempt] = []
        for at in places:
            if started and not self._call.pays_for(self._candidates[at]):
                continue  # not beside the first, but perhaps after it
            attempt = self._call.start(self._candidates[at])
            if attempt is None:
                self._closed.add(at)
            else:
                started.append(attempt)
        return started

    def _stop(self, reason: str) -> list[int]:
        self.stopped = reason
        return []

    def _reason(self, ahead: Outlook) -> str:
        assert self._rule is not None  # noqa: S101 - there was a plan
        posterior = float(ahead.best[0, 0] / ahead.reached[0, 0])
        if self._rule.least is not None and posterior >= self._rule.least:
            return "the posterior reaches min_quality"
        limits = self._limits(ahead)
        if any((limit.worst > limit.left).all() for limit in limits):
            return "the rest of the budget pays for nobody else"
        return "another answer is not worth its price"

    def _best(self) -> _Answer[T] | None:
        """The best cluster's best-predicted member; where all have abstained, the best-predicted answer."""
        if not self._answers:
            return None
        members = self._answers
        if any(answer.cluster >= 0 for answer in members) and not any(a.cluster == INCOMPARABLE for a in members):
            best = int(self._look(0).posterior()[0].argmax())
            members = [answer for answer in members if answer.cluster == best]
        return max(members, key=lambda answer: answer.candidate.quality)

    def _finish(self) -> None:
        best = self._best()
        if best is not None:
            self._call.accept(best.candidate.expert)
            self._note()
            told = self._call.extra["consult"]
            event(
                logging.INFO, "consult", call_id=self._call.id, expert=best.candidate.expert.name,
                asks=len(told["asks"]), rounds=told["rounds"], posterior=told["posterior"], stopped=told["stopped"],
            )  # fmt: skip
        elif "consult" in self._call.extra:
            self._note()

    def _note(self) -> None:
        """Write down where the consultation is, so that the record has it however the call ends."""
        sizes = [sum(place == k for place in self._state) for k in range(1 + max(*self._state, -1))]
        compared = bool(sizes) and not any(answer.cluster == INCOMPARABLE for answer in self._answers)
        posterior = round(float(self._look(0).posterior()[0].max()), 4) if compared else None
        noted: dict[str, Any] = {
            "asks": list(self._asks),
            "clusters": sizes,
            "posterior": posterior,
            "rounds": self._rounds,
            "stopped": self.stopped,
        }
        if self._groups.notes:
            noted["notes"] = list(self._groups.notes)
        self._call.extra["consult"] = noted
        if self._rule is not None:
            self._call.extra["rule"] = self._rule.words
            if posterior is not None and self._rule.least is not None:
                self._call.extra["adequate"] = posterior >= self._rule.least


def consultation(
    call: Call, settings: Consulting | None = None, *, structured: bool = False
) -> "Consultation[Any] | None":
    """The consultation of a call; None, with the reason on the record, where one expert answers alone.

    Args:
        call: The call.
        settings: How experts are consulted.
        structured: Whether answers are objects or tool calls.
    """
    budget = call.decision.budget
    if not budget.consults:
        return None
    reason = None
    if budget.expert is not None:
        reason = "the call is pinned"
    elif call.query.sticky is not None and call.decision.chosen.expert.name == call.query.sticky:
        reason = call.query.sticky_reason
    elif len(call.decision.selection.order) < 2:
        reason = "one expert is eligible"
    if reason is None:
        return Consultation(call, settings, structured=structured)
    call.extra["consult"] = {"asks": [], "clusters": [], "posterior": None, "rounds": 0, "stopped": reason}
    return None
