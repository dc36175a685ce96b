"""Answers without their texts: marks that say of one query's answers which are the same, for outcome tables.

A mark is `#0`, `#1`, ... by cluster, or `#-` for an abstention. It tells nothing of any other query, nor what was said.
"""

import hashlib
import math
import re
from collections.abc import Sequence

from leeroo.consult.equivalence import INCOMPARABLE, Equivalence, Groups, Reply
from leeroo.consult.places import ABSTAINED

_MARK = re.compile(r"#(\d+|-)")
_SILENT = "#-"
_EXACT = Equivalence(likeness=None)
"""What is the same for one pair alone, and not for a third, has no mark."""
FINGERPRINTS = 1 << 24
"""So many, that each is a whole number in float32; two of a query's answers share one by chance once in millions."""


def marks_of(answers: Sequence[str | None], question: str) -> list[str | None]:
    """The marks of some experts' answers to one question; None where there is none, or nothing can be compared."""
    groups = Groups(_EXACT, question)
    places = [INCOMPARABLE if answer is None else groups.place(Reply(answer)) for answer in answers]
    return [_mark(place) for place in places]


def fingerprint(answer: str, question: str) -> float:
    """A number that equal answers to one question share: -1 for an abstention, NaN where nothing can be compared."""
    groups = Groups(_EXACT, question)
    place = groups.place(Reply(answer))
    if place == INCOMPARABLE:
        return math.nan
    if place == ABSTAINED:
        return -1.0
    told = hashlib.sha256(f"{question}\0{groups.reading_of(place)!r}".encode()).digest()
    return float(int.from_bytes(told[:4], "big") % FINGERPRINTS)


def marks_of_fingerprints(prints: Sequence[float]) -> list[str | None]:
    """The marks of one query's answers from their fingerprints; NaN has none."""
    seen: dict[float, int] = {}
    return [
        None if math.isnan(one) else _SILENT if one < 0 else _mark(seen.setdefault(one, len(seen))) for one in prints
    ]


def cluster_in(mark: str) -> int | None:
    """The cluster that a mark says, `ABSTAINED`, or None where it is no mark but an answer."""
    found = _MARK.fullmatch(mark)
    if found is None:
        return None
    return ABSTAINED if found[1] == "-" else int(found[1])


def _mark(place: int) -> str | None:
    if place == INCOMPARABLE:
        return None
    return _SILENT if place == ABSTAINED else f"#{place}"
