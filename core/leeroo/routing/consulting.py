"""A call that may ask several experts for their answers: `Consultation`. It does no I/O with experts.

    consultation = Consultation(call, settings)
    while attempts := consultation.round():
        for attempt in attempts:  # at once, where there are two
            try:
                consultation.answered(attempt, answer, Reply(text), usage)  # once it is there
            except Exception as error:
                consultation.failed(attempt, error)
        ...  # while comparison := consultation.comparison(): ask the judge, then `judged` or `unjudged`
    answer = consultation.accepted  # None where nobody answered: `call.attempts()` goes on

Every ask is an attempt of the call: reserved, booked and on the record. Whom to ask next is said by a policy of
`leeroo.consult` (see `leeroo.consult.asking`) from what is known by then; the limits of the call are kept here.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from leeroo.consult.asking import Standing
from leeroo.consult.equivalence import INCOMPARABLE, UNDECIDED, Reply
from leeroo.consult.logprobs import Shifts
from leeroo.consult.places import UNASKED
from leeroo.consult.settings import Consulting
from leeroo.money import to_usd
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call
from leeroo.routing.draws import Bound, Draws, draws_of, nothing_asked, rule_said, why_alone
from leeroo.routing.health import key_of
from leeroo.routing.judged import Comparison, Placing
from leeroo.routing.logs import event
from leeroo.routing.news import News, Stage
from leeroo.selection.selector import Candidate

T = TypeVar("T")


@dataclass
class _Answer(Generic[T]):
    candidate: Candidate
    cluster: int
    content: T | None
    ask: dict[str, Any]


class Consultation(Generic[T]):
    """The asks of one call, round by round.

    Args:
        call: The call; the caller closes it.
        settings: How experts are consulted.
        structured: Whether answers are objects or tool calls, which can always be compared.
        draws: What may be asked for; each expert once, or as often as the settings say, when absent.

    Attributes:
        stopped: Why nobody else is asked, None while somebody may be.
        logprobs: Log-probabilities of the answers, see `leeroo.consult.logprobs`.
    """

    def __init__(
        self, call: Call, settings: Consulting | None = None, *, structured: bool = False, draws: Draws | None = None
    ) -> None:
        self.stopped: str | None = None
        self._call, settings = call, settings or Consulting()
        self._draws = draws or draws_of(call, settings.repeats or 1)
        options = self._draws.options
        self._state = [UNASKED] * len(options)
        own, keys = call.consulting, [key_of(option.expert) for option in options]
        self.logprobs = Shifts(own.logprobs if own else None, settings.model_in_use().certainty, keys)
        self._placing = Placing(call, settings)
        self._answers: list[_Answer[T]] = []
        self._asks: list[dict[str, Any]] = []
        self._rounds = 0
        self._news: list[News] = []
        self._comparable = settings.expects(call.query.text, structured=structured)
        self._policy = settings.open(options, call.decision.budget, call.query.text)
        self._closed = set(range(len(options))) - self._policy.considered

    @property
    def has_answers(self) -> bool:
        """Whether there is an answer to return, so that no failure of another ends the call."""
        return any(answer.content is not None for answer in self._answers)

    @property
    def accepted(self) -> T | None:
        """The answer to return, unaltered; None where nobody has answered."""
        best = self._best()
        return None if best is None else best.content

    def round(self) -> list[Attempt]:
        """The attempts to make now, at once; none when an answer is accepted, or nobody is left to ask."""
        self._placing.give_up("judge: nobody asked it")  # only where a driver knows none
        self._placed()
        while self.stopped is None:
            if attempts := self._start(self._next()):
                self._rounds += 1
                self._note()
                self._tell("asking", experts=[one.expert.name for one in attempts], round=self._rounds)
                return attempts
        self._finish()
        return []

    def answered(self, attempt: Attempt, content: T | None, reply: Reply, usage: Usage) -> None:
        """An expert answered: settle what it cost, and compare its answer with the others'.

        Args:
            attempt: From `round`.
            content: The answer as it is to be returned; None where there is nothing to return.
            reply: The answer as it is compared.
            usage: What the expert used.
        """
        attempt.succeeded(usage, tool_call_ids=reply.tool_call_ids)
        if self._call.acceptance.fault(attempt, None, usage) is not None:
            reply = replace(reply, truncated=True)  # what was not read cannot be agreed on
        ask = {"expert": attempt.expert.name, "cost": to_usd(attempt.cost), "cluster": None}
        ask |= {"draw": attempt.draw} if attempt.draw > 1 else {}
        ask |= self.logprobs.take(self._draws.at(attempt.candidate), reply.logprob)
        self._asks.append(ask)
        self._answers.append(_Answer(attempt.candidate, UNDECIDED, content, ask))
        self._placing.add(len(self._answers) - 1, reply)
        self._placed()
        if self._answers[-1].cluster == UNDECIDED:
            self._note()  # the judge comes first, and may not come back

    def comparison(self) -> Comparison | None:
        """Two answers for the judge to compare now, its ask reserved; None where nothing is undecided."""
        found = None if self.stopped else self._placing.comparison()
        self._placed()
        return found

    def judged(self, comparison: Comparison, said: str, usage: Usage) -> None:
        """The judge has replied: settle what it cost; anything but a plain yes or no leaves the answers incomparable.

        Args:
            comparison: From `comparison`.
            said: Its reply.
            usage: What it used.
        """
        comparison.attempt.succeeded(usage)
        self._placing.judged(said)
        self._placed()

    def unjudged(self, comparison: Comparison, error: BaseException) -> None:
        """The judge has failed: the two answers cannot be compared."""
        comparison.attempt.failed(error, others=True)
        self._placing.give_up(f"judge failed: {type(error).__name__}")
        self._placed()

    def failed(self, attempt: Attempt, error: BaseException, *, used: Usage | None = None) -> None:
        """An expert failed: it is out, or abstains where its answer came and is of no use; the others go on.

        Raises:
            ExpertsFailed: The failure is the request's own, and nobody has answered.
        """
        if isinstance(error, UselessAnswer) and not error.is_none:
            attempt.failed(error, used=used, others=self.has_answers)
            self.answered(attempt, None, Reply.of_object(None), Usage(0, 0))  # its attempt is settled
            return
        self._closed |= self._draws.same(self._draws.at(attempt.candidate))
        self._note()
        self._tell("failed", expert=attempt.expert.name)
        attempt.failed(error, used=used, others=self.has_answers)

    def _placed(self) -> None:
        """Take the clusters that have been found into the books."""
        for place, cluster in self._placing.found():
            answer = self._answers[place]
            answer.cluster = cluster
            at = self._draws.at(answer.candidate)
            if cluster == INCOMPARABLE:
                self._closed.add(at)
                self.stopped = self.stopped or "nothing can be compared: chosen once"
            else:
                self._state[at] = cluster
            answer.ask["cluster"] = cluster if cluster >= 0 else None
            noted = self._note()
            self._tell("answered", **answer.ask, clusters=noted["clusters"], posterior=noted["posterior"])

    def news(self) -> list[News]:
        """What has happened since this was last asked."""
        news, self._news = self._news, []
        return news

    def _tell(self, stage: Stage, **told: Any) -> None:
        self._news.append(News(stage, {"call_id": self._call.id, **told}))

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
            passed = any(p == UNASKED and e not in self._policy.considered for e, p in enumerate(self._state))
            return self._stop("nobody else's answer would help" if passed else "nobody is left to ask")
        if not asked and not self._comparable:
            return left[:1]  # the one that would be chosen once: if answers cannot be compared, nothing is lost
        step = self._policy.step(self._standing())
        if not step.ask:
            return self._stop(step.stopped or "the policy asks nobody else")
        return list(step.ask if most is None else step.ask[: most - asked])

    def _standing(self) -> Standing:
        most, asked = self._call.decision.budget.max_calls, len(self._asks)
        return Standing(
            places=tuple(self._state),
            closed=frozenset(self._closed),
            answers=sum(answer.content is not None for answer in self._answers),
            asks_left=None if most is None else most - asked,
            nano=self._call.remaining_nano,
            seconds=self._call.seconds_left,
            shifts=self.logprobs.values,
        )

    def _start(self, places: list[int]) -> list[Attempt]:
        """Reserve the asks; those that cannot be made are out."""
        started: list[Attempt] = []
        for at in places:
            candidate = self._draws.candidates[at]
            if started and not self._call.pays_for(candidate):
                continue  # not beside the first, but perhaps after it
            attempt = self._call.start(candidate)
            if attempt is None:
                self._closed |= self._draws.same(at)
            else:
                attempt.draw = self._draws.options[at].draw
                started.append(attempt)
        return started

    def _stop(self, reason: str) -> list[int]:
        self.stopped = reason
        return []

    def _best(self) -> _Answer[T] | None:
        """The best cluster's best-predicted member; where all have abstained, the best-predicted answer."""
        members = [answer for answer in self._answers if answer.content is not None]
        if any(answer.cluster >= 0 for answer in members) and not any(a.cluster == INCOMPARABLE for a in members):
            best = int(self._policy.posterior(self._standing()).argmax())
            members = [answer for answer in members if answer.cluster == best]
        return max(members, key=lambda answer: answer.candidate.quality, default=None)

    def _finish(self) -> None:
        best = self._best()
        if best is not None:
            self._call.accept(best.candidate)
            told = self._note()
            event(
                logging.INFO, "consult", call_id=self._call.id, expert=best.candidate.expert.name,
                asks=len(told["asks"]), rounds=told["rounds"], posterior=told["posterior"], stopped=told["stopped"],
            )  # fmt: skip
        elif "consult" in self._call.extra:
            self._note()
        self._tell(
            "stopped",
            expert=None if best is None else best.candidate.expert.name, asks=len(self._asks),
            posterior=self._call.extra.get("consult", {}).get("posterior"), reason=self.stopped,
        )  # fmt: skip

    def _note(self) -> dict[str, Any]:
        """Write down where the consultation is, so that the record has it however the call ends."""
        sizes = [sum(place == k for place in self._state) for k in range(1 + max(*self._state, -1))]
        compared = not any(answer.cluster in (INCOMPARABLE, UNDECIDED) for answer in self._answers)
        posterior = round(float(self._policy.posterior(self._standing()).max()), 4) if sizes and compared else None
        noted: dict[str, Any] = {
            "asks": list(self._asks), "compared": compared, "clusters": sizes, "posterior": posterior,
            "rounds": self._rounds, "stopped": self.stopped, **self._draws.note,
        }  # fmt: skip
        if self._placing.notes:
            noted["notes"] = list(self._placing.notes)
        self._call.extra |= {"consult": noted, **rule_said(self._policy, posterior)}
        return noted


def consultation(
    call: Call, settings: Consulting | None = None, *, structured: bool = False, bound: Bound | None = None
) -> "Consultation[Any] | None":
    """The consultation of a call; None, with the reason on the record, where one expert answers alone.

    Args:
        call: The call.
        settings: How experts are consulted.
        structured: Whether answers are objects or tool calls.
        bound: Kwargs that go to an expert with every request and that its `Expert` does not show.
    """
    if not call.decision.budget.consults:
        return None
    usual = 1 if call.consulting is None else call.consulting.repeats
    draws = draws_of(call, usual if settings is None or settings.repeats is None else settings.repeats, bound)
    reason = why_alone(call, draws)
    if reason is None:
        completed = settings if call.consulting is None else call.consulting.complete(settings)
        return Consultation(call, completed, structured=structured, draws=draws)
    call.extra["consult"] = {**nothing_asked(reason), **draws.note}
    return None
