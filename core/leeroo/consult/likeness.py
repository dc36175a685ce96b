"""Whether two long answers come to the same: `Likeness`, a logistic on what can be counted in both, learned from pairs.

It answers three ways, and where its evidence is poor it does not compare. Texts whose last sentence has a number of its
own are told apart by that number above all; of others the shipped one says nothing, since no threshold was found at
which it would be right often enough (`leeroo equivalence` measures that, and fits it to pairs of one's own).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from math import exp, isfinite, log
from pathlib import Path
from typing import Any

from leeroo.consult.readings import NUMBER, ends
from leeroo.errors import ConfigError, did_you_mean

Similarity = Callable[[str, str], float]
FEATURES = ("constant", "similarity", "length", "numbers", "result", "last", "words", "ending", "negation")
"""What is counted in a pair; see `features`."""

_NUMBERS = re.compile(NUMBER)
_POWERS = re.compile(r"\s*(?:\\times|\\cdot|[×x*·])\s*10\s*\^\s*\{?\s*(-?\d{1,3})\s*\}?")
_RAISED = re.compile(r"\^\s*(?:\{[^{}]{0,20}\}|-?\d+)|(?<!\d[eE])(?<=[^\W\d])\d+")
"""Exponents, and digits of a name such as `x2`: no results."""
_FORMULA = re.compile(r"[\[\]{}`'\"\\∪∩√πθλ_]|\w\(|\)\w|\b[a-z]\b\s*[-+=*/^]", re.IGNORECASE)
"""A last sentence with a list, code or a formula: its numbers alone are not its result."""
_WORDS = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_NEGATION = re.compile(r"\b(?:not|no|never|none|neither|nor|cannot|false|incorrect|wrong)\b|n['’]t\b", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """What is counted in one answer.

    Attributes:
        length: Characters.
        numbers: Numbers in it that the question has not.
        result: Those in its last sentence, where that is no list, code or formula.
        last: Its last sentence's last number that the question has not, None without one.
        words: Words in it that the question has not.
        ending: Those in its last sentence.
        negation: Whether its last sentence negates.
    """

    length: int
    numbers: frozenset[float]
    result: frozenset[float]
    last: float | None
    words: frozenset[str]
    ending: frozenset[str]
    negation: bool


def told(text: str, question: str) -> Told:
    """Count in one answer. Long ones are read at their ends."""
    shown = ends(text).strip()
    asked_words, asked_numbers = frozenset(_words(question)), frozenset(_numbers(question))
    last = [part for part in _SENTENCE.split(shown) if part.strip()][-1:] or [""]
    plain = _FORMULA.search(_POWERS.sub("", last[0])) is None
    result = [number for number in _numbers(last[0]) if number not in asked_numbers] if plain else []
    return Told(
        length=len(text),
        numbers=frozenset(_numbers(shown)) - asked_numbers,
        result=frozenset(result),
        last=result[-1] if result else None,
        words=frozenset(_words(shown)) - asked_words,
        ending=frozenset(_words(last[0])) - asked_words,
        negation=_NEGATION.search(last[0]) is not None,
    )


def features(one: Told, other: Told, similarity: float = 0.0) -> tuple[float, ...]:
    """What is counted in a pair, in the order of `FEATURES`; every number lies between -1 and 1, length in logs.

    Shares are of what either has (Jaccard); a share of nothing is one half. The ending's share is of its words that
    the whole other text has. Result and last are 1 for equal, -1 for different, 0 where one has none.
    """
    ending = (_share_in(one.ending, other.words) + _share_in(other.ending, one.words)) / 2
    both = bool(one.result and other.result)
    return (
        1.0,
        similarity,
        min(1.0, abs(log((1 + one.length) / (1 + other.length))) / 3),
        _jaccard(one.numbers, other.numbers),
        2 * _jaccard(one.result, other.result) - 1 if both else 0.0,
        (1.0 if one.last == other.last else -1.0) if both else 0.0,
        _jaccard(one.words, other.words),
        ending,
        float(one.negation != other.negation),
    )


@dataclass(frozen=True)
class Verdicts:
    """A logistic and where it is believed.

    Attributes:
        weights: By feature, absent ones 0.
        same_from: P(same) from which on two texts are the same; None: never.
        other_to: P(same) up to which they are different; None: never.
    """

    weights: Mapping[str, float]
    same_from: float | None
    other_to: float | None

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if name not in FEATURES:
                raise ConfigError(f"Unknown feature {name!r} of a likeness.{did_you_mean(name, FEATURES)}")
            if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not isfinite(weight):
                raise ConfigError(f"The weight of {name!r} in a likeness is {weight!r}; give a finite number.")
        for limit in (self.same_from, self.other_to):
            if limit is not None and not (isinstance(limit, (int, float)) and 0 <= limit <= 1):
                raise ConfigError(f"A threshold of a likeness is {limit!r}; give a probability or null.")
        if None not in (self.same_from, self.other_to) and self.same_from <= self.other_to:  # type: ignore[operator]
            raise ConfigError("A likeness calls texts different at a probability at which it calls them the same.")

    @property
    def says(self) -> bool:
        """Whether it ever says that two texts are the same: else nothing is gained by asking a second expert."""
        return self.same_from is not None

    @property
    def reads_similarity(self) -> bool:
        """Whether the similarity of the texts' vectors counts."""
        return bool(self.weights.get("similarity"))

    def chance(self, pair: tuple[float, ...]) -> float:
        """P(same) of a pair's features."""
        score = sum(self.weights.get(name, 0.0) * value for name, value in zip(FEATURES, pair, strict=True))
        return 1 / (1 + exp(-max(-60.0, min(60.0, score))))

    def verdict(self, pair: tuple[float, ...]) -> bool | None:
        """Whether they are the same; None where it cannot be told."""
        chance = self.chance(pair)
        if self.same_from is not None and chance >= self.same_from:
            return True
        return False if self.other_to is not None and chance <= self.other_to else None


