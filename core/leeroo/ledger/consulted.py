"""Calls that consulted, as a ledger has kept them: who agreed with whom, and never what was said."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from leeroo.ledger import schema


class Consulted(NamedTuple):
    """Calls in which several answers were compared.

    Attributes:
        this: Whether the call that was asked about is one.
        calls: How many there are.
        marked: How many of them have feedback.
    """

    this: bool
    calls: int
    marked: int


def consulted(connection: Connection, call_id: str) -> Consulted:
    """Whether a call consulted, and how many did; nothing is counted for one that did not."""
    a, f = schema.asks.c, schema.feedback.c
    this = connection.execute(select(a.call_id).where(a.call_id == call_id).limit(1)).first() is not None
    if not this:
        return Consulted(False, 0, 0)
    count = select(func.count(a.call_id.distinct()))
    marked = count.join_from(schema.asks, schema.feedback, a.call_id == f.call_id)
    return Consulted(True, connection.execute(count).scalar_one(), connection.execute(marked).scalar_one())


def consultations(connection: Connection) -> list[dict[str, Any]]:
    """Calls that consulted, oldest first, in the form of their records; see `Books.consultations`."""
    a, c, f = schema.asks.c, schema.calls.c, schema.feedback.c
    newest = select(f.call_id, func.max(f.id).label("id")).group_by(f.call_id).subquery()
    find = (
        select(a.call_id, c.expert.label("accepted"), a.expert, a.cluster, a.quality, a.surplus, f.score)
        .join_from(schema.asks, schema.calls, a.call_id == c.call_id)
        .outerjoin(newest, newest.c.call_id == a.call_id)
        .outerjoin(schema.feedback, f.id == newest.c.id)
        .order_by(c.at, a.call_id, a.number)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(find):
        new = {"call_id": row.call_id, "expert": row.accepted, "score": row.score, "candidates": []}
        call = found.setdefault(row.call_id, new | {"consult": {"asks": []}})
        quality = 0.5 if row.quality is None else row.quality
        call["candidates"].append({"expert": row.expert, "quality": quality})
        ask = {"expert": row.expert, "cluster": row.cluster, "surplus": row.surplus}
        call["consult"]["asks"].append(ask)
    return list(found.values())
