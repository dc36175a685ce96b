"""The ledger in a database: what a router asks of it on a call's way. Reports and limits are in `books`."""

import itertools
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection

from leeroo.errors import BudgetExceeded, LeerooError
from leeroo.ledger import at_once, schema
from leeroo.ledger import statements as s
from leeroo.ledger.books import Books, day_of, limit_of
from leeroo.ledger.cooldown import CoolDowns
from leeroo.ledger.database import Database
from leeroo.ledger.later import Later
from leeroo.ledger.limits import MOST, SECOND, LedgerError, Limit, UnfitData, ancestors, check_scope
from leeroo.ledger.memory import Left
from leeroo.ledger.pacing import Demand
from leeroo.money import to_nano
from leeroo.visible import visible

log = logging.getLogger("leeroo.ledger")


class SqlLedger(Books):
    """A ledger that many threads, processes and hosts share. Implements `leeroo.ledger.memory.Ledger`.

    Every reservation is one transaction with one conditional statement over all limits above the scope, so that none
    of them can be passed. A reservation counts at its worst case in the windows of the moment it was made, until it is
    settled or a person releases it; a process that dies loses nothing.

    Args:
        database: Where it lives.
        go_on: Whether calls go on without the ledger when it is down, with a warning; else they are refused.
        lease: Seconds after which an unsettled reservation counts as abandoned.
        keep_query: Whether the text that the predictor read is kept, for training on feedback.
        clock: Seconds since 1970.

    Attributes:
        cool_downs: Cool-downs of experts, shared by all processes on the ledger.
    """

    def __init__(
        self,
        database: Database,
        *,
        go_on: bool = False,
        lease: int = 900,
        keep_query: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(database, clock)
        self.cool_downs = CoolDowns(database, clock)
        self._keep_query = keep_query
        self._go_on = go_on
        self._lease = lease
        self._later = Later(self._put_aside)
        self._demand = Demand()
        # Attempts that went on without the ledger, by negative ids: booked once their cost and the ledger are there.
        self._unreserved: dict[int, dict[str, Any]] = {}
        self._unreserved_ids = itertools.count(-1, -1)
        # This process's own open reservations: booked anew where the ledger has lost them.
        self._open: dict[int, dict[str, Any]] = {}

    def remaining(self, scope: str | None) -> Left:
        """What the hard limits on the scope and all above it leave.

        Raises:
            LedgerError: The ledger is down and may not be ignored.
        """
        values = {"names": ancestors(scope), "at": self._now()}
        try:
            with self._database.at_once() as connection:
                rows = s.HELD.run(connection, values)
                paced = self._demand.meters(connection, rows, self._now())
        except LedgerError as error:
            self._went_down("remaining", error)
            return Left()
        left = [(row.unit, row.amount - (row.used or 0) - (row.reserved or 0)) for row in rows if row.hard]
        nano, tokens = ([max(0, rest) for unit, rest in left if unit == wanted] for wanted in ("usd", "tokens"))
        return Left(min(nano, default=None), min(tokens, default=None), paced)

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
        """Set the worst case of an attempt aside, as `leeroo.ledger.memory.Ledger.reserve` says.

        Raises:
            BudgetExceeded: A hard limit would be passed; the message names it and when it resets.
            LedgerError: The ledger is down and may not be ignored.
        """
        if not 0 <= nano <= MOST or not 0 <= tokens <= MOST:
            raise BudgetExceeded(f"A worst case of {nano / 1e9:g} USD and {tokens} tokens is out of all bounds.")
        now = self._now()
        row = {
            "call_id": call_id,
            "scope": None if scope is None else check_scope(scope),
            "expert": expert,
            "model": model,
            "at": now,
            "lease": now + self._lease * SECOND,
            "state": "open",
            "nano": nano,
            "tokens": tokens,
            "attempt": secrets.token_hex(16),
        }
        self._later.catch_up()
        try:
            made = None if self._database.is_sqlite else at_once.reserve(self._database, row)
            if made is None:
                if not self._database.is_sqlite:
                    self._refuse(row)
                with self._database.write() as connection:
                    made = self._reserve(connection, row)
            self._open[made] = row
            return made
        except LedgerError as error:
            self._went_down("reserve", error)
            key = next(self._unreserved_ids)
            self._unreserved[key] = row
            return key

    def settle(self, reservation: int, nano: int, *, tokens: int | None = None) -> None:
        """Exchange a reservation for what the attempt really cost. A second settlement changes nothing.

        A ledger that is down now does not take the answer from the caller: the settlement is kept and tried again
        with the next call, and until then the reservation stands at its worst case.

        Args:
            reservation: Its id.
            nano: What the attempt cost.
            tokens: What it used; the reserved tokens when absent.
        """
        nano = min(max(0, nano), MOST)
        tokens = None if tokens is None else min(max(0, tokens), MOST)
        self._later.catch_up()
        if reservation >= 0:
            row = self._open.pop(reservation, None)
            self._later.run(partial(self._settle, reservation, nano, tokens, row), f"settlement of {reservation}")
        elif (row := self._unreserved.pop(reservation, None)) is not None:
            self._later.run(partial(self._book, row, nano, tokens), f"cost of call {row['call_id']}")

    def write(self, record: Mapping[str, Any], query: str = "") -> None:
        """Keep the record of a closed call: figures and names only, and the query where the ledger was told to."""
        kept = query if self._keep_query else ""
        self._later.run(partial(self._write, dict(record), kept, self._now()), f"record of call {record['call_id']}")

    def close(self) -> None:
        """Do what waits, if the ledger takes it, and close all connections."""
        self._later.catch_up()
        super().close()

    @property
    def pending(self) -> int:
        """Settlements and records that wait for the ledger to come back."""
        return len(self._later)

    def _refuse(self, row: dict[str, Any]) -> None:
        """Refuse what a hard limit clearly leaves no room for, without holding up those who settle.

        Raises:
            BudgetExceeded: Of money or tokens; whether a retry counts as a call is not known here.
        """
        asked = {"usd": row["nano"], "tokens": row["tokens"]}
        with self._database.at_once() as connection:
            rows = s.HELD.run(connection, {"names": ancestors(row["scope"]), "at": row["at"]})
        for found in rows:
            held = (found.used or 0) + (found.reserved or 0)
            if found.hard and found.unit in asked and held + asked[found.unit] > found.amount:
                raise BudgetExceeded(limit_of(found).refusal(held, asked[found.unit], row["at"]))

    def _reserve(self, connection: Connection, row: dict[str, Any], *, hold: bool = True) -> int:
        made = s.RESERVE.run(connection, {f"new_{key}": value for key, value in row.items()})[0]
        asked = {"usd": row["nano"], "tokens": row["tokens"], "calls": made.calls}
        self._take(connection, ancestors(row["scope"]), asked, row["at"], hold)
        return int(made.id)

    def _take(
        self, connection: Connection, names: tuple[str, ...], asked: dict[str, int], now: int, hold: bool
    ) -> None:
        """Reserve on all counters of these scopes; `hold=False` reserves even past a limit."""
        found = self._held(connection, names, now)
        if not found:
            return
        worst = s.amounts("worst", **asked)
        taken = (s.TAKE if hold else s.TAKE_ANYWAY).run(connection, {"ids": list(found), **worst})
        held = {row.id: row.held - asked[found[row.id].unit] for row in taken}
        if len(held) < len(found):
            refused = next(key for key in found if key not in held)
            before = connection.execute(s.COUNTED, {"counter": refused}).scalar_one()
            raise BudgetExceeded(found[refused].refusal(before, asked[found[refused].unit], now))
        for key, limit in found.items():
            if held[key] + asked[limit.unit] > limit.amount:
                connection.execute(s.COUNT_PASSED, {"counter": key})
                kind = "Hard" if limit.hard else "Soft"
                log.warning("%s limit passed: %s", kind, limit.refusal(held[key], asked[limit.unit], now))

    def _held(self, connection: Connection, names: tuple[str, ...], now: int) -> dict[int, Limit]:
        """The limits on these scopes by the ids of their counters, which are made where a window is new."""
        rows = s.HELD.run(connection, {"names": names, "at": now})
        new = [self._new_counter(limit_of(row), now) for row in rows if row.counter is None]
        if new:
            connection.execute(self._upserts.add_counter, new)
            rows = s.HELD.run(connection, {"names": names, "at": now})
        return {row.counter: limit_of(row) for row in rows}

    def _settle(self, reservation: int, nano: int, tokens: int | None, row: dict[str, Any] | None = None) -> None:
        attempt = None if row is None else row["attempt"]
        if not self._database.is_sqlite and at_once.settle(self._database, reservation, nano, tokens, attempt):
            return
        with self._database.write() as connection:
            if self._exchange(connection, reservation, "open", "settled", nano, tokens, attempt):
                return
            state = connection.execute(s.STATE, {"key": reservation, "of_attempt": attempt}).scalar()
            if state == "released":
                self._exchange(connection, reservation, "released", "settled", nano, tokens, attempt)
            if state is not None:
                return
        if row is None:
            raise LeerooError(f"The ledger has no reservation {reservation}.")
        log.warning("The ledger has lost reservation %d (restored, or replaced?); booked anew.", reservation)
        self._book(row, nano, tokens)

    def _book(self, row: dict[str, Any], nano: int, tokens: int | None) -> None:
        """Write down what an attempt cost that went on without the ledger; limits do not stop what is spent already.

        The attempt's key tells whether that was done before, and only the answer got lost.
        """
        with self._database.write() as connection:
            known = connection.execute(s.BY_ATTEMPT, {"attempt": row["attempt"]}).scalar()
            reservation = self._reserve(connection, row, hold=False) if known is None else int(known)
            self._exchange(connection, reservation, "open", "settled", nano, tokens)

    def _put_aside(self, what: str, why: str) -> None:
        row = {"at": self._now(), "what": visible(what, 200)[:200], "why": visible(why, 400)[:400]}
        try:
            with self._database.write() as connection:
                connection.execute(schema.set_aside.insert(), row)
        except LedgerError as error:
            log.error("That could not be noted in the ledger either: %s", error)

    def _write(self, record: dict[str, Any], query: str, now: int) -> None:
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
            if connection.execute(self._upserts.add_call, row).first() is None:
                return  # written before, and the answer got lost
            if tries:
                connection.execute(s.ADD_ATTEMPTS, tries)
            if asks := _asks(record):
                connection.execute(s.ADD_ASKS, asks)
            if query:
                connection.execute(s.ADD_QUERY, {"call_id": record["call_id"], "query": query})
            key = (day_of(now), scope, record.get("expert"), record.get("model"))
            # One that was refused before anybody was asked is none.
            made = any("status" in attempt for attempt in record["attempts"])
            self._add_daily(connection, key, calls=int(made), saved=money["saved"] or 0)

    def _went_down(self, what: str, error: LedgerError) -> None:
        if not self._go_on or isinstance(error, UnfitData):
            raise error
        log.warning("Going on without the ledger (%s): %s", what, error)


_OWN = ("cost", "reference_cost", "saved", "at", "scope")


def _asks(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Whom a call consulted, and who agreed with whom; nothing where answers could not be compared."""
    consult = record.get("consult") or {}
    if len(consult.get("asks", ())) < 2 or consult.get("compared") is False:
        return []
    predicted = {one["expert"]: one["quality"] for one in record["candidates"]}
    return [
        {"call_id": record["call_id"], "number": n, "expert": ask["expert"], "cluster": ask["cluster"],
         "quality": predicted.get(ask["expert"]), "surplus": ask.get("surplus")}
        for n, ask in enumerate(consult["asks"])
    ]  # fmt: skip


def _nano(usd: float | None) -> int | None:
    return None if usd is None else to_nano(usd)
