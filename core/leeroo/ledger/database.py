"""The way to a ledger's database: short transactions from many threads and processes, and clear errors."""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leeroo.errors import ConfigError, MissingDependency
from leeroo.ledger.forks import FORKS
from leeroo.ledger.limits import LedgerError, UnfitData

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

BUSY_SECONDS = 30
"""How long a transaction waits for another process's on SQLite, and for a free connection on PostgreSQL."""
CONNECTIONS = 8
"""To PostgreSQL from one process; more threads wait for one. PostgreSQL allows 100 in all unless told otherwise."""
STALE_SECONDS = 5
"""A connection unused for so long is tried before it is trusted."""
_LOCK = 5_402_077_481
# Classes of SQLSTATE, and states, that say something of the server and nothing of the data (PostgreSQL's appendix A).
_OUTAGES = frozenset(
    {"08", "25", "28", "3D", "40", "53", "55", "57", "58", "F0", "HV", "XX", "42501", "42P01", "42703", "3F000"}
)
_REMEDIES = {
    "readonly": "make the file and its folder writable",
    "full": "free some space; nothing written before is lost",
    "not a database": "give another file, or move this one away",
    "malformed": "restore it from a backup, or save what is left with `sqlite3 FILE .recover`",
    "disk i/o": "check the disk",
    "locked": f"another process has been writing for {BUSY_SECONDS} s",
    "connection": "is the server up, and are host, port, user and password right",
    "too many clients": "raise max_connections of the server, or use fewer processes",
}


