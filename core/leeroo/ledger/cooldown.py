"""Cool-downs of experts that all processes on one ledger share: who must not be asked, until when, and who probes.

A small table, written when a breaker opens or closes and read at most once a second by each process. When the ledger is
out of reach, every process goes on with what it knows itself.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, String, Table, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from leeroo.ledger.limits import SECOND, LedgerError
from leeroo.ledger.schema import tables

if TYPE_CHECKING:
    from leeroo.ledger.database import Database

log = logging.getLogger("leeroo.ledger")
PROBE_SECONDS = 30
"""How long others leave an expert alone while one process probes it; a process that dies holds it no longer."""

cool_downs = Table(
    "cool_downs",
    tables,
    Column("expert", String(400), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
)
_c = cool_downs.c
_READ = select(_c.expert, _c.until)
_CLAIM = (
    update(cool_downs)
    .where(_c.expert == bindparam("key"), _c.until <= bindparam("now"))
    .values(until=bindparam("lease"))
)
_CLEAR = delete(cool_downs).where(_c.expert == bindparam("key"))


class CoolDowns:
    """The shared cool-downs of a ledger. Implements `leeroo.routing.health.SharedCoolDowns`.

    Args:
        database: The ledger's.
        clock: Seconds since 1970; hosts that share a ledger are trusted to agree on it within a second or so.
    """

    def __init__(self, database: "Database", clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def read(self) -> Mapping[str, float] | None:
        """Seconds left by expert, 0 where a probe is due; None where the ledger is out of reach."""
        now = self._now()
        try:
            with self._database.read() as connection:
                return {row.expert: max(0.0, (row.until - now) / SECOND) for row in connection.execute(_READ)}
        except LedgerError as error:
            log.warning("Cool-downs of other processes are unknown: %s", error)
            return None

    def listed(self) -> list[tuple[str, str, float]]:
        """Who cools down in any process: the expert's key, the kind of its failure, and the seconds left.

        Raises:
            LedgerError: The ledger is out of reach.
        """
        now = self._now()
        with self._database.read() as connection:
            rows = connection.execute(select(_c.expert, _c.kind, _c.until).where(_c.until > now).order_by(_c.expert))
            return [(row.expert, row.kind, (row.until - now) / SECOND) for row in rows]

    def announce(self, key: str, seconds: float, kind: str) -> None:
        """Let an expert cool down in every process."""
        row = {"expert": key, "until": self._now() + int(seconds * SECOND), "kind": kind}
        insert = sqlite_insert if self._database.is_sqlite else postgres_insert
        put = insert(cool_downs).values(row).on_conflict_do_update(index_elements=["expert"], set_=row)
        self._write(put, {}, "announced")

    def claim(self, key: str) -> bool:
        """Take the probe of an expert whose cool-down is over. Out of reach: every process may probe once."""
        now = self._now()
        given = {"key": key, "now": now, "lease": now + PROBE_SECONDS * SECOND}
        return self._write(_CLAIM, given, "claimed") != 0

    def clear(self, key: str) -> None:
        """The expert answers again."""
        self._write(_CLEAR, {"key": key}, "cleared")

    def _write(self, statement: Any, given: dict[str, Any], what: str) -> int | None:
        try:
            with self._database.write() as connection:
                return int(connection.execute(statement, given).rowcount)
        except LedgerError as error:
            log.warning("A cool-down could not be %s for other processes: %s", what, error)
            return None

    def _now(self) -> int:
        return int(self._clock() * SECOND)
