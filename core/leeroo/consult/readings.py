"""What an answer comes to, in a form that can be compared: letters, numbers with units, dates, JSON, short texts.

Long answers are read at their ends only: models state results first or last, and an answer may be as long as a book.
"""

import json
import math
import re
from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
HEAD, TAIL = 2_000, 6_000
"""Characters of a long answer's ends that are read."""
LONGEST_JSON = 1_000_000
SHORT_WORDS = 24
"""Answers of more words than this are not compared as short texts or bare numbers."""
DIGITS = 9
"""Significant digits to which numbers are compared."""

_STATED = re.compile(
    r"(?i:(?:answer|choice|option)(?:\s*(?:is\b|:))*|\b(?:must|should) be|\b(?:choose|pick|select|go with)\b:?)"
    # A small letter may be the article: "the answer is a mammal".
    r"\s*[(\[*]*(?:([A-Z])\b(?!['’])|([a-z])(?=[)\].:*]|\s*$))",
)
_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{)?([^{}]{1,80})\}")
_RESULT = re.compile(r"####\s*([^\n]{1,80})|\b(?:final\s+)?answer\s*(?:is\b|:)\s*\$?\**\s*([^\n]{1,80})", re.IGNORECASE)
# At the start "A" and "I" may be words: "A mammal does".
_ALONE = re.compile(r"\W*(?:([B-HJ-Z])\b|([AI])(?=[).\]:*,]|\s*$|\s*[-–—\n]))")
_OPTION = re.compile(r"^\s*[(\[]?([A-Z])[).:\]]\s+\S", re.MULTILINE)
_QUANTITY = re.compile(rf"({NUMBER})\s*(%|°\s?[CF]\b|[^\W\d_]+(?:/[^\W\d_]+)?)?")
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = "|".join(rf"{name[:3]}(?:{name[3:]})?" if name != "may" else "may" for name in _MONTHS)
_DAY, _YEAR = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?", r"(?P<y>\d{4})"
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})\b"),
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?(?P<n>{_MONTH})\.?,?\s+{_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\b(?P<n>{_MONTH})\.?\s+{_DAY},?\s+{_YEAR}\b", re.IGNORECASE),
)
_REFUSALS = re.compile(
    r"\W*(?:i(?:'|’)?m sorry|sorry|i am sorry|as an ai|no (?:answer|idea)\W*$|unfortunately,? i (?:can|am)"
    r"|i (?:apologi[sz]e|can(?:no|'|’)t|can not|am (?:not able|unable)|(?:do not|don(?:'|’)t) know)"
    r"|i(?:'|’)m (?:not able|unable|not sure))",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 600
_EMPTY_WORDS = frozenset(
    (
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "it",
        "its",
        "this",
        "that",
        "of",
        "to",
        "in",
        "on",
        "so",
        "and",
    )
)
# Factors to a base unit; names in lower case, without a plural s.
_UNITS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("m", "meter", "metre"), ("1", "m")),
    **dict.fromkeys(("km", "kilometer", "kilometre"), ("1000", "m")),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), ("0.01", "m")),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), ("0.001", "m")),
    **dict.fromkeys(("mi", "mile"), ("1609.344", "m")),
    **dict.fromkeys(("ft", "foot", "feet"), ("0.3048", "m")),
    **dict.fromkeys(("inch", "inche"), ("0.0254", "m")),
    **dict.fromkeys(("kg", "kilogram"), ("1", "kg")),
    **dict.fromkeys(("g", "gram"), ("0.001", "kg")),
    **dict.fromkeys(("mg", "milligram"), ("0.000001", "kg")),
    **dict.fromkeys(("t", "ton", "tonne"), ("1000", "kg")),
    **dict.fromkeys(("lb", "pound"), ("0.45359237", "kg")),
    **dict.fromkeys(("s", "sec", "second"), ("1", "s")),
    **dict.fromkeys(("ms", "millisecond"), ("0.001", "s")),
    **dict.fromkeys(("min", "minute"), ("60", "s")),
    **dict.fromkeys(("h", "hr", "hour"), ("3600", "s")),
    "day": ("86400", "s"),
    **dict.fromkeys(("l", "liter", "litre"), ("1", "l")),
    **dict.fromkeys(("ml", "milliliter", "millilitre"), ("0.001", "l")),
    **dict.fromkeys(("%", "percent"), ("0.01", "")),
    **dict.fromkeys(("j", "joule"), ("1", "j")),
    **dict.fromkeys(("kj", "kilojoule"), ("1000", "j")),
}


class Reading(NamedTuple):
    """What an answer comes to.

    Attributes:
        kind: "choice", "json", "date", "number" or "text".
        value: Equal values of the same kind are the same answer.
    """

    kind: str
    value: Hashable


def ends(text: str) -> str:
    """The beginning and the end of a text, all of it where it is not long."""
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def is_refusal(text: str) -> bool:
    """Whether an answer declines to give one."""
    return len(text) <= _LONGEST_REFUSAL and _REFUSALS.match(text) is not None


