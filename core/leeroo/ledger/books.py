"""The ledger's books: limits, who has spent what, abandoned reservations, and feedback as outcomes."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, or_, select, true, update

from leeroo.errors import ConfigError, LeerooError, did_you_mean
from leeroo.ledger import schema
from leeroo.ledger import statements as s
from leeroo.ledger.consulted import Consulted, consultations, consulted
from leeroo.ledger.database import Database
from leeroo.ledger.limits import EVERYTHING, SECOND, LedgerError, Limit, ancestors, check_scope
from leeroo.ledger.memory import KEPT_LESSONS, Lesson

log = logging.getLogger("leeroo.ledger")


def limit_of(row: Row[Any]) -> Limit:
    """A row of the table of limits."""
    return Limit(row.scope, row.per, row.unit, row.amount, bool(row.hard), row.zone, bool(row.pace), row.id)


def day_of(moment: int) -> str:
    """The day of UTC that a moment, in microseconds, lies in."""
    return datetime.fromtimestamp(moment / SECOND, UTC).date().isoformat()


class Books:
    """Limits and reports of a ledger."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._upserts = s.Upserts(database.is_sqlite)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def check(self) -> float | None:
        """Write to the ledger without changing it; returns seconds by which this clock is ahead of the server's.

        Raises:
            LedgerError: It cannot be written; the message says why.
        """
        with self._database.write() as connection:
            connection.execute(update(schema.version).values(version=schema.version.c.version))
            if self._database.is_sqlite:
                return None  # no server, no other clock
            return self._clock() - float(connection.execute(select(func.extract("epoch", func.now()))).scalar_one())

    def set_limit(self, limit: Limit) -> None:
        """Set a limit, in place of the one of the same scope, window, unit and hardness.

        What was spent in its window before counts.
        """
        check_scope(limit.scope)
        key = {name: getattr(limit, name) for name in ("scope", "per", "unit", "hard")}
        with self._database.alone() as connection:
            self._wait_for_writers(connection)
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
            self._wait_for_writers(connection)
            if not self._remove(connection, {"scope": scope, "per": per, "unit": unit, "hard": hard}):
                raise LeerooError(f"Scope {scope!r} has no such limit: {unit} per {per}.")

    def limits(self, scope: str | None = None) -> list[dict[str, Any]]:
        """Limits on a scope and above it, or all: each with what is spent and reserved now, and when it resets."""
        now = self._now()
        with self._database.read() as connection:
            if scope is None:
                rows = list(connection.execute(s.HELD_BY_ALL, {"at": now}))
            else:
                rows = s.HELD.run(connection, {"at": now, "names": ancestors(scope)})
        found = [(limit_of(row), row.used or 0, row.reserved or 0) for row in rows]
        return [
            {"limit": limit, "used": used, "reserved": reserved, "left": max(0, limit.amount - used - reserved),
             "resets": limit.resets(now)}
            for limit, used, reserved in sorted(found, key=lambda row: (row[0].scope, row[0].per, row[0].unit))
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
        with self._database.write() as connection:
            return self._exchange(connection, reservation, "open", "released", 0, 0)

    def spend(self, by: str = "day", scope: str | None = None) -> list[dict[str, Any]]:
        """What was settled, saved and counted, in nano-dollars, from daily sums (days of UTC).

        Raises:
            ConfigError: `by` is no column.
        """
        if by not in s.BY:
            raise ConfigError(f"Cannot report by {by!r}.{did_you_mean(by, s.BY)}")
        column = schema.daily.c[by]
        find = select(column, *(func.sum(schema.daily.c[name]).label(name) for name in s.SUMS)).group_by(column)
        if scope is not None:
            find = find.where(inside(schema.daily.c.scope, scope))
        with self._database.read() as connection:
            return [
                {by: row[0], **{name: int(value) for name, value in zip(s.SUMS, row[1:], strict=True)}}
                for row in connection.execute(find.order_by(column))
            ]

    def set_aside(self) -> list[dict[str, Any]]:
        """Writes that could never be booked, oldest first: when (microseconds since 1970), what, and why."""
        t = schema.set_aside.c
        with self._database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(select(t.at, t.what, t.why).order_by(t.id))]

    def feedback(self, call_id: str, score: float, note: str | None = None) -> None:
        """Keep a person's score of a call's answer; the newest one counts.

        Raises:
            LeerooError: The ledger has no such call.
            LedgerError: The ledger is down.
        """
        calls = schema.calls.c.call_id
        with self._database.write() as connection:
            if connection.execute(select(calls).where(calls == call_id)).first() is None:
                raise LeerooError(f"No call {call_id!r} is in the ledger; use the call_id of a record.")
            row = {"call_id": call_id, "at": self._now(), "score": float(score), "note": note}
            connection.execute(schema.feedback.insert(), row)

    def outcomes(self) -> list[dict[str, Any]]:
        """The newest feedback of every call as an outcome: `query` is None where the ledger was not told to keep it."""
        f, c = schema.feedback.c, schema.calls.c
        newest = select(func.max(f.id)).group_by(f.call_id)
        find = (
            select(
                c.call_id, c.expert, f.score, schema.queries.c.query,
                c.input_tokens.label("prompt_tokens"), c.output_tokens.label("completion_tokens"), c.cost,
            )
            .join_from(schema.feedback, schema.calls, f.call_id == c.call_id)
            .outerjoin(schema.queries, schema.queries.c.call_id == c.call_id)
            .where(f.id.in_(newest))
        )  # fmt: skip
        with self._database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(find.order_by(f.id))]

    def consultations(self) -> list[dict[str, Any]]:
        """Calls that consulted, oldest first, in the form of their records: who agreed with whom, and the feedback.

        Keys: call_id, expert (whose answer was returned), candidates (expert, quality), consult (asks with expert,
        cluster, surplus), score (the newest feedback, None without any).
        """
        with self._database.read() as connection:
            return consultations(connection)

    def consulted(self, call_id: str) -> Consulted:
        """Whether a call consulted, and how many did."""
        with self._database.read() as connection:
            return consulted(connection, call_id)

    def lessons(self, after: int) -> list[Lesson]:
        """First feedback of calls after a lesson's number, oldest first, of the newest few thousand.

        A ledger that is down teaches nothing, and a warning says so: no call is refused for that.
        """
        f, c = schema.feedback.c, schema.calls.c
        earlier = schema.feedback.alias("earlier")
        again = exists().where(earlier.c.call_id == f.call_id, earlier.c.id < f.id)
        predicted = func.coalesce(c.base_quality, c.predicted_quality)
        find = (
            select(f.id, c.expert, predicted, f.score, c.scope)
            .join_from(schema.feedback, schema.calls, f.call_id == c.call_id)
            .where(f.id > bindparam("after"), c.expert.is_not(None), predicted.is_not(None), ~again)
        )
        try:
            with self._database.read() as connection:
                newest = connection.execute(select(func.max(f.id))).scalar() or 0
                rows = connection.execute(find.order_by(f.id), {"after": max(after, newest - KEPT_LESSONS)}).all()
        except LedgerError as error:
            log.warning("Nothing is learned from the ledger's feedback now: %s", error)
            return []
        return [Lesson(*row) for row in rows]

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, for reports over the tables of `leeroo.ledger.schema`."""
        return self._database.read()

    def _now(self) -> int:
        return int(self._clock() * SECOND)

    def _exchange(
        self,
        connection: Connection,
        reservation: int,
        before: str,
        after: str,
        cost: int,
        tokens: int | None,
        attempt: str | None = None,
    ) -> bool:
        """Settle or release a reservation in the windows of the moment it was made in, if its state is `before`."""
        values = {"key": reservation, "before": before, "after": after, "real_cost": cost, "real_tokens": tokens}
        values["of_attempt"] = attempt
        rows = s.SETTLE.run(connection, values)
        if not rows:
            return False
        row = rows[0]
        if after == "settled":
            key = (day_of(row.at), row.scope, row.expert, row.model)
            self._add_daily(connection, key, attempts=1, cost=cost, tokens=row.cost_tokens)
        held = before == "open"  # a released one has left the counters already
        worst = s.amounts("worst", *((row.nano, row.tokens, row.calls) if held else (0, 0, 0)))
        # Releasing frees the call's own count too; a settlement after that counts it again.
        real = s.amounts("real", cost, row.cost_tokens, row.calls if after == "settled" else 0)
        s.MOVE.run(connection, {"names": ancestors(row.scope), "at": row.at, **worst, **real})
        return True

    def _add_daily(self, connection: Connection, key: tuple[str | None, ...], **more: int) -> None:
        row = {name: part or "" for name, part in zip(s.BY, key, strict=True)}
        sums = {name: more.get(name, 0) for name in s.SUMS}
        self._upserts.add_daily.run(connection, {**row, **sums})

    def _wait_for_writers(self, connection: Connection) -> None:
        """Nobody reserves or settles beside a change of limits: whoever did not see it would not be counted."""
        if not self._database.is_sqlite:  # on SQLite this transaction is the only one that writes
            connection.exec_driver_sql("LOCK TABLE reservations IN SHARE ROW EXCLUSIVE MODE")

    @staticmethod
    def _new_counter(limit: Limit, moment: int) -> dict[str, Any]:
        start, end = limit.window(moment)
        window = {"start": start, "until": schema.FOREVER if end is None else end}
        fresh = {"used": 0, "reserved": 0, "passed": 0}
        ceiling = limit.amount if limit.hard else None
        return {"limit_id": limit.id, "unit": limit.unit, "ceiling": ceiling, **window, **fresh}

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


def inside(column: Any, scope: str) -> Any:
    """Whether a row's scope is this one or beneath it."""
    scope = check_scope(scope)
    if scope == EVERYTHING:
        return true()
    return or_(column == scope, column.startswith(scope + "/", autoescape=True))
