"""The ledger's books: limits, who has spent what, abandoned reservations, and feedback as outcomes."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from leeroo.errors import ConfigError, LeerooError, did_you_mean
from leeroo.ledger import schema
from leeroo.ledger.limits import EVERYTHING, SECOND, Limit, ancestors
from leeroo.ledger.opening import Database

_LIMITS = select(schema.limits).where(schema.limits.c.scope.in_(bindparam("names", expanding=True)))
_COUNTED = select(schema.counters.c.used, schema.counters.c.reserved).where(
    schema.counters.c.limit_id == bindparam("limit"), schema.counters.c.start == bindparam("start")
)
BY = ("day", "scope", "expert", "model")


def limits_of(connection: Connection, names: Iterable[str]) -> list[Limit]:
    """The limits on these scopes."""
    return [_limit(row) for row in connection.execute(_LIMITS, {"names": list(names)})]


def counted(connection: Connection, limit: Limit, moment: int) -> tuple[int, int]:
    """Spent and reserved in the limit's window around a moment."""
    where = {"limit": limit.id, "start": limit.window(moment)[0]}
    row = connection.execute(_COUNTED, where).first()
    return (0, 0) if row is None else (row.used, row.reserved)


class Books:
    """Limits and reports of a ledger."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def set_limit(self, limit: Limit) -> None:
        """Set a limit, in place of the one of the same scope, window, unit and hardness.

        What was spent in its window before counts.
        """
        key = {name: getattr(limit, name) for name in ("scope", "per", "unit", "hard")}
        with self._database.alone() as connection:
            self._remove(connection, key)
            row = {**key, "amount": limit.amount, "zone": limit.zone, "pace": limit.pace}
            made = connection.execute(schema.limits.insert(), row).inserted_primary_key
            stored = Limit(**row, id=int(made[0]))  # type: ignore[index]
            self._recount(connection, stored)

    def remove_limit(self, scope: str, per: str, unit: str, *, hard: bool = True) -> None:
        """Take a limit away.

        Raises:
            LeerooError: There is none.
        """
        with self._database.alone() as connection:
            if not self._remove(connection, {"scope": scope, "per": per, "unit": unit, "hard": hard}):
                raise LeerooError(f"Scope {scope!r} has no such limit: {unit} per {per}.")

    def limits(self, scope: str | None = None) -> list[dict[str, Any]]:
        """Limits on a scope and above it, or all: each with what is spent and reserved now, and when it resets."""
        now = self._now()
        with self._database.read() as connection:
            if scope is None:
                found = [_limit(row) for row in connection.execute(select(schema.limits))]
            else:
                found = limits_of(connection, ancestors(scope))
            rows = [(limit, *counted(connection, limit, now)) for limit in found]
        return [
            {"limit": limit, "used": used, "reserved": reserved, "left": max(0, limit.amount - used - reserved),
             "resets": limit.resets(now)}
            for limit, used, reserved in sorted(rows, key=lambda row: (row[0].scope, row[0].per, row[0].unit))
        ]  # fmt: skip

    def open_reservations(self, scope: str | None = None, *, abandoned: bool = False) -> list[dict[str, Any]]:
        """Reservations not settled, oldest first; `abandoned` ones only, whose lease is over."""
        r = schema.reservations.c
        find = select(r.id, r.call_id, r.scope, r.expert, r.at, r.lease, r.nano).where(r.state == "open")
        if abandoned:
            find = find.where(r.lease <= self._now())
        if scope is not None:
            find = find.where(inside(r.scope, scope))
        with self._database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(find.order_by(r.id))]

    def release(self, reservation: int) -> bool:
        """Free an open reservation at no cost; a settlement that comes later still counts. False: it was not open."""
        r = schema.reservations.c
        with self._database.write() as connection:
            row = connection.execute(select(schema.reservations).where(r.id == reservation)).first()
            free = (
                update(schema.reservations)
                .where(r.id == reservation, r.state == "open")
                .values(state="released", cost=0, cost_tokens=0)
            )
            if row is None or not connection.execute(free).rowcount:
                return False
            self._exchange(connection, row, 0, 0, attempts=0)
            return True

    def spend(self, by: str = "day", scope: str | None = None) -> list[dict[str, Any]]:
        """What was settled, saved and counted, in nano-dollars, from daily sums (days of UTC).

        Raises:
            ConfigError: `by` is no column.
        """
        if by not in BY:
            raise ConfigError(f"Cannot report by {by!r}.{did_you_mean(by, BY)}")
        column = schema.daily.c[by]
        names = ("calls", "attempts", "tokens", "cost", "saved")
        find = select(column, *(func.sum(schema.daily.c[name]).label(name) for name in names)).group_by(column)
        if scope is not None:
            find = find.where(inside(schema.daily.c.scope, scope))
        with self._database.read() as connection:
            return [
                {by: row[0], **{name: int(value) for name, value in zip(names, row[1:], strict=True)}}
                for row in connection.execute(find.order_by(column))
            ]

    def outcomes(self) -> list[dict[str, Any]]:
        """The newest feedback of every call, as rows of an outcome table without the query, which is never stored."""
        f, c = schema.feedback.c, schema.calls.c
        newest = select(func.max(f.id)).group_by(f.call_id)
        find = (
            select(
                c.call_id, c.expert, f.score,
                c.input_tokens.label("prompt_tokens"), c.output_tokens.label("completion_tokens"), c.cost,
            )
            .join_from(schema.feedback, schema.calls, f.call_id == c.call_id)
            .where(f.id.in_(newest))
        )  # fmt: skip
        with self._database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(find.order_by(f.id))]

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, for reports over the tables of `leeroo.ledger.schema`."""
        return self._database.read()

    def _now(self) -> int:
        return int(self._clock() * SECOND)

    def _exchange(self, connection: Connection, row: Row[Any], nano: int, tokens: int, attempts: int = 1) -> None:
        """Move a reservation from reserved to spent in the windows of the moment that it was made in."""
        held = row.state == "open"  # a released one has left the counters already
        # Releasing frees the call's own count too; a settlement after that counts it again.
        calls = row.calls if attempts else 0
        c = schema.counters.c
        for limit in sorted(limits_of(connection, ancestors(row.scope)), key=lambda x: x.id):
            before = {"usd": row.nano, "tokens": row.tokens, "calls": row.calls}[limit.unit] if held else 0
            actual = {"usd": nano, "tokens": tokens, "calls": calls}[limit.unit]
            move = (
                update(schema.counters)
                .where(c.limit_id == limit.id, c.start == limit.window(row.at)[0])
                .values(reserved=c.reserved - before, used=c.used + actual)
            )
            connection.execute(move)
        if attempts:
            day = datetime.fromtimestamp(row.at / SECOND, UTC).date().isoformat()
            key = (day, row.scope, row.expert, row.model)
            self._add_daily(connection, key, attempts=attempts, cost=nano, tokens=tokens)

    def _add_daily(self, connection: Connection, key: tuple[str | None, ...], **more: int) -> None:
        names = ("attempts", "cost", "tokens", "calls", "saved")
        row: dict[str, Any] = dict(zip(BY, (part or "" for part in key), strict=True))
        row |= {name: more.get(name, 0) for name in names}
        insert = sqlite_insert if self._database.is_sqlite else postgres_insert
        sums = {name: schema.daily.c[name] + more[name] for name in names if name in more}
        connection.execute(insert(schema.daily).values(row).on_conflict_do_update(index_elements=BY, set_=sums))

    def _new_counter(self, limit: Limit, start: int) -> dict[str, Any]:
        ceiling = limit.amount if limit.hard else None
        fresh = {"used": 0, "reserved": 0, "passed": 0}
        return {"limit_id": limit.id, "start": start, "unit": limit.unit, "ceiling": ceiling, **fresh}

    def _recount(self, connection: Connection, limit: Limit) -> None:
        """Fill the counter of the window that is running, and of those with open reservations, from all there was."""
        r = schema.reservations.c
        worst = {"usd": r.nano, "tokens": r.tokens, "calls": r.calls}[limit.unit]
        real = {"usd": r.cost, "tokens": r.cost_tokens, "calls": r.calls}[limit.unit]
        held = connection.execute(select(r.at).where(r.state == "open", inside(r.scope, limit.scope))).scalars()
        for start, end in {limit.window(moment) for moment in (self._now(), *held)}:
            where = [r.at >= start, inside(r.scope, limit.scope)] + ([] if end is None else [r.at < end])
            reserved = select(func.coalesce(func.sum(worst), 0)).where(*where, r.state == "open")
            used = select(func.coalesce(func.sum(real), 0)).where(*where, r.state == "settled")
            sums = {
                "reserved": int(connection.execute(reserved).scalar_one()),
                "used": int(connection.execute(used).scalar_one()),
            }
            connection.execute(schema.counters.insert(), {**self._new_counter(limit, start), **sums})

    @staticmethod
    def _remove(connection: Connection, key: dict[str, Any]) -> bool:
        columns = schema.limits.c
        found = select(columns.id).where(*(columns[name] == value for name, value in key.items()))
        old = connection.execute(found).scalar()
        if old is None:
            return False
        connection.execute(delete(schema.counters).where(schema.counters.c.limit_id == old))
        connection.execute(delete(schema.limits).where(columns.id == old))
        return True


def _limit(row: Row[Any]) -> Limit:
    return Limit(row.scope, row.per, row.unit, row.amount, row.hard, row.zone, row.pace, row.id)


def inside(column: Any, scope: str) -> Any:
    """Whether a row's scope is this one or beneath it."""
    if scope == EVERYTHING:
        return true()
    return or_(column == scope, column.startswith(scope + "/", autoescape=True))
