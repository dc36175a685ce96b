"""The ledger in a database: what a router asks of it on a call's way. Reports and limits are in `books`."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from leeroo.errors import BudgetExceeded, LeerooError
from leeroo.experts import to_nano
from leeroo.ledger import schema
from leeroo.ledger.books import Books, counted, limits_of
from leeroo.ledger.limits import MOST, SECOND, LedgerError, Limit, ancestors
from leeroo.ledger.opening import Database
from leeroo.routing.ledger import Left

log = logging.getLogger("leeroo.ledger")
NOT_RESERVED = -1
"""The reservation of an attempt that went on without the ledger."""
KEPT_PENDING = 10_000

_c = schema.counters.c
_asked = case(
    (_c.unit == "usd", bindparam("n_usd")), (_c.unit == "tokens", bindparam("n_tokens")), else_=bindparam("n_calls")
)
_RESERVE = (
    update(schema.counters)
    .where(_c.id.in_(bindparam("ids", expanding=True)))
    .where(or_(_c.ceiling.is_(None), _c.used + _c.reserved + _asked <= _c.ceiling))
    .values(reserved=_c.reserved + _asked)
)
_FIRST = select(schema.reservations.c.id).where(schema.reservations.c.call_id == bindparam("call")).limit(1)


class SqlLedger(Books):
    """A ledger that many threads, processes and hosts share. Implements `leeroo.routing.ledger.Ledger`.

    Every reservation is one transaction with one conditional statement over all limits above the scope, so that none
    of them can be passed. A reservation counts at its worst case in the windows of the moment it was made, until it is
    settled or a person releases it; a process that dies loses nothing.

    Args:
        database: Where it lives.
        on_failure: True goes on without the ledger when it is down, with a warning; False refuses the call.
        lease: Seconds after which an unsettled reservation counts as abandoned.
        clock: Seconds since 1970.
    """

    def __init__(
        self, database: Database, *, on_failure: bool = False, lease: int = 900, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(database, clock)
        self._go_on = on_failure
        self._lease = lease
        self._pending: list[Callable[[], None]] = []
        self._pending_lock = threading.Lock()

    def remaining(self, scope: str | None) -> Left:
        """What the hard limits on the scope and all above it leave.

        Raises:
            LedgerError: The ledger is down and may not be ignored.
        """
        names, now = ancestors(scope), self._now()
        try:
            with self._database.read() as connection:
                hard = [limit for limit in limits_of(connection, names) if limit.hard]
                left = [(limit.unit, limit.amount - sum(counted(connection, limit, now))) for limit in hard]
        except LedgerError as error:
            self._went_down("remaining", error)
            return Left()
        nano, tokens = ([max(0, rest) for unit, rest in left if unit == wanted] for wanted in ("usd", "tokens"))
        return Left(min(nano, default=None), min(tokens, default=None))

    def reserve(
        self,
        call_id: str,
        scope: str | None,
        nano: int,
        *,
        tokens: int = 0,
        expert: str | None = None,
        model: str | None = None,
    ) -> int:
        """Set the worst case of an attempt aside, atomically; returns the reservation's id.

        Args:
            call_id: The call.
            scope: Its account.
            nano: Nano-dollars, worst case.
            tokens: Input and output tokens, worst case.
            expert: Who is tried.
            model: Its model.

        Raises:
            BudgetExceeded: A hard limit would be passed; the message names it and when it resets.
            LedgerError: The ledger is down and may not be ignored.
        """
        if not 0 <= nano <= MOST or not 0 <= tokens <= MOST:
            raise BudgetExceeded(f"A worst case of {nano / 1e9:g} USD and {tokens} tokens is out of all bounds.")
        names = ancestors(scope)
        self._catch_up()
        now = self._now()
        try:
            with self._database.write() as connection:
                is_new = connection.execute(_FIRST, {"call": call_id}).first() is None
                asked = {"usd": nano, "tokens": tokens, "calls": int(is_new)}
                self._take(connection, limits_of(connection, names), asked, now)
                row = {
                    "call_id": call_id,
                    "scope": scope,
                    "expert": expert,
                    "model": model,
                    "at": now,
                    "lease": now + self._lease * SECOND,
                    "state": "open",
                    "nano": nano,
                    "tokens": tokens,
                    "calls": int(is_new),
                }
                made = connection.execute(schema.reservations.insert(), row).inserted_primary_key
                return int(made[0])  # type: ignore[index]
        except LedgerError as error:
            self._went_down("reserve", error)
            return NOT_RESERVED

    def settle(self, reservation: int, nano: int, *, tokens: int | None = None) -> None:
        """Exchange a reservation for what the attempt really cost. A second settlement changes nothing.

        A ledger that is down now does not take the answer from the caller: the settlement is kept and tried again
        with the next call, and until then the reservation stands at its worst case.

        Args:
            reservation: Its id.
            nano: What the attempt cost.
            tokens: What it used; the reserved tokens when absent.
        """
        if reservation != NOT_RESERVED:
            self._catch_up()
            self._or_later(partial(self._settle, reservation, nano, tokens), "settle")

    def write(self, record: Mapping[str, Any]) -> None:
        """Keep the record of a closed call: figures and names only."""
        self._or_later(partial(self._write, dict(record), self._now()), "write")

    def feedback(self, call_id: str, score: float, note: str | None = None) -> None:
        """Keep a person's score of a call's answer; the newest one counts.

        Raises:
            LeerooError: The ledger has no such call.
        """
        with self._database.write() as connection:
            known = select(schema.calls.c.call_id).where(schema.calls.c.call_id == call_id)
            if connection.execute(known).first() is None:
                raise LeerooError(f"No call {call_id!r} is in the ledger; use the call_id of a record.")
            row = {"call_id": call_id, "at": self._now(), "score": float(score), "note": note}
            connection.execute(schema.feedback.insert(), row)

    @property
    def pending(self) -> int:
        """Settlements and records that wait for the ledger to come back."""
        return len(self._pending)

    def _take(self, connection: Connection, limits: list[Limit], asked: dict[str, int], now: int) -> None:
        if not limits:
            return
        ids = {self._counter(connection, limit, now): limit for limit in limits}
        wanted = {f"n_{unit}": amount for unit, amount in asked.items()}
        order = sorted(ids)
        # Nobody else can change them until this transaction ends; taken in the same order everywhere, so that no two
        # processes wait for each other.
        locked = select(_c.id, _c.used, _c.reserved).where(_c.id.in_(order)).order_by(_c.id).with_for_update()
        held = {row.id: row.used + row.reserved for row in connection.execute(locked)}
        if connection.execute(_RESERVE, {"ids": order, **wanted}).rowcount != len(order):
            for key, limit in ids.items():
                if limit.hard and held[key] + asked[limit.unit] > limit.amount:
                    raise BudgetExceeded(limit.refusal(held[key], asked[limit.unit], now))
            raise LedgerError("Counters of limits vanished; try again.")
        for key, limit in ids.items():
            if not limit.hard and held[key] + asked[limit.unit] > limit.amount:
                connection.execute(update(schema.counters).where(_c.id == key).values(passed=_c.passed + 1))
                log.warning("Soft limit passed: %s", limit.refusal(held[key], asked[limit.unit], now))

    def _counter(self, connection: Connection, limit: Limit, moment: int) -> int:
        start = limit.window(moment)[0]
        find = select(_c.id).where(_c.limit_id == limit.id, _c.start == start)
        found = connection.execute(find).scalar()
        if found is None:
            self._insert(connection, schema.counters, self._new_counter(limit, start))
            found = connection.execute(find).scalar_one()
        return int(found)

    def _settle(self, reservation: int, nano: int, tokens: int | None) -> None:
        r = schema.reservations.c
        with self._database.write() as connection:
            row = connection.execute(select(schema.reservations).where(r.id == reservation)).first()
            if row is None:
                raise LeerooError(f"The ledger has no reservation {reservation}.")
            used = row.tokens if tokens is None else tokens
            done = (
                update(schema.reservations)
                .where(r.id == reservation, r.state == row.state, r.state != "settled")
                .values(state="settled", cost=nano, cost_tokens=used)
            )
            if connection.execute(done).rowcount:
                self._exchange(connection, row, nano, used)

    def _write(self, record: dict[str, Any], now: int) -> None:
        scope = record["budget"].get("scope")
        row = {key: record.get(key) for key in schema.calls.c.keys() if key not in _OWN}  # noqa: SIM118 - columns
        money = {key: _nano(record.get(key)) for key in ("cost", "reference_cost", "saved")}
        row |= {**money, "cost": money["cost"] or 0, "at": now, "scope": scope}
        tries = [
            {"call_id": record["call_id"], "number": n, "expert": a["expert"], "error": a["error"],
             "status": a.get("status"), "latency": a["latency"], "cost": _nano(a["cost"])}
            for n, a in enumerate(record["attempts"])
        ]  # fmt: skip
        with self._database.write() as connection:
            if not self._insert(connection, schema.calls, row):
                return  # written before, and the answer got lost
            if tries:
                connection.execute(schema.attempts.insert(), tries)
            day = datetime.fromtimestamp(now / SECOND, UTC).date().isoformat()
            key = (day, scope, record.get("expert"), record.get("model"))
            self._add_daily(connection, key, calls=1, saved=money["saved"] or 0)

    def _insert(self, connection: Connection, table: Any, row: Mapping[str, Any]) -> bool:
        insert = sqlite_insert if self._database.is_sqlite else postgres_insert
        made = insert(table).values(row).on_conflict_do_nothing().returning(next(iter(table.primary_key)))
        return connection.execute(made).first() is not None

    def _went_down(self, what: str, error: LedgerError) -> None:
        if not self._go_on:
            raise error
        log.warning("Going on without the ledger (%s): %s", what, error)

    def _or_later(self, work: Callable[[], None], what: str) -> None:
        try:
            work()
        except LedgerError as error:
            log.error("The ledger is down, %s is kept for later: %s", what, error)
            with self._pending_lock:
                if len(self._pending) < KEPT_PENDING:
                    self._pending.append(work)

    def _catch_up(self) -> None:
        if not self._pending:
            return
        with self._pending_lock:
            waiting, self._pending = self._pending, []
        for number, work in enumerate(waiting):
            try:
                work()
            except LedgerError:
                with self._pending_lock:
                    self._pending = waiting[number:] + self._pending
                return


_OWN = ("cost", "reference_cost", "saved", "at", "scope")


def _nano(usd: float | None) -> int | None:
    return None if usd is None else to_nano(usd)
