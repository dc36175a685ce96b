"""Which answers are the same: `Groups` puts each answer of a call in its cluster.

In this order: the caller's own `equivalent`; tool calls by name and arguments; the parsed object of a structured
answer; what `readings` makes of the text; a similarity of texts with a threshold, or what `likeness` has learned of
long ones; a judge. An answer that is empty, cut off, declines, or fails the caller's `verify` abstains. A long free
text that nothing above can compare is `INCOMPARABLE`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leeroo.consult.evidence import Verify, check_of, verdict
from leeroo.consult.likeness import Likeness, Similarity, shipped
from leeroo.consult.logprobs import LogProb
from leeroo.consult.places import ABSTAINED
from leeroo.consult.readings import Reading, as_json, by_value, is_refusal, options_of, read
from leeroo.errors import ConfigError

INCOMPARABLE = -3
"""Nothing says whether this answer is the same as another."""
UNDECIDED = -4
"""The judge has yet to say whether this answer is the same as another."""
LONGEST_COMPARED = 20_000
"""Characters of a text that a similarity is asked about."""


@dataclass(frozen=True)
class Reply:
    """One expert's answer as far as it is compared.

    Attributes:
        text: What it said.
        tool_calls: Name and arguments of the tools that it calls; arguments as an object, or as JSON text.
        parsed: The object that a structured answer was parsed to, None where there is none.
        truncated: Whether the output cap cut it off, or it is of no use otherwise: it abstains.
        tool_call_ids: Of the tool calls, so that their results go back to whoever made them.
        logprob: How probable it was to its own expert, None where its endpoint does not say.
    """

    text: str
    tool_calls: tuple[tuple[str, Any], ...] = ()
    parsed: Any = None
    truncated: bool = False
    tool_call_ids: tuple[str, ...] = ()
    logprob: LogProb | None = None

    @classmethod
    def of_object(cls, parsed: Any, *, logprob: LogProb | None = None) -> "Reply":
        """A structured answer, its JSON as the text that the caller's own functions see; None: it is none."""
        dump = getattr(parsed, "model_dump_json", None)
        text = dump() if dump is not None else "" if parsed is None else json.dumps(parsed, default=str)
        return cls(text, parsed=parsed, logprob=logprob)


@dataclass(frozen=True)
class Equivalence:
    """How answers are compared and checked.

    Attributes:
        equivalent: The caller's own: whether two texts are the same answer. Asked both ways round.
        verify: The caller's check of an answer: a function, a pydantic model, or a JSON schema.
        similarity: Of two texts, 0..1, for those that are too long to be compared otherwise.
        threshold: Similarity from which on two texts are the same answer.
        likeness: How long texts are compared where there is no `similarity`; None: not at all.
    """

    equivalent: Callable[[str, str], bool] | None = None
    verify: Verify | None = None
    similarity: Callable[[str, str], float] | None = None
    threshold: float = 0.9
    likeness: Likeness | None = field(default_factory=shipped)

    def __post_init__(self) -> None:
        for name in ("equivalent", "similarity"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise ConfigError(f"{name} is a {type(getattr(self, name)).__name__}; give a function of two texts.")
        if self.verify is not None:
            check_of(self.verify)
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"threshold is {self.threshold}; give a similarity between 0 and 1.")

    def expects(self, question: str, *, structured: bool = False) -> bool:
        """Whether it can be told before any answer that answers will be comparable."""
        own = self.equivalent or self.verify or self.similarity
        return own is not None or structured or options_of(question) is not None


