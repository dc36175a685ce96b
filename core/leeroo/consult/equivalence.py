"""Which answers are the same: `Groups` puts each answer of a call in its cluster.

In this order: the caller's own `equivalent`; tool calls by name and arguments; the parsed object of a structured
answer; what `readings` makes of the text; a similarity of texts with a threshold. An answer that is empty, cut off,
declines, or fails the caller's `verify` abstains. A long free text that nothing above can compare is `INCOMPARABLE`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leeroo.consult.evidence import Verify, check_of, verdict
from leeroo.consult.lattice import ABSTAINED
from leeroo.consult.readings import Reading, as_json, by_value, is_refusal, options_of, read
from leeroo.errors import ConfigError

INCOMPARABLE = -3
"""Nothing says whether this answer is the same as another."""
LONGEST_COMPARED = 20_000
"""Characters of a text that a similarity is asked about."""


@dataclass(frozen=True)
class Reply:
    """One expert's answer as far as it is compared.

    Attributes:
        text: What it said.
        tool_calls: Name and arguments of the tools that it calls; arguments as an object, or as JSON text.
        parsed: The object that a structured answer was parsed to, None where there is none.
        truncated: Whether the output cap cut it off.
        tool_call_ids: Of the tool calls, so that their results go back to whoever made them.
    """

    text: str
    tool_calls: tuple[tuple[str, Any], ...] = ()
    parsed: Any = None
    truncated: bool = False
    tool_call_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Equivalence:
    """How answers are compared and checked.

    Attributes:
        equivalent: The caller's own: whether two texts are the same answer. Asked both ways round.
        verify: The caller's check of an answer: a function, a pydantic model, or a JSON schema.
        similarity: Of two texts, 0..1, for those that are too long to be compared otherwise.
        threshold: Similarity from which on two texts are the same answer.
    """

    equivalent: Callable[[str, str], bool] | None = None
    verify: Verify | None = None
    similarity: Callable[[str, str], float] | None = None
    threshold: float = 0.9

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
    """

    equivalence: Equivalence
    question: str
    notes: list[str] = field(default_factory=list)
    _firsts: list[Reply] = field(default_factory=list)
    _readings: list[Reading | None] = field(default_factory=list)
    _verifies: bool = True

    def place(self, reply: Reply, seconds: float | None = None) -> int:
        """The cluster of an answer, `ABSTAINED` or `INCOMPARABLE`. A new cluster gets the next number.

        Args:
            reply: The answer.
            seconds: What is left of the call's time.
        """
        if not reply.tool_calls and reply.parsed is None and not reply.text.strip():
            return ABSTAINED
        if reply.truncated:
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
            else:
                return INCOMPARABLE
        for cluster, (first, known) in enumerate(zip(self._firsts, self._readings, strict=True)):
            same = self._same(first, known, reply, reading)
            if same is None:
                return INCOMPARABLE
            if same:
                return cluster
        self._firsts.append(reply)
        self._readings.append(reading)
        return len(self._firsts) - 1

    def reading_of(self, cluster: int) -> Reading | None:
        """What the first answer of a cluster was read as."""
        return self._readings[cluster]

    def _passes(self, reply: Reply, seconds: float | None) -> bool | None:
        if self.equivalence.verify is None or not self._verifies:
            return None
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
        if self.equivalence.similarity is None:
            return False
        return self._by_similarity(first.text, reply.text)

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


def _arguments(given: Any) -> Any:
    value = as_json(given) if isinstance(given, str) else given
    return by_value(given if value is None else value)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump() if dump is not None else dict(value) if isinstance(value, Mapping) else value