def options_of(question: str) -> int | None:
    """How many options a multiple-choice question lists from A on without a gap; None for other questions."""
    found = _OPTION.findall(ends(question))
    count = 0
    for letter in found:
        if letter == chr(ord("A") + count):
            count += 1
        elif letter == "A":
            count = 1
    return count if count >= 2 else None


def letter_of(answer: str) -> str | None:
    """The letter that an answer chooses: "B", "(B)", "The answer is B."."""
    shown = ends(answer)
    boxed = [found for found in _BOXED.findall(shown) if re.fullmatch(r"\W*[A-Za-z]\W*", found)]
    if boxed:
        return re.sub(r"\W", "", boxed[-1]).upper()
    stated = ["".join(letters) for letters in _STATED.findall(shown)]
    alone = _ALONE.match(shown)
    letter = stated[-1] if stated else (alone.group(1) or alone.group(2) if alone else None)
    return letter.upper() if letter else None


def number_of(answer: str) -> str | None:
    """The number that an answer comes to, as written.

    A model that shows its work ends with the result, one that answers at once begins with it and then talks on: the
    number after the last "=", "is" or "answer", else the first.
    """
    numbers = re.findall(NUMBER, answer)
    marked = re.findall(rf"(?:=|\bis\b|\banswer\b:?|\bequals\b)\s*\$?\**\s*({NUMBER})", answer, re.IGNORECASE)
    return (marked[-1] if marked else numbers[0]) if numbers else None


def read(answer: str, question: str) -> Reading | None:
    """What an answer to a question comes to, None where it cannot be compared."""
    options = options_of(question)
    if options is not None:
        letter = letter_of(answer)
        return Reading("choice", letter) if letter and ord(letter) - ord("A") < options else None
    found = as_json(answer)
    if isinstance(found, (dict, list)):
        return Reading("json", by_value(found))
    shown = ends(answer).strip()
    stated = _stated(shown)
    if stated is None and len(shown.split()) > SHORT_WORDS:
        return None
    result = stated or shown
    return _date(result) or _quantity(result, question) or _text(result, question)


def as_json(text: str) -> Any:
    """The value of an answer that is JSON, perhaps in a fence; None where it is none."""
    if len(text) > LONGEST_JSON:
        return None
    fenced = _FENCE.search(text)
    try:
        return json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return None


def by_value(value: Any) -> Hashable:
    """A JSON value such that equal ones are equal: keys in any order, 1 and 1.0 the same, true not 1.

    Values that are no JSON count by their `repr`.
    """
    if isinstance(value, dict):
        return ("object", frozenset((str(key), by_value(one)) for key, one in value.items()))
    if isinstance(value, (list, tuple)):
        return ("array", tuple(by_value(one) for one in value))
    if isinstance(value, bool) or value is None:
        return ("constant", str(value))
    if isinstance(value, (int, float)):
        return (
            "number",
            _rounded(Decimal(repr(value))) if math.isfinite(value) else str(value),
        )
    return ("text", value.strip()) if isinstance(value, str) else ("other", repr(value))


def _stated(text: str) -> str | None:
    """The result that an answer names as such: in a box, after "####" or "the answer is"."""
    boxed = _BOXED.findall(text)
    if boxed:
        return str(boxed[-1]).strip()
    found = _RESULT.findall(text)
    last = next((part for part in found[-1] if part), "") if found else ""
    sentence = re.split(r"(?<=[^\d])\.(?:\s|$)|\.$", last, maxsplit=1)[0].strip(" *$")
    return sentence or None


def _date(text: str) -> Reading | None:
    for pattern in _DATES:
        found = pattern.search(text)
        if found:
            named = found.groupdict()
            month = named.get("m") or 1 + [name[:3] for name in _MONTHS].index(named["n"][:3].lower())
            return Reading("date", (int(named["y"]), int(month), int(named["d"])))
    return None


def _quantity(text: str, question: str) -> Reading | None:
    number = number_of(text)
    # "Apollo 11" is a name: a number counts where little else is said beyond the question's own words.
    if number is None or (len(_content(text, question)) > 4 and not re.search(r"=|\bis\b|\bequals\b", text)):
        return None
    at = text.rfind(number)
    found = _QUANTITY.match(text, at)
    try:
        value = Decimal(number.replace(",", ""))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value.adjusted()) > 300:
        return Reading("number", (number, ""))
    unit = (found.group(2) or "").replace(" ", "").lower() if found else ""
    factor, base = _UNITS.get(unit) or _UNITS.get(unit.rstrip("s")) or ("1", "")
    return Reading("number", (_rounded(value * Decimal(factor)), base))


def _text(text: str, question: str) -> Reading | None:
    words = _content(text, question)
    if words:
        return Reading("text", " ".join(words))
    spoken = re.findall(r"\w+", text.lower())
    return Reading("text", " ".join(spoken)) if spoken else None


def _content(text: str, question: str) -> list[str]:
    """An answer's words that say something beyond the question: "The capital of France is Paris." says "paris"."""
    asked = frozenset(re.findall(r"\w+", ends(question).lower()))
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in _EMPTY_WORDS]
    fresh = [word for word in words if word not in asked]
    return fresh or words


def _rounded(value: Decimal) -> str:
    return f"{value.normalize():.{DIGITS - 1}E}" if value else "0"