_SILENT = Verdicts({}, None, None)


@dataclass(frozen=True)
class Likeness:
    """Compares long answers.

    Attributes:
        numbers: For pairs in which both last sentences have a number that the question has not.
        others: For all other pairs.
        about: Where it comes from: sources, date, how often it was wrong.
    """

    numbers: Verdicts = _SILENT
    others: Verdicts = _SILENT
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reads_similarity(self) -> bool:
        """Whether it needs a similarity of the texts' vectors."""
        return self.numbers.reads_similarity or self.others.reads_similarity

    def may_tell(self, text: str, question: str) -> bool:
        """Whether another text may be found to be the same as this one."""
        return self.others.says or (self.numbers.says and told(text, question).last is not None)

    def same(self, one: str, other: str, question: str, similarity: Similarity | None = None) -> bool | None:
        """Whether two answers to a question come to the same; None where it cannot be told.

        Args:
            one: The one.
            other: The other.
            question: What they answer.
            similarity: Of two texts' vectors, -1..1; without it, what counts it cannot tell.
        """
        if one == other:
            return True
        first, second = told(one, question), told(other, question)
        verdicts = self.numbers if first.result and second.result else self.others
        if verdicts.same_from is None and verdicts.other_to is None:
            return None
        if verdicts.reads_similarity and similarity is None:
            return None
        close = similarity(one, other) if verdicts.reads_similarity and similarity is not None else 0.0
        return verdicts.verdict(features(first, second, close)) if isfinite(close) else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; `of` reads it."""
        return {"about": dict(self.about)} | {
            name: {"weights": dict(own.weights), "same_from": own.same_from, "other_to": own.other_to}
            for name, own in (("numbers", self.numbers), ("others", self.others))
        }

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Likeness":
        """A likeness from what `to_dict` gave.

        Raises:
            ConfigError: An unknown key, or a value that is no number.
        """
        known = [f.name for f in fields(cls)]
        for key in given:
            if key not in known:
                raise ConfigError(f"Unknown key {key!r} of a likeness.{did_you_mean(key, known)}")
        try:
            own = {name: Verdicts(**given[name]) for name in ("numbers", "others") if name in given}
        except (TypeError, AttributeError):
            raise ConfigError("numbers and others of a likeness have weights, same_from and other_to.") from None
        return cls(**own, about=dict(given.get("about", {})))

    @classmethod
    def read(cls, path: str | Path) -> "Likeness":
        """A likeness from its JSON file.

        Raises:
            ConfigError: The file is missing or is not such a thing.
        """
        try:
            given = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file; `leeroo equivalence PAIRS --out FILE.json` writes one.") from None
        except (ValueError, OSError):
            raise ConfigError(f"{path}: not a JSON file.") from None
        if not isinstance(given, dict):
            raise ConfigError(f"{path}: a likeness is a JSON object.")
        return cls.of(given)

    def write(self, path: str | Path) -> None:
        """Write it as `read` reads it."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")


@cache
def shipped() -> Likeness:
    """The one that ships; its `about` says what it was fitted on, and how often it was wrong there."""
    path = Path(__file__).parent / "likeness.json"
    return Likeness.read(path) if path.exists() else Likeness()


def _numbers(text: str) -> list[float]:
    found = []
    for written in _NUMBERS.findall(_RAISED.sub("", _POWERS.sub(r"e\1", text))):
        value = float(written.replace(",", "").rstrip("."))
        if isfinite(value):
            found.append(value)
    return found


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text)]


def _jaccard(one: frozenset[Any], other: frozenset[Any]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.5


def _share_in(some: frozenset[str], all_: frozenset[str]) -> float:
    return len(some & all_) / len(some) if some else 0.5
