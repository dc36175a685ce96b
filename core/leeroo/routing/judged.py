"""Answers on the way to their clusters, and the expert of the pool that judges where no rule can: `Placing`, `Judge`.

The judge is asked only where no rule can compare two answers. Each ask is an attempt of the call like others: it
is reserved under the call's cap, booked in the ledger and on the record with `purpose: "judge"`; one that cannot be
paid for, fails, or says neither yes nor no leaves the answers incomparable.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from leeroo.consult.equivalence import UNDECIDED, Groups, Reply
from leeroo.consult.judge import TOKENS, question_to_judge, verdict_of
from leeroo.consult.settings import Consulting
from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.thinking import room, thought_of
from leeroo.pool.tokens import count
from leeroo.query import Query
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call
from leeroo.routing.judging import Estimate, Terms, judge

SAID = 4
"""Output tokens that are expected of a judge."""


@dataclass(frozen=True)
class Comparison:
    """Two answers for the judge.

    Attributes:
        attempt: At the judge; it ends by `Consultation.judged` or `unjudged`.
        messages: What it is asked, as chat messages with `role` and `content`.
        query: The same as the router sees it.
    """

    attempt: Attempt
    messages: Sequence[dict[str, str]]
    query: Query


class Judge:
    """The judge of one call.

    Args:
        call: The call.
        name: Who judges.

    Raises:
        ConfigError: The pool has no such expert.
    """

    def __init__(self, call: Call, name: str) -> None:
        experts = {c.expert.name: c.expert for c in call.decision.candidates}
        if name not in experts:
            raise ConfigError(f"judge {name!r} is not an expert of the pool.{did_you_mean(name, experts)}")
        self._call = call
        self._expert = experts[name]

    def compare(self, one: str, other: str) -> Comparison | str:
        """Reserve the ask that compares two answers; where it cannot be made, the reason."""
        call, expert = self._call, self._expert
        messages = question_to_judge(call.query.text, one, other)
        prompt = "\n".join(message["content"] for message in messages)
        most = TOKENS if not thought_of(expert).least else room(expert)
        query = Query(text=prompt, prompt=prompt, messages=len(messages), max_tokens=most)
        terms = Terms(query, replace(call.decision.budget, max_latency=None), call.remaining_nano, None, call.health)
        candidate = judge(terms, expert, Estimate(0.0, SAID, "judge"), count(query, expert))
        if candidate.ineligible is not None:
            return candidate.ineligible
        attempt = call.start(replace(candidate, narrowed=True), purpose="judge")
        return "it cannot be asked" if attempt is None else Comparison(attempt, messages, query)


class Placing:
    """Finds the cluster of each answer of a call, one after the other; one at a time may wait for the judge.

    Args:
        call: The call.
        settings: How its experts are consulted.

    Attributes:
        notes: What the caller's own functions and the judge did that they should not, for the record.
    """

    def __init__(self, call: Call, settings: Consulting) -> None:
        self._call = call
        self._judge = None if settings.judge is None else Judge(call, settings.judge)
        likeness, own = settings.equivalence.likeness, call.consulting
        vectors = own.similarity() if likeness is not None and likeness.reads_similarity and own is not None else None
        self._groups = Groups(settings.equivalence, call.query.text, vectors=vectors, judged=self._judge is not None)
        self.notes = self._groups.notes
        self._waiting: deque[tuple[int, Reply]] = deque()
        self._found: list[tuple[int, int]] = []

    def add(self, key: int, reply: Reply) -> None:
        """Find the cluster of an answer, now or once the judge has said what it is asked."""
        self._waiting.append((key, reply))
        self._go_on()

    def found(self) -> list[tuple[int, int]]:
        """The keys and clusters that have been found since this was last asked."""
        found, self._found = self._found, []
        return found

    def comparison(self) -> Comparison | None:
        """What the judge is to be asked now; None where nothing is undecided."""
        while self._judge is not None and (pair := self._groups.pair) is not None:
            made = self._judge.compare(*pair)
            if isinstance(made, Comparison):
                return made
            self.give_up(f"judge: {made}")
        return None

    def judged(self, said: str) -> None:
        """Take the judge's reply."""
        same = verdict_of(said)
        if same is None:
            self.notes.append("judge: it said neither yes nor no")
        self._take(self._groups.decide(same))

    def give_up(self, why: str = "") -> None:
        """What is undecided cannot be compared."""
        while self._groups.pair is not None:
            if why:
                self.notes.append(why)
            self._take(self._groups.decide(None))

    def _take(self, cluster: int) -> None:
        if cluster != UNDECIDED:
            self._found.append((self._waiting.popleft()[0], cluster))
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._groups.pair is None:
            cluster = self._groups.place(self._waiting[0][1], self._call.seconds_left)
            if cluster == UNDECIDED:
                return
            self._found.append((self._waiting.popleft()[0], cluster))
