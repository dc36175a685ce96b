"""PostgreSQL's one statement per reservation and settlement: as good as the longer way."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import select, text, update

from leeroo.errors import BudgetExceeded
from leeroo.ledger import at_once, schema
from leeroo.ledger.limits import Limit

pytestmark = [
    pytest.mark.skipif("LEEROO_TEST_POSTGRES" not in os.environ, reason="LEEROO_TEST_POSTGRES names no database"),
    pytest.mark.parametrize("url", ["postgres"], indirect=True),
]
SCOPES = (None, "*", "a", "a/b", "a/b/c", "a_/b%", "ab", "x", "a/b")
USER = """
import sys
from leeroo.ledger.opening import open_ledger

ledger = open_ledger(sys.argv[1])
held = [ledger.reserve(str(n), "a", 10) for n in range(2)]
print("reserved", flush=True)
sys.stdin.readline()
if sys.argv[2] == "reserve":
    ledger.reserve("2", "a", 10)
else:
    ledger.settle(held[0], 4)
"""


@pytest.fixture
def long_way(monkeypatch):
    def forbidden(*_args, **_more):
        raise AssertionError("a transaction of several statements")

    def switch(ledger, on):
        monkeypatch.setattr(at_once, "reserve", (lambda *_: None) if on else reserve)
        monkeypatch.setattr(at_once, "settle", (lambda *_: False) if on else settle)
        if not on:
            monkeypatch.setattr(ledger, "_take", forbidden)
            monkeypatch.setattr(ledger, "_exchange", forbidden)

    reserve, settle = at_once.reserve, at_once.settle
    return switch


def contents(ledger):
    columns = schema.counters.c
    with ledger.read() as connection:
        own = ("id", "attempt")  # drawn anew each time
        found = [connection.execute(select(*[c for c in table.c if c.name not in own]).order_by(*order)).all()
                 for table, order in (
                     (schema.counters, [columns.limit_id, columns.start]),
                     (schema.reservations, [schema.reservations.c.id]),
                     (schema.daily, list(schema.daily.primary_key)),
                 )]  # fmt: skip
        for table in (schema.reservations, schema.daily):
            connection.execute(table.delete())
        connection.execute(update(schema.counters).values(used=0, reserved=0))
        connection.commit()
    return found


def test_both_ways_leave_the_same_books(ledger, long_way):
    ledger._clock = lambda: 1_790_035_199.999_999  # the last microsecond of a day
    for scope, unit in (("*", "calls"), ("a", "usd"), ("a", "tokens"), ("a/b", "usd"), ("a_/b%", "usd"), ("ab", "usd")):
        for per in ("total", "day"):
            ledger.set_limit(Limit(scope, per, unit, 10**6))
    ledger.set_limit(Limit("a", "hour", "usd", 10**6, hard=False))

    def use():
        for n, scope in enumerate(SCOPES):
            expert = None if n % 2 else "large"
            first = ledger.reserve(f"call-{n}", scope, 100 + n, tokens=n, expert=expert, model=expert)
            again = ledger.reserve(f"call-{n}", scope, 50, tokens=3)
            ledger.settle(again, 7, tokens=n)
            if n % 3:
                ledger.settle(first, n)

    long_way(ledger, True)
    use()
    expected = contents(ledger)
    long_way(ledger, False)
    use()
    found = contents(ledger)
    assert found == expected
    assert len(found[2]) > 5
    assert sum(row.reserved for row in found[0]) > 0


def test_a_limit_passed_leaves_nothing_and_soft_ones_do_not_stop(ledger, caplog, monkeypatch):
    ledger.set_limit(Limit("a", "total", "usd", 100))
    ledger.set_limit(Limit("a/b", "total", "usd", 50))
    row = {"call_id": "1", "scope": "a/b", "expert": None, "model": None, "at": ledger._now(), "lease": 1,
           "state": "open", "nano": 51, "tokens": 0, "attempt": "x"}  # fmt: skip
    assert at_once.reserve(ledger._database, row) is None
    assert not ledger.open_reservations()
    assert [limit["reserved"] for limit in ledger.limits("a/b")] == [0, 0]
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "_take", None)  # a refusal locks no counter
        with pytest.raises(BudgetExceeded, match=r"'a/b'.*0\.000000051 USD"):
            ledger.reserve("1", "a/b", 51)
    ledger.set_limit(Limit("a", "total", "usd", 10, hard=False))
    ledger.reserve("1", "a/b", 50)
    assert "Soft limit passed" in caplog.text


def test_a_limit_set_while_a_reservation_waits_counts_it(ledger):
    ledger.set_limit(Limit("a", "total", "usd", 100))
    ledger.reserve("0", "a", 1)
    waiting = threading.Thread(target=ledger.reserve, args=("1", "a", 10))
    with ledger._database.write() as connection:
        ledger._wait_for_writers(connection)
        waiting.start()
        wait_for_a_lock(connection)
        limit = {"scope": "a", "per": "total", "unit": "calls", "amount": 5, "hard": True, "zone": "UTC", "pace": False}
        key = connection.execute(schema.limits.insert(), limit).inserted_primary_key[0]
        ledger._recount(connection, Limit(**limit, id=key))
    waiting.join()
    assert {row["limit"].unit: row["reserved"] for row in ledger.limits("a")} == {"usd": 11, "calls": 2}


@pytest.mark.parametrize("step", ["reserve", "settle"])
def test_a_process_killed_while_its_statement_runs_leaves_books_that_agree(url, ledger, step):
    ledger.set_limit(Limit("a", "total", "usd", 100))
    process = subprocess.Popen(
        [sys.executable, "-c", USER, url, step], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "reserved\n"
    with ledger._database.write() as connection:
        connection.execute(select(schema.counters).with_for_update())
        process.stdin.write("go\n")
        process.stdin.flush()
        wait_for_a_lock(connection)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
    ledger.settle(ledger.reserve("last", "a", 1), 1)  # behind the dead process's statement, in the row's queue
    r = schema.reservations.c
    with ledger.read() as connection:
        rows = connection.execute(select(r.state, r.nano, r.cost)).all()
    row = ledger.limits("a")[0]
    assert row["reserved"] == sum(held.nano for held in rows if held.state == "open")
    assert row["used"] == sum(held.cost for held in rows if held.state == "settled")
    assert row["used"] == sum(day["cost"] for day in ledger.spend())


def wait_for_a_lock(connection):
    for _ in range(1000):
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        if connection.execute(text(waits)).scalar():
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