@dataclass
class Groups:
    """The answers of one call, by cluster.

    Attributes:
        equivalence: How they are compared.
        question: What was asked.
        notes: What the caller's own functions did that they should not, for the record; never texts.
        vectors: Similarity of two texts' vectors, for a likeness that was fitted with it.
        judged: Whether there is a judge for what no rule can compare.
    """

    equivalence: Equivalence
    question: str
    notes: list[str] = field(default_factory=list)
    vectors: Similarity | None = None
    judged: bool = False
    _firsts: list[Reply] = field(default_factory=list)
    _readings: list[Reading | None] = field(default_factory=list)
    _verifies: bool = True
    _open: tuple[Reply, Reading | None, list[int]] | None = None

    def place(self, reply: Reply, seconds: float | None = None) -> int:
        """The cluster of an answer, `ABSTAINED`, `INCOMPARABLE` or `UNDECIDED`. A new cluster gets the next number.

        After `UNDECIDED` the judge is to be asked about `pair`, and `decide` told, before another answer is placed.

        Args:
            reply: The answer.
            seconds: What is left of the call's time.
        """
        if reply.truncated or not (reply.tool_calls or reply.parsed is not None or reply.text.strip()):
            return ABSTAINED
        checked = self._passes(reply, seconds)
        if checked is False:
            return ABSTAINED
        reading = self._read(reply)
        if self._declines(reply, reading):
            return ABSTAINED
        own = self.equivalence.equivalent or self.equivalence.similarity
        if reading is None and own is None:
            if checked:
                reading = Reading("verified", "")  # what passes the same check is the same, as far as can be told
            elif options_of(self.question) is not None:
                return ABSTAINED
            elif not (self.judged or self._may_tell(reply)):
                return INCOMPARABLE
        return self._among(reply, reading)

    def _among(self, reply: Reply, reading: Reading | None) -> int:
        """The cluster of an answer that can be compared; a new one where it differs from all that there are."""
        unsure = []
        for cluster, (first, known) in enumerate(zip(self._firsts, self._readings, strict=True)):
            same = self._same(first, known, reply, reading)
            if same:
                return cluster
            if same is None:
                unsure.append(cluster)
        if unsure and not self.judged:
            return INCOMPARABLE
        if unsure:
            self._open = (reply, reading, unsure)
            return UNDECIDED
        return self._found(reply, reading)

    @property
    def pair(self) -> tuple[str, str] | None:
        """The two texts that the judge is to compare, None where nothing is undecided."""
        if self._open is None:
            return None
        reply, _, unsure = self._open
        return _shown(self._firsts[unsure[0]]), _shown(reply)

    def decide(self, same: bool | None) -> int:
        """Take the judge's word on `pair`, None where it has none; gives what `place` gives."""
        assert self._open is not None  # noqa: S101 - for the type checker
        reply, reading, unsure = self._open
        cluster = unsure.pop(0)
        if same is False and unsure:
            return UNDECIDED
        self._open = None
        if same is None:
            return INCOMPARABLE
        return cluster if same else self._found(reply, reading)

    def reading_of(self, cluster: int) -> Reading | None:
        """What the first answer of a cluster was read as."""
        return self._readings[cluster]

    def _found(self, reply: Reply, reading: Reading | None) -> int:
        self._firsts.append(reply)
        self._readings.append(reading)
        return len(self._firsts) - 1

    def _may_tell(self, reply: Reply) -> bool:
        likeness = self.equivalence.likeness
        return likeness is not None and likeness.may_tell(reply.text, self.question)

    def _passes(self, reply: Reply, seconds: float | None) -> bool | None:
        if self.equivalence.verify is None or not self._verifies or not reply.text.strip():
            return None  # tool calls alone have no text to be checked
        found, raised = verdict(self.equivalence.verify, reply.text, seconds)
        if raised is not None:
            self.notes.append(f"verify raised {raised}")
        if found == "hung":
            self.notes.append("verify took too long and is not asked again")
            self._verifies = False
            return None
        return found == "passed"

    def _read(self, reply: Reply) -> Reading | None:
        if reply.tool_calls:
            calls = sorted(((name, _arguments(given)) for name, given in reply.tool_calls), key=repr)
            return Reading("tools", tuple(calls))
        if reply.parsed is not None:
            return Reading("json", by_value(_plain(reply.parsed)))
        return read(reply.text, self.question)

    def _declines(self, reply: Reply, reading: Reading | None) -> bool:
        if reply.tool_calls or reply.parsed is not None or (reading is not None and reading.kind in _CLEAR):
            return False
        return is_refusal(reply.text)

    def _same(self, first: Reply, known: Reading | None, reply: Reply, reading: Reading | None) -> bool | None:
        """Whether two answers are the same; None where the caller's own function cannot say."""
        if self.equivalence.equivalent is not None and not (first.tool_calls or reply.tool_calls):
            return self._by_caller(first.text, reply.text)
        if known is not None and reading is not None:
            return known == reading
        if first.tool_calls or reply.tool_calls or first.parsed is not None or reply.parsed is not None:
            return False
        if self.equivalence.similarity is not None:
            return self._by_similarity(first.text, reply.text)
        likeness = self.equivalence.likeness
        return None if likeness is None else likeness.same(first.text, reply.text, self.question, self.vectors)

    def _by_caller(self, one: str, other: str) -> bool | None:
        if one == other:
            return True
        assert self.equivalence.equivalent is not None  # noqa: S101 - for the type checker
        try:
            there, back = (bool(self.equivalence.equivalent(*pair)) for pair in ((one, other), (other, one)))
        except Exception as error:
            self.notes.append(f"equivalent raised {type(error).__name__}")
            return None
        if there != back:
            self.notes.append("equivalent is not symmetric: counted as different")
        return there and back

    def _by_similarity(self, one: str, other: str) -> bool | None:
        assert self.equivalence.similarity is not None  # noqa: S101 - for the type checker
        try:
            found = float(self.equivalence.similarity(one[:LONGEST_COMPARED], other[:LONGEST_COMPARED]))
        except Exception as error:
            self.notes.append(f"similarity raised {type(error).__name__}")
            return None
        return found >= self.equivalence.threshold


_CLEAR = ("choice", "json", "date", "number")
"""Kinds of reading that no refusal has."""


def cluster_all(replies: Sequence[Reply], question: str, equivalence: Equivalence | None = None) -> list[int]:
    """The clusters of some answers to one question, in their order; what cannot be compared abstains."""
    groups = Groups(equivalence or Equivalence(), question)
    return [max(groups.place(reply), ABSTAINED) for reply in replies]


def _shown(reply: Reply) -> str:
    """An answer as a judge sees it."""
    return f"{reply.text}\n{list(reply.tool_calls)}" if reply.tool_calls else reply.text


def _arguments(given: Any) -> Any:
    value = as_json(given) if isinstance(given, str) else given
    return by_value(given if value is None else value)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump() if dump is not None else dict(value) if isinstance(value, Mapping) else value
