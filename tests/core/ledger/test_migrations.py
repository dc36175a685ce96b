"""A ledger of an older version is brought up to date with its limits, counters and open reservations intact."""

import sqlite3

from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger

NEWER_COLUMNS = [("counters", "until"), ("calls", "base_quality"), ("reservations", "attempt"), ("asks", "surplus")]


def test_version_1_becomes_the_newest(tmp_path):
    url = f"sqlite:///{tmp_path}/l.db"
    ledger = open_ledger(url)
    for per in ("day", "total"):
        ledger.set_limit(Limit.of("a", per, "usd", 5, zone="Europe/Berlin"))
    held = ledger.reserve("1", "a", 10**9)
    before = ledger.limits()
    ledger.close()
    with sqlite3.connect(tmp_path / "l.db") as connection:
        connection.execute("DROP INDEX reservations_attempt")
        connection.execute("DROP TABLE set_aside")
        for table, column in NEWER_COLUMNS:
            if column in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("UPDATE leeroo_ledger SET version = 1")
    ledger = open_ledger(url)
    assert ledger.limits() == before
    ledger.settle(held, 10**8)
    assert {(row["used"], row["reserved"]) for row in ledger.limits()} == {(10**8, 0)}
    ledger.close()


def test_calls_that_consulted_are_kept_through_version_6(tmp_path):
    url = f"sqlite:///{tmp_path}/l.db"
    open_ledger(url).close()
    with sqlite3.connect(tmp_path / "l.db") as connection:
        connection.execute("ALTER TABLE asks DROP COLUMN surplus")
        connection.execute("INSERT INTO asks (call_id, number, expert, cluster) VALUES ('one', 0, 'a', 0)")
        connection.execute("INSERT INTO calls (call_id, at, expert, cost) VALUES ('one', 1, 'a', 0)")
        connection.execute("UPDATE leeroo_ledger SET version = 5")
    ledger = open_ledger(url)
    assert ledger.consultations()[0]["consult"]["asks"] == [{"expert": "a", "cluster": 0, "surplus": None}]
    ledger.close()
