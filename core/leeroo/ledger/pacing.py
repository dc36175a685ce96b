"""What the ledger knows for pacing: how far each paced limit is used, and how much of its window's demand has come."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, func, select

from leeroo.ledger import schema
from leeroo.ledger.books import inside, limit_of
from leeroo.ledger.limits import SECOND, Limit
from leeroo.selection.pacing import Meter

DAY = 86_400 * SECOND
DAYS = 7
"""So many days before today say how calls spread over a day."""
BUCKETS = 48
UNIFORM_CALLS = 100
"""An even spread counts as this many calls: few calls say little."""


class Demand:
    """How calls spread over a limit's window. Only days have a shape that is learned; the others are taken as even.

    A day's shape is read once per limit, day and process, from the week before; that takes as long as it takes to
    count the week's reservations (about half a second for a million), and later calls find it in memory.
    """

    def __init__(self) -> None:
        self._shapes: dict[int, tuple[int, list[float]]] = {}

    def meters(self, connection: Connection, rows: Sequence[Any], moment: int) -> tuple[Meter, ...]:
        """The meters of paced limits.

        Args:
            connection: Where days before are looked up.
            rows: Limits with their counters (`statements.HELD`).
            moment: Now, in microseconds.
        """
        return tuple(self._meter(connection, row, moment) for row in rows if row.pace)

    def _meter(self, connection: Connection, row: Any, moment: int) -> Meter:
        limit = limit_of(row)
        start, end = limit.window(moment)
        passed = (moment - start) / (end - start) if end is not None else 0.0
        if limit.per == "day":
            passed = share(self._shape(connection, limit, start), passed)
        used = (row.used or 0) + (row.reserved or 0)
        return Meter(limit.id, start, "usd" if limit.unit == "usd" else "tokens", limit.amount, used, passed)

    def _shape(self, connection: Connection, limit: Limit, start: int) -> list[float]:
        known = self._shapes.get(limit.id)
        if known is not None and known[0] == start:
            return known[1]
        r = schema.reservations.c
        first = start - DAYS * DAY  # a change of clocks in that week blurs the shape by an hour
        place = ((r.at - first) % DAY * BUCKETS // DAY).label("place")
        find = (
            select(place, func.count()).where(r.at >= first, r.at < start, inside(r.scope, limit.scope)).group_by(place)
        )
        counts = [UNIFORM_CALLS / BUCKETS] * BUCKETS
        for found, number in connection.execute(find):
            counts[found] += number
        shape = [total / sum(counts) for total in accumulate(counts)]
        self._shapes[limit.id] = (start, shape)
        return shape


def share(shape: Sequence[float], passed: float) -> float:
    """The share of calls that has come when a share of the window has passed, by a cumulated histogram."""
    place = min(max(passed, 0.0), 1.0) * len(shape)
    whole = min(int(place), len(shape) - 1)
    before = shape[whole - 1] if whole else 0.0
    return before + (place - whole) * (shape[whole] - before)
