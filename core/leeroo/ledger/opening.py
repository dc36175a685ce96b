"""Open a ledger by its URL; the way to its database, which makes short transactions and clear errors."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leeroo.errors import ConfigError, MissingDependency
from leeroo.ledger.limits import LedgerError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from leeroo.ledger.sql import SqlLedger

BUSY_SECONDS = 30
"""How long a transaction waits for another process's on SQLite."""
OWN_OPTIONS = ("on_failure", "lease")


def open_ledger(url: str) -> "SqlLedger":
    """Open a ledger, made at first use.

    Args:
        url: `sqlite:///leeroo.db` or `postgresql+psycopg://user@host/db`. Its query may hold `on_failure=continue`
            (calls go on without the ledger when it is down, and a warning says so; `refuse` is the default) and
            `lease=900` (seconds after which an unsettled reservation counts as abandoned).

    Raises:
        MissingDependency: An extra has to be installed.
        ConfigError: The URL is not usable.
        LedgerError: The ledger cannot be opened, is damaged, or was made by a newer Leeroo.
    """
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise MissingDependency("A ledger by URL needs SQLAlchemy: pip install 'leeroo[ledger]'") from None
    from leeroo.ledger.sql import SqlLedger

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the message would repeat the URL, and a URL may hold a password
        raise ConfigError("ledger: not a URL; give one such as sqlite:///leeroo.db.") from None
    options = {key: str(parsed.query[key]) for key in OWN_OPTIONS if key in parsed.query}
    on_failure, lease = options.get("on_failure", "refuse"), options.get("lease", "900")
    if on_failure not in ("refuse", "continue"):
        raise ConfigError(f"ledger: on_failure={on_failure!r}; give refuse or continue.")
    if not lease.isdigit() or not int(lease):
        raise ConfigError(f"ledger: lease={lease!r}; give whole seconds.")
    return SqlLedger(
        Database(parsed.difference_update_query(OWN_OPTIONS)), on_failure=on_failure == "continue", lease=int(lease)
    )


class Database:
    """Transactions on one database, from many threads and after a fork.

    Args:
        url: Parsed by SQLAlchemy.

    Raises:
        ConfigError: Neither SQLite nor PostgreSQL.
        MissingDependency: The driver is not installed.
        LedgerError: It cannot be opened, is damaged, or was made by a newer Leeroo.
    """

    def __init__(self, url: Any) -> None:
        self.name: str = url.render_as_string(hide_password=True).split("?")[0]
        self.is_sqlite = url.get_backend_name() == "sqlite"
        if not self.is_sqlite and url.drivername != "postgresql+psycopg":
            raise ConfigError(f"ledger: {url.drivername!r} is not supported; give sqlite or postgresql+psycopg.")
        if self.is_sqlite and url.database in (None, "", ":memory:"):
            raise ConfigError("ledger: an SQLite ledger needs a file; leave the ledger out to keep it in memory.")
        if self.is_sqlite and not url.database.startswith("file:"):
            self._make_file(Path(url.database))
        self._engine = self._connect(url)
        self._pid = os.getpid()
        # One writer at a time is SQLite's rule; waiting for a lock in the process is fairer than polling the file.
        self._lock = threading.Lock()
        from leeroo.ledger.schema import prepare

        with self.alone() as connection:
            try:
                prepare(connection)
            except LedgerError as error:
                raise LedgerError(f"The ledger {self.name} is not usable: {error}.") from None

    @contextmanager
    def write(self) -> "Iterator[Connection]":
        """A transaction that may write. On SQLite it takes the write lock at once, so that it never has to retry.

        Raises:
            LedgerError: The database is out of reach, damaged, read-only or full.
        """
        self._after_fork()
        with self._lock if self.is_sqlite else _NO_LOCK, self._errors(), self._engine.begin() as connection:
            if not self.is_sqlite:
                # Shared: many may reserve; whoever changes limits takes it alone.
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")
            yield connection

    @contextmanager
    def alone(self) -> "Iterator[Connection]":
        """A transaction beside which no other writes; for changes of limits."""
        self._after_fork()
        with self._lock if self.is_sqlite else _NO_LOCK, self._errors(), self._engine.begin() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    @contextmanager
    def read(self) -> "Iterator[Connection]":
        """A transaction that only reads; on SQLite it waits for no writer."""
        self._after_fork()
        with self._errors(), self._engine.connect().execution_options(leeroo_read=True) as connection:
            yield connection

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
            yield
        except SQLAlchemyError as error:
            # The driver's own words only: SQLAlchemy's repeat the statement and its values.
            why = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
            raise LedgerError(f"The ledger {self.name} is not usable: {why}.") from None

    def _connect(self, url: Any) -> "Engine":
        from sqlalchemy import create_engine, event

        try:
            if not self.is_sqlite:
                return create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=56)
            engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=8, max_overflow=-1)
        except ImportError:
            raise MissingDependency("A PostgreSQL ledger needs psycopg: pip install 'leeroo[postgres]'") from None

        @event.listens_for(engine, "connect")
        def _set_up(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # we begin transactions ourselves
            if "mode=ro" not in str(url):
                connection.execute("PRAGMA journal_mode=WAL")
            # NORMAL survives a killed process; a power cut may take the last commits. FULL costs a disk flush each.
            connection.execute("PRAGMA synchronous=NORMAL")

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            reading = connection.get_execution_options().get("leeroo_read")
            connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

        return engine

    def _make_file(self, path: Path) -> None:
        """Only the owner may read a new ledger; SQLite gives its side files the same permissions."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise LedgerError(f"The ledger {self.name} is not usable: {error.strerror}.") from None


class _NoLock:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


_NO_LOCK = _NoLock()
_LOCK = 5_402_077_481
