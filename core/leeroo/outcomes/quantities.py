"""Quantities: is "about 3500 m" the same as "3.5 km"?"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from leeroo.errors import ConfigError, MissingDependency

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_WORD = r"[^\W\d_][^\s,;:!?()]*"
_QUANTITY = re.compile(rf"({_NUMBER})\s*((?:[°%]|{_WORD})[^\s,;:!?()]*(?:\s+{_WORD}){{0,3}})?")
_DEGREES = re.compile(r"\b(?:degrees?\s+)?([CF])(?:elsius|ahrenheit)\b", re.IGNORECASE)


def units(answer: str, expected: str, *, tolerance: float = 1e-3) -> bool:
    """Whether an answer's quantity is the expected one, in whatever unit of the same dimension.

    The quantity after the last "=", "is" or "answer" counts, else the first that has a unit of that dimension. A number
    without a unit is not enough.

    Args:
        answer: A model's text.
        expected: Number and unit, "3.5 km".
        tolerance: Relative difference that is still right.

    Raises:
        ConfigError: `expected` is not a number with a known unit.
        MissingDependency: pint is not installed.
    """
    wanted = next(_quantities(expected), None)
    if wanted is None:
        raise ConfigError(f"The expected answer {expected!r} is not a number with a unit, such as 3.5 km.")
    marks = list(re.finditer(r"=|\bis\b|\banswer\b|\bequals\b", answer, re.IGNORECASE))
    tails = [answer[mark.end() :] for mark in reversed(marks)]
    for text in (*tails, answer):
        found = next((q for q in _quantities(text) if q.is_compatible_with(wanted.units)), None)
        if found is not None:
            left, right = (float(q.to_base_units().magnitude) for q in (found, wanted))
            return abs(left - right) <= tolerance * max(abs(right), 1e-12)
    return False


def _quantities(text: str) -> Iterator[Any]:
    """The numbers with units in a text; of the words after a number, the most that are one unit."""
    registry = _registry()
    for number, words in _QUANTITY.findall(_DEGREES.sub(r"deg\1", text)):
        value = float(number.replace(",", ""))
        parts = words.rstrip(".").split()
        for count in range(len(parts), 0, -1):
            try:
                unit = registry.parse_units(" ".join(parts[:count]).rstrip("."))
            except Exception:  # noqa: S112 - pint raises many kinds; not a unit is what all of them mean
                continue
            yield registry.Quantity(value, unit)
            break


@cache
def _registry() -> Any:
    try:
        import pint
    except ImportError:
        raise MissingDependency("Answers with units need pint: pip install 'leeroo[selfplay]'.") from None
    return pint.UnitRegistry(cache_folder=None)
