"""Is an answer right? Matchers that read a model's free text."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from leeroo.consult.readings import letter_of, number_of
from leeroo.outcomes.quantities import units
from leeroo.outcomes.sandbox import passes


def numeric(answer: str, expected: str, *, tolerance: float = 1e-6) -> bool:
    """Whether the number that an answer comes to is the expected one.

    A model that shows its work ends with the result, one that answers at once begins with it and then talks on: the
    number after the last "=", "is" or "answer", else the only number, else the first.
    """
    number = number_of(answer)
    if number is None:
        return False
    try:
        value = Decimal(number.replace(",", ""))
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
    return letter_of(answer) == expected.strip().upper()


MATCHERS: dict[str, Callable[[str, str], bool]] = {
    "numeric": numeric,
    "exact": exact,
    "choice": choice,
    "units": units,
    "code": passes,
}
