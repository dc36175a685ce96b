"""PostgreSQL: a reservation, or a settlement, in one statement that is a transaction of its own.

A transaction of several statements waits for the network at each, and holds meanwhile the rows that all calls of a
scope share. Here the server does all of it at once, so that those rows are locked for a fraction of a millisecond. They
are locked in the order that `leeroo.ledger.statements` gives.

Both statements know the usual case only, and change nothing in any other: a limit that would be passed, a window that
has no counter yet, a reservation that is not open. Then the caller goes the longer way, which says why.
"""

from typing import Any

from sqlalchemy import BigInteger, String, and_, any_, bindparam, case, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from leeroo.ledger import statements as s
from leeroo.ledger.database import Database
from leeroo.ledger.limits import EVERYTHING, SECOND, ancestors
from leeroo.ledger.prepared import Prepared, members
from leeroo.ledger.schema import counters, daily, limits, reservations

_c = counters.c


def reserve(database: Database, row: dict[str, Any]) -> int | None:
    """Make a reservation on all counters above its scope; returns its id, or None where nothing was changed.

    Args:
        database: The ledger's, PostgreSQL.
        row: The reservation, all columns of `statements.NEW`.
    """
    values = {f"new_{name}": value for name, value in row.items()}
    with database.at_once() as connection:
        made = _RESERVE.run(connection, {**values, "at": row["at"], "names": ancestors(row["scope"])})
    return int(made[0].id) if made else None


def settle(database: Database, reservation: int, nano: int, tokens: int | None, attempt: str | None = None) -> bool:
    """Exchange an open reservation (of this attempt) for what the attempt cost; False where nothing was changed."""
    values = {"key": reservation, "before": "open", "after": "settled", "real_cost": nano, "real_tokens": tokens}
    values["of_attempt"] = attempt
    with database.at_once() as connection:
        return bool(_SETTLE.run(connection, values))


def _by_unit(usd: Any, tokens: Any, calls: Any) -> Any:
    return case((_c.unit == "usd", usd), (_c.unit == "tokens", tokens), else_=calls)


def _locked(which: Any, moment: Any, *columns: Any) -> Any:
    """The counters of these limits at a moment, locked."""
    return (
        select(_c.id, *columns)
        .join_from(counters, limits, _c.limit_id == limits.c.id)
        .where(which, _c.start <= moment, _c.until > moment)
        .order_by(_c.id)
        .with_for_update(of=counters)
        .cte("locked")
    )


def _reserve(count: int) -> Any:
    held = limits.c.scope.in_(members("names", count))
    new = select(*(value.label(name) for name, value in s.NEW_ROW.items())).cte("new")
    asked = _by_unit(*(select(new.c[name]).scalar_subquery() for name in ("nano", "tokens", "calls")))
    locked = _locked(held, s.AT, (_c.used + _c.reserved).label("before"), asked.label("asked"), limits.c.amount)
    wanted = select(func.count()).select_from(limits).where(held).scalar_subquery()
    fit = func.coalesce(func.bool_and(locked.c.before + locked.c.asked <= locked.c.amount), true())
    verdict = select(and_(func.count() == wanted, fit).label("fit")).select_from(locked).cte("verdict")
    taken = (
        update(counters)
        .where(_c.id == locked.c.id, select(verdict.c.fit).scalar_subquery())
        .values(reserved=_c.reserved + locked.c.asked)
        .cte("taken")
    )
    rows = select(new).join_from(new, verdict, verdict.c.fit)
    return insert(reservations).from_select(list(s.NEW_ROW), rows).returning(reservations.c.id).add_cte(taken)


def _settle() -> Any:
    done = s.SETTLED_ROW.cte("done")
    parts = func.string_to_array(done.c.scope, "/", type_=ARRAY(String))
    depth = func.generate_series(1, func.cardinality(parts)).table_valued("depth", name="depth")
    above = select(func.array_agg(func.array_to_string(parts[1 : depth.c.depth], "/"))).select_from(done, depth)
    # An array, not rows: the planner then expects few and finds them by the index.
    names = func.array_append(above.scalar_subquery(), EVERYTHING)
    cost = bindparam("real_cost", type_=BigInteger)
    worst = _by_unit(done.c.nano, done.c.tokens, done.c.calls)
    real = _by_unit(cost, done.c.cost_tokens, done.c.calls)
    locked = _locked(limits.c.scope == any_(names), done.c.at, worst.label("worst"), real.label("real"))
    moved = (
        update(counters)
        .where(_c.id == locked.c.id)
        .values(reserved=_c.reserved - locked.c.worst, used=_c.used + locked.c.real)
        .cte("moved")
    )
    day = func.to_char(func.timezone("UTC", func.to_timestamp(done.c.at // SECOND)), "YYYY-MM-DD")
    by = [day, *(func.coalesce(done.c[name], "") for name in ("scope", "expert", "model"))]
    sums: list[Any] = [1, cost, done.c.cost_tokens, 0, 0]
    added = s.added_up(postgres_insert(daily).from_select([*s.BY, *s.SUMS], select(*by, *sums)))
    return added.returning(daily.c.day).add_cte(moved)


_RESERVE = Prepared(_reserve, listed="names")
_SETTLE = Prepared(_settle())
