"""Open a ledger by its URL."""

import logging
from typing import TYPE_CHECKING

from leeroo.errors import ConfigError, MissingDependency, did_you_mean
from leeroo.ledger.limits import LedgerError
from leeroo.ledger.memory import Ledger, MemoryLedger

if TYPE_CHECKING:
    from leeroo.ledger.sql import SqlLedger

log = logging.getLogger("leeroo.ledger")
OPTIONS = {"on_failure": ("refuse", "continue"), "durability": ("normal", "full"), "keep": ("nothing", "query")}
"""Our own options of a URL's query and their values, the default first; `lease` is a number."""


def ledger_of(url: str | None) -> Ledger:
    """The ledger that a pool file names: of a URL, or one in memory where there is none or it says `memory`.

    Raises:
        ConfigError: The URL is not usable.
        MissingDependency: The extra `ledger` or `postgres` has to be installed.
        LedgerError: The ledger cannot be opened.
    """
    return MemoryLedger() if url in (None, "memory") else open_ledger(url)


def open_ledger(url: str, *, new: bool = True) -> "SqlLedger":
    """Open a ledger.

    Args:
        url: `sqlite:///leeroo.db` or `postgresql+psycopg://user@host/db`. Its query may hold

            - `on_failure=continue`: calls go on without the ledger when it is down, their record says so, and what they
              cost is written down when it is back; `refuse` is the default.
            - `durability=full`: every reservation and settlement is on disk before the call goes on; with `normal`, the
              default, a killed process loses nothing, but a power cut may take the last moments.
            - `keep=query`: the text of each query is kept, so that feedback can be exported for training; by default
              `nothing` of a prompt or an answer is.
            - `lease=900`: seconds after which an unsettled reservation counts as abandoned.

        new: Whether an SQLite file that is not there is made; who only reads would not notice a misspelt path.

    Raises:
        MissingDependency: An extra has to be installed.
        ConfigError: The URL is not usable, or there is no such file and `new` is False.
        LedgerError: The ledger cannot be opened, is damaged, or was made by a newer Leeroo, and may not be ignored.
    """
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise MissingDependency("A ledger by URL needs SQLAlchemy: pip install 'leeroo[ledger]'") from None
    from leeroo.ledger.database import Database
    from leeroo.ledger.sql import SqlLedger

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the message would repeat the URL, and a URL may hold a password
        raise ConfigError("ledger: not a URL; give one such as sqlite:///leeroo.db.") from None
    own = {name: str(parsed.query.get(name, values[0])) for name, values in OPTIONS.items()}
    for name, value in own.items():
        if value not in OPTIONS[name]:
            raise ConfigError(f"ledger: {name}={value!r}.{did_you_mean(value, OPTIONS[name])}")
    lease = str(parsed.query.get("lease", "900"))
    if not lease.isdigit() or not int(lease):
        raise ConfigError(f"ledger: lease={lease!r}; give whole seconds.")
    database = Database(parsed.difference_update_query([*OPTIONS, "lease"]), durable=own["durability"] == "full")
    if not new and database.is_missing:
        how = "It is made by the first call of a router with `ledger: URL`, or by `leeroo scopes set`."
        raise ConfigError(f"There is no ledger at {parsed.database}; check the path. {how}")
    go_on = own["on_failure"] == "continue"
    try:
        database.prepare()
    except LedgerError as error:
        if not go_on:
            database.close()
            raise
        log.warning("Going on without the ledger until it is there: %s", error)
    return SqlLedger(database, go_on=go_on, lease=int(lease), keep_query=own["keep"] == "query")