class Database:
    """Transactions on one database, from many threads and after a fork.

    Args:
        url: Parsed by SQLAlchemy.
        durable: Whether a commit waits until the disk has it; else a power cut may take the last moments' commits.

    Raises:
        ConfigError: Neither SQLite nor PostgreSQL.
        MissingDependency: The driver is not installed.
    """

    def __init__(self, url: Any, *, durable: bool = False) -> None:
        self.name: str = url.render_as_string(hide_password=True).split("?")[0]
        self.is_sqlite = url.get_backend_name() == "sqlite"
        if not self.is_sqlite and url.drivername != "postgresql+psycopg":
            raise ConfigError(f"ledger: {url.drivername!r} is not supported; give sqlite or postgresql+psycopg.")
        if self.is_sqlite and url.database in (None, "", ":memory:"):
            raise ConfigError("ledger: an SQLite ledger needs a file; leave the ledger out to keep it in memory.")
        self._file = Path(url.database) if self.is_sqlite and not url.database.startswith("file:") else None
        self._engine = self._sqlite(url, durable) if self.is_sqlite else self._postgres(url, durable)
        self._driver: Any = self._engine.dialect.loaded_dbapi
        self._pid = os.getpid()
        # One writer at a time is SQLite's rule; waiting for a lock in the process is fairer than polling the file.
        self._lock = threading.Lock()
        self._prepared = False

    @property
    def is_missing(self) -> bool:
        """Whether it is an SQLite file that is not there."""
        return self._file is not None and not self._file.exists()

    def prepare(self) -> None:
        """Make the tables or bring them up to date, once; every transaction does so where it was not possible before.

        Raises:
            LedgerError: It cannot be opened, is damaged, or was made by a newer Leeroo.
        """
        if self._prepared:
            return
        from leeroo.ledger.schema import prepare

        if self._file is not None:
            self._make_file(self._file)
        with self._transaction() as connection:
            self._lock_out_others(connection)
            try:
                prepare(connection)
            except LedgerError as error:
                raise LedgerError(f"The ledger {self.name} is not usable: {error}.") from None
        self._prepared = True

    @contextmanager
    def write(self) -> "Iterator[Connection]":
        """A transaction that may write. On SQLite it takes the write lock at once, so that it never has to retry.

        Raises:
            LedgerError: The database is out of reach, damaged, read-only or full.
        """
        self.prepare()
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def alone(self) -> "Iterator[Connection]":
        """A transaction beside which no other `alone` one runs; for changes of limits."""
        with self.write() as connection:
            self._lock_out_others(connection)
            yield connection

    @contextmanager
    def at_once(self) -> "Iterator[Connection]":
        """On PostgreSQL every statement is a transaction of its own, for fewer round trips; on SQLite as `read`."""
        with self._connected({"leeroo_read": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}) as found:
            yield found

    @contextmanager
    def read(self) -> "Iterator[Connection]":
        """A transaction that only reads; on SQLite it waits for no writer."""
        with self._connected({"leeroo_read": True}) as connection:
            yield connection

    @contextmanager
    def _connected(self, options: dict[str, Any]) -> "Iterator[Connection]":
        self.prepare()
        self._after_fork()
        with self._errors(), self._engine.connect().execution_options(**options) as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> "Iterator[Connection]":
        self._after_fork()
        with self._lock if self.is_sqlite else nullcontext(), self._errors(), self._engine.begin() as connection:
            yield connection

    def _lock_out_others(self, connection: "Connection") -> None:
        if not self.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _after_fork(self) -> None:
        if os.getpid() != self._pid:  # a child must not talk on its parent's connections
            self._engine.dispose(close=False)
            self._lock, self._pid = threading.Lock(), os.getpid()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with FORKS.outside() if self.is_sqlite else nullcontext():
                yield
        except (OverflowError, UnicodeError) as error:  # the driver's, before anything was sent
            raise UnfitData(f"The ledger {self.name} refuses a value: {type(error).__name__}.") from None
        except (SQLAlchemyError, self._driver.Error) as error:
            # The driver's own words only: SQLAlchemy's repeat the statement and its values; of data, not even those.
            driver = getattr(error, "orig", None) if isinstance(error, SQLAlchemyError) else error
            if self._is_of_data(driver):
                raise UnfitData(f"The ledger {self.name} refuses a value: {type(driver).__name__}.") from None
            why = (str(driver or "").strip() or type(error).__name__).splitlines()[0]
            raise LedgerError(f"The ledger {self.name} is not usable: {_advice(why)}.") from None

    def _is_of_data(self, error: Any) -> bool:
        """Whether an error is of what was to be written or asked, and not of the database or the way to it."""
        if isinstance(error, (self._driver.DataError, self._driver.IntegrityError, OverflowError, UnicodeError)):
            return True
        state = getattr(error, "sqlstate", None)  # PostgreSQL's
        if state is not None:
            return state[:2] not in _OUTAGES and state not in _OUTAGES
        return isinstance(error, (self._driver.ProgrammingError, self._driver.NotSupportedError)) and not str(
            error
        ).startswith("the connection is")

    def _sqlite(self, url: Any, durable: bool) -> "Engine":
        from sqlalchemy import create_engine, event

        engine = create_engine(url, connect_args={"timeout": 0}, pool_size=CONNECTIONS, max_overflow=-1)

        @event.listens_for(engine, "connect")
        def _set_up(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # we begin transactions ourselves
            if "mode=ro" not in str(url):
                _patiently(connection, "PRAGMA journal_mode=WAL")
            # NORMAL survives a killed process; a power cut may take the last commits. FULL costs a disk flush each.
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            reading = connection.get_execution_options().get("leeroo_read")
            _patiently(connection.connection.dbapi_connection, "BEGIN" if reading else "BEGIN IMMEDIATE")

        return engine

    def _postgres(self, url: Any, durable: bool) -> "Engine":
        from sqlalchemy import create_engine, event, exc

        try:
            engine = create_engine(url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=BUSY_SECONDS)
        except ImportError:
            raise MissingDependency("A PostgreSQL ledger needs psycopg: pip install 'leeroo[postgres]'") from None

        @event.listens_for(engine, "connect")
        def _set_up(connection: Any, _: Any) -> None:
            connection.execute(f"SET synchronous_commit = {'on' if durable else 'off'}")
            connection.commit()

        @event.listens_for(engine, "checkin")
        def _note(_: Any, record: Any) -> None:
            record.info["used"] = time.monotonic()

        @event.listens_for(engine, "checkout")
        def _try(connection: Any, record: Any, _: Any) -> None:
            if time.monotonic() - record.info.get("used", float("inf")) > STALE_SECONDS:
                try:
                    connection.execute("SELECT 1")
                    connection.rollback()
                except Exception:
                    raise exc.DisconnectionError from None  # SQLAlchemy takes another

        return engine

    def _make_file(self, path: Path) -> None:
        """Only the owner may read a new ledger; SQLite gives its side files the same permissions."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise LedgerError(f"The ledger {self.name} is not usable: {error.strerror}.") from None


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Run a statement that may have to wait for another process's transaction.

    SQLite's own waiting sleeps up to 0.1 s at a time, and whoever came last mostly wins: short random pauses are fairer
    and leave the file idle less.
    """
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.0002, 0.002))  # noqa: S311 - no secret


def _advice(why: str) -> str:
    """What the driver said, with the remedy."""
    return next((f"{why} ({remedy})" for word, remedy in _REMEDIES.items() if word in why.lower()), why)
