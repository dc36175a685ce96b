"""The statements on a call's way, built once: SQLAlchemy compiles each once, and only values travel with a call.

Every transaction touches first what nobody else wants (its own reservation), then the day's sums, then the counters of
limits, which all calls of a scope share: so they are locked only briefly, and in the same order everywhere, which
keeps two processes from waiting for each other.
"""

from typing import Any

from sqlalchemy import BigInteger, and_, bindparam, case, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from leeroo.ledger.limits import UNITS
from leeroo.ledger.prepared import Prepared, members
from leeroo.ledger.schema import asks, attempts, calls, counters, daily, limits, queries, reservations

_c, _r = counters.c, reservations.c
SUMS = ("attempts", "cost", "tokens", "calls", "saved")
BY = ("day", "scope", "expert", "model")
NEW = ("call_id", "scope", "expert", "model", "at", "lease", "state", "nano", "tokens", "attempt")
SETTLED = ("scope", "expert", "model", "at", "nano", "tokens", "calls", "cost_tokens")

AT = bindparam("at", type_=BigInteger)
"""The moment whose windows are meant."""


def _amount(kind: str) -> Any:
    """The bound amount of the counter's own unit: `:worst_usd`, `:worst_tokens` or `:worst_calls`."""
    return case(*((_c.unit == unit, bindparam(f"{kind}_{unit}", type_=BigInteger)) for unit in UNITS))


def amounts(kind: str, usd: int, tokens: int, calls: int) -> dict[str, int]:
    """The values that `_amount` binds."""
    return {f"{kind}_usd": usd, f"{kind}_tokens": tokens, f"{kind}_calls": calls}


HELD_BY_ALL = select(limits, _c.id.label("counter"), _c.used, _c.reserved).select_from(
    limits.outerjoin(counters, and_(_c.limit_id == limits.c.id, _c.start <= AT, _c.until > AT))
)
HELD = Prepared(
    lambda n: HELD_BY_ALL.where(limits.c.scope.in_(members("names", n))).order_by(limits.c.id), listed="names"
)
"""The limits on `names`, each with its counter at the moment `at`; without one where its window is new."""

NEW_ROW = {
    **{name: bindparam(f"new_{name}", type_=_r[name].type) for name in NEW},
    # A retry belongs to the same call.
    "calls": case((exists(select(1).where(_r.call_id == bindparam("new_call_id"))), 0), else_=1),
}
"""The columns of a new reservation."""
RESERVE = Prepared(insert(reservations).values(NEW_ROW).returning(_r.id, _r.calls))


def _take(count: int) -> Any:
    locked = select(_c.id).where(_c.id.in_(members("ids", count))).order_by(_c.id).with_for_update().cte("locked")
    return (
        update(counters)
        .where(_c.id.in_(select(locked.c.id)))
        .values(reserved=_c.reserved + _amount("worst"))
        .returning(_c.id, (_c.used + _c.reserved).label("held"))
    )


def _fits() -> Any:
    return or_(_c.ceiling.is_(None), _c.used + _c.reserved + _amount("worst") <= _c.ceiling)


TAKE = Prepared(lambda n: _take(n).where(_fits()), listed="ids")
"""Reserve on those of the counters `ids` where it fits; the caller undoes all where it does not fit on all."""
TAKE_ANYWAY = Prepared(_take, listed="ids")
"""Reserve on the counters `ids`, even past a limit."""
COUNTED = select(_c.used + _c.reserved).where(_c.id == bindparam("counter"))
COUNT_PASSED = update(counters).where(_c.id == bindparam("counter")).values(passed=_c.passed + 1)

SETTLED_ROW = (
    update(reservations)
    .where(
        _r.id == bindparam("key"),
        _r.state == bindparam("before"),
        # A ledger that was restored or replaced may have given the number to somebody else's attempt.
        or_(bindparam("of_attempt", type_=_r.attempt.type).is_(None), _r.attempt == bindparam("of_attempt")),
    )
    .values(
        state=bindparam("after"),
        cost=bindparam("real_cost"),
        cost_tokens=func.coalesce(bindparam("real_tokens", type_=BigInteger), _r.tokens),
    )
    .returning(*(_r[name] for name in SETTLED))
)
SETTLE = Prepared(SETTLED_ROW)
"""Settle (or release) the reservation `key` if its state is still `before`."""


def _move(count: int) -> Any:
    touched = (
        select(_c.id)
        .join_from(counters, limits, _c.limit_id == limits.c.id)
        .where(limits.c.scope.in_(members("names", count)), _c.start <= AT, _c.until > AT)
        .order_by(_c.id)
        .with_for_update(of=counters)
        .cte("touched")
    )
    return (
        update(counters)
        .where(_c.id.in_(select(touched.c.id)))
        .values(reserved=_c.reserved - _amount("worst"), used=_c.used + _amount("real"))
    )


MOVE = Prepared(_move, listed="names")
"""Exchange reserved for used in all counters of `names` at the moment `at`."""

STATE = select(_r.state).where(
    _r.id == bindparam("key"),
    or_(bindparam("of_attempt", type_=_r.attempt.type).is_(None), _r.attempt == bindparam("of_attempt")),
)
BY_ATTEMPT = select(_r.id).where(_r.attempt == bindparam("attempt"))
ADD_ATTEMPTS = insert(attempts)
ADD_ASKS = insert(asks)
ADD_QUERY = insert(queries)


def added_up(day: Any) -> Any:
    """An insert into the daily sums that adds to what is there."""
    sums = {name: daily.c[name] + day.excluded[name] for name in SUMS}
    return day.on_conflict_do_update(index_elements=BY, set_=sums)


class Upserts:
    """The statements that SQLite and PostgreSQL each have their own form of.

    Attributes:
        add_daily: Add to the sums of a day, scope, expert and model.
        add_call: Insert a call unless it is there; returns its id if it was not.
        add_counter: Insert a counter unless it is there.
    """

    def __init__(self, is_sqlite: bool) -> None:
        form: Any = sqlite_insert if is_sqlite else postgres_insert
        self.add_daily = Prepared(added_up(form(daily)))
        self.add_call = form(calls).on_conflict_do_nothing().returning(calls.c.call_id)
        self.add_counter = form(counters).on_conflict_do_nothing()
