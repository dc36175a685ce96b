"""Is an answer right? Matchers that read a model's free text."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from leeroo.outcomes.quantities import units
from leeroo.outcomes.sandbox import passes

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")


def numeric(answer: str, expected: str, *, tolerance: float = 1e-6) -> bool:
    """Whether the number that an answer comes to is the expected one.

    A model that shows its work ends with the result, one that answers at once begins with it and then talks on: the
    number after the last "=", "is" or "answer", else the only number, else the first.
    """
    numbers = _NUMBER.findall(answer)
    if not numbers:
        return False
    marked = re.findall(rf"(?:=|\bis\b|\banswer\b:?|\bequals\b)\s*\$?\**\s*({_NUMBER.pattern})", answer, re.IGNORECASE)
    try:
        value = Decimal((marked[-1] if marked else numbers[0]).replace(",", ""))
        wanted = Decimal(expected.replace(",", ""))
    except InvalidOperation:
        return False
    return abs(value - wanted) <= Decimal(str(tolerance)) * max(Decimal(1), abs(wanted))


def exact(answer: str, expected: str) -> bool:
    """Whether the expected words stand in the answer, where at most a dozen other words may stand before them.

    Case and punctuation do not count. A single letter must stand alone: "t" is not in "it".
    """
    words = re.findall(r"\w+", answer.lower())
    wanted = re.findall(r"\w+", expected.lower())
    head = words[: 12 + len(wanted)]
    places = [i for i in range(len(head) - len(wanted) + 1) if head[i : i + len(wanted)] == wanted]
    return bool(wanted) and bool(places)


def choice(answer: str, expected: str) -> bool:
    """Whether the letter that an answer chooses is the expected one: "B", "(B)", "The answer is B."."""
    stated = re.findall(r"(?:answer|choice|option)\s*(?:is|:)?\s*\(?\**([A-Z])\b", answer, re.IGNORECASE)
    alone = re.match(r"\W*([A-Z])\b", answer)
    letter = stated[-1] if stated else (alone.group(1) if alone else "")
    return letter.upper() == expected.strip().upper()


MATCHERS: dict[str, Callable[[str, str], bool]] = {
    "numeric": numeric,
    "exact": exact,
    "choice": choice,
    "units": units,
    "code": passes,
}
