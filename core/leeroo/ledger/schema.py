"""The ledger's tables, their version, and how an older ledger is brought up to date."""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
    update,
)

from leeroo.ledger.limits import LedgerError, window

VERSION = 6
FOREVER = 2**62
"""The end of a window that never ends, in microseconds since 1970."""

tables = MetaData()
_Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself for INTEGER only

version = Table("leeroo_ledger", tables, Column("version", Integer, nullable=False))
limits = Table(
    "scopes",
    tables,
    Column("id", _Key, primary_key=True),
    Column("scope", String(400), nullable=False),
    Column("per", String(8), nullable=False),
    Column("unit", String(8), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("hard", Boolean, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("pace", Boolean, nullable=False),
    UniqueConstraint("scope", "per", "unit", "hard"),
)
counters = Table(
    "counters",
    tables,
    Column("id", _Key, primary_key=True),
    Column("limit_id", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("unit", String(8), nullable=False),
    Column("ceiling", BigInteger),  # NULL: a soft limit, never refuses
    Column("used", BigInteger, nullable=False, default=0),
    Column("reserved", BigInteger, nullable=False, default=0),
    Column("passed", BigInteger, nullable=False, default=0),
    UniqueConstraint("limit_id", "start"),
)
reservations = Table(
    "reservations",
    tables,
    Column("id", _Key, primary_key=True),
    Column("call_id", String(64), nullable=False, index=True),
    Column("scope", String(400)),
    Column("expert", String(200)),
    Column("model", String(200)),
    Column("at", BigInteger, nullable=False, index=True),
    Column("lease", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("nano", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("cost", BigInteger),
    Column("cost_tokens", BigInteger),
    Column("attempt", String(32)),  # drawn by who reserves: what was written twice is known by it
)
Index("reservations_attempt", reservations.c.attempt, unique=True)
# Few are open at a time, however many there have been.
Index("reservations_open", reservations.c.lease, sqlite_where=reservations.c.state == "open",
      postgresql_where=reservations.c.state == "open")  # fmt: skip
daily = Table(
    "daily",
    tables,
    Column("day", String(10), primary_key=True),
    Column("scope", String(400), primary_key=True),
    Column("expert", String(200), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("attempts", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("saved", BigInteger, nullable=False),
)
calls = Table(
    "calls",
    tables,
    Column("call_id", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("scope", String(400)),
    Column("expert", String(200)),
    Column("model", String(200)),
    Column("predicted_quality", Float),
    Column("base_quality", Float),  # the predictor's own word, where feedback has changed it since
    Column("adequate", Boolean),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("cost", BigInteger, nullable=False),
    Column("cost_is_estimate", Boolean),
    Column("reference_expert", String(200)),
    Column("reference_cost", BigInteger),
    Column("saved", BigInteger),
    Column("router_latency", Float),
)
attempts = Table(
    "attempts",
    tables,
    Column("call_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("expert", String(200), nullable=False),
    Column("error", String(64)),
    Column("status", Integer),
    Column("latency", Float),
    Column("cost", BigInteger, nullable=False),
)
asks = Table(
    "asks",  # of calls that consulted: who agreed with whom, never what was said
    tables,
    Column("call_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("expert", String(200), nullable=False),
    Column("cluster", Integer),  # NULL: nothing that could be compared
    Column("quality", Float),  # as it was predicted before
    Column("surplus", Float),  # nats by which its log-probability lay above the expert's usual one; NULL: not known
)
feedback = Table(
    "feedback",
    tables,
    Column("id", _Key, primary_key=True),
    Column("call_id", String(64), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("note", Text),
)
set_aside = Table(
    "set_aside",  # writes that can never be booked, for people to look at
    tables,
    Column("id", _Key, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("what", String(200), nullable=False),
    Column("why", String(400), nullable=False),
)
queries = Table(
    "queries",  # empty unless the owner asked to keep them
    tables,
    Column("call_id", String(64), primary_key=True),
    Column("query", Text, nullable=False),
)


def _windows_get_an_end(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE counters ADD COLUMN until BIGINT NOT NULL DEFAULT 0")
    found = select(counters.c.id, counters.c.start, limits.c.per, limits.c.zone).join_from(
        counters, limits, counters.c.limit_id == limits.c.id
    )
    for row in connection.execute(found).all():
        end = window(row.per, row.zone, row.start)[1]
        until = FOREVER if end is None else end
        connection.execute(update(counters).where(counters.c.id == row.id).values(until=until))


def _calls_keep_the_base_quality(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE calls ADD COLUMN base_quality FLOAT")


def _attempts_get_a_key(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE reservations ADD COLUMN attempt VARCHAR(32)")
    connection.exec_driver_sql("CREATE UNIQUE INDEX reservations_attempt ON reservations (attempt)")


def _consultations_are_kept(_: Connection) -> None:
    """The table is new; what calls answered before is not known."""


def _asks_keep_the_surplus(connection: Connection) -> None:
    known = inspect(connection)
    if known.has_table("asks") and "surplus" not in {column["name"] for column in known.get_columns("asks")}:
        connection.exec_driver_sql("ALTER TABLE asks ADD COLUMN surplus FLOAT")


MIGRATIONS: dict[int, Callable[[Connection], None]] = {
    1: _windows_get_an_end,
    2: _calls_keep_the_base_quality,
    3: _attempts_get_a_key,
    4: _consultations_are_kept,
    5: _asks_keep_the_surplus,
}
"""Step n brings a ledger of version n to n + 1; all run in one transaction."""


def prepare(connection: Connection) -> None:
    """Make the tables of a new ledger, or bring an older one up to date, within the caller's transaction.

    Raises:
        LedgerError: A newer version of Leeroo made it, or it is no ledger.
    """
    present = set(inspect(connection).get_table_names())
    if version.name not in present:
        if present & set(tables.tables):
            raise LedgerError("it has tables of other programs with the names that a ledger uses")
        tables.create_all(connection)
        connection.execute(version.insert().values(version=VERSION))
        return
    found = connection.execute(select(version.c.version)).scalar()
    if not isinstance(found, int):
        raise LedgerError("its version is missing")
    if found > VERSION:
        raise LedgerError(f"its schema has version {found}, this Leeroo knows {VERSION}; upgrade leeroo")
    for step in range(found, VERSION):
        if step not in MIGRATIONS:
            raise LedgerError(f"its schema has version {found}, which this Leeroo cannot bring up to date")
        MIGRATIONS[step](connection)
    if found < VERSION:
        tables.create_all(connection)  # those that are new
        connection.execute(update(version).values(version=VERSION))
    missing = set(tables.tables) - set(inspect(connection).get_table_names())
    if missing:
        raise LedgerError(f"its tables {', '.join(sorted(missing))} are missing")
