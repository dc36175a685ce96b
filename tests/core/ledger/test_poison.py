"""What the data is to blame for is no outage: it is refused or set aside, and the rest goes on."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import pytest

from leeroo import BudgetExceeded
from leeroo.ledger import at_once
from leeroo.ledger.database import Database
from leeroo.ledger.limits import LedgerError, Limit, UnfitData
from leeroo.ledger.opening import open_ledger


def going_on(url):
    return open_ledger(url + ("&" if "?" in url else "?") + "on_failure=continue")


def refuse(monkeypatch, times, *, after=False):
    """Let the next transactions fail as an outage does, before or after they were committed."""
    real, left = Database.write, [times]

    @contextmanager
    def write(self):
        if left[0] and not after:
            left[0] -= 1
            raise LedgerError("down")
        with real(self) as connection:
            yield connection
        if left[0]:
            left[0] -= 1
            raise LedgerError("the answer to COMMIT got lost")

    monkeypatch.setattr(Database, "write", write)
    monkeypatch.setattr(at_once, "reserve", lambda *_: None)
    monkeypatch.setattr(at_once, "settle", lambda *_: False)


@pytest.mark.parametrize(("name", "value"), [("call_id", "a\x00b"), ("expert", "\ud800"), ("model", "x\x00")])
def test_data_that_cannot_be_kept_does_not_turn_off_limits(url, name, value):
    ledger = going_on(url)
    ledger.set_limit(Limit.of("a", "total", "usd", 1e-9))
    for _ in range(5):
        row = {"call_id": "1", "scope": "a", "nano": 1, **{name: value}}
        with suppress(UnfitData, BudgetExceeded):  # SQLite takes what PostgreSQL refuses; then the limit does
            assert ledger.reserve(row.pop("call_id"), row.pop("scope"), row.pop("nano"), **row) > 0
    assert ledger.pending == 0
    assert ledger.limits("a")[0]["reserved"] <= 1
    ledger.close()


def test_one_write_that_can_never_be_booked_stops_no_other(ledger, monkeypatch, caplog):
    first, second = ledger.reserve("1", "a", 100), ledger.reserve("2", "a", 100)
    with monkeypatch.context() as outage:
        refuse(outage, 10**6)
        ledger.write({"call_id": "bad\ud800", "budget": {}, "attempts": [], "cost": 0.0, "expert": "e"})
        ledger.settle(first, 7, tokens=10**16)
        ledger.settle(second, 10**400)
        assert ledger.pending == 3
    ledger._later.catch_up()
    assert ledger.pending == 0
    assert not ledger.open_reservations()
    [row] = ledger.set_aside()
    assert row["what"].startswith("record of call bad")
    assert "set aside" in caplog.text


def test_a_lost_answer_to_commit_books_once(url, monkeypatch):
    ledger = going_on(url)
    ledger.set_limit(Limit.of("a", "total", "usd", 1))
    with monkeypatch.context() as outage:
        refuse(outage, 1, after=True)
        reservation = ledger.reserve("1", "a", 100)  # it is there, and nobody knows
    assert reservation < 0
    with monkeypatch.context() as outage:
        refuse(outage, 1, after=True)
        ledger.settle(reservation, 18)
        assert ledger.pending == 1
    ledger._later.catch_up()
    row = ledger.limits("a")[0]
    assert (row["used"], row["reserved"], ledger.pending) == (18, 0, 0)
    [day] = ledger.spend()
    assert (day["attempts"], day["cost"]) == (1, 18)
    ledger.close()


def test_a_restored_ledger_gets_what_waits_and_nobody_elses_reservation_is_touched(tmp_path):
    path = tmp_path / "l.db"
    ledger = open_ledger(f"sqlite:///{path}")
    ledger.set_limit(Limit.of("a", "total", "usd", 1))
    ledger.close()
    shutil.copy(path, tmp_path / "backup.db")
    held = ledger.reserve("1", "a", 100)
    ledger.close()
    for side in ("l.db-wal", "l.db-shm"):
        (tmp_path / side).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", path)
    other = open_ledger(f"sqlite:///{path}")
    others = other.reserve("2", "a", 1000)
    assert others == held  # the same number, another attempt
    ledger.settle(held, 40)
    row = other.limits("a")[0]
    assert (row["used"], row["reserved"]) == (40, 1000)
    other.close()
    ledger.close()


def test_a_fork_inherits_no_waiting_writes(tmp_path, monkeypatch):
    folder = tmp_path / "later"
    ledger = going_on(f"sqlite:///{folder}/l.db")
    ledger.settle(ledger.reserve("1", "a", 100), 18)
    assert ledger.pending == 1
    folder.mkdir()
    pid = os.fork()
    if not pid:
        try:
            ledger.settle(ledger.reserve("2", "a", 100), 30)
        finally:
            os._exit(ledger.pending)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    ledger._later.catch_up()
    [day] = ledger.spend()
    assert (day["attempts"], day["cost"]) == (2, 48)
    ledger.close()


FORKING = """
import os, sys, threading, time
from leeroo.ledger.opening import open_ledger

ledger = open_ledger(sys.argv[1])
over = threading.Event()

def busy():
    while not over.is_set():
        ledger.settle(ledger.reserve("x", "a", 1), 1)
        ledger.limits("a")

threads = [threading.Thread(target=busy, daemon=True) for _ in range(4)]
for thread in threads:
    thread.start()
for number in range(25):
    pid = os.fork()
    if not pid:
        mine = open_ledger(sys.argv[1])
        mine.settle(mine.reserve(str(number), "b", 1), 1)
        ledger.settle(ledger.reserve(str(number), "b", 1), 1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
over.set()
"""


def test_forks_beside_busy_threads_do_not_hang(tmp_path):
    url = f"sqlite:///{tmp_path}/l.db"
    subprocess.run([sys.executable, "-c", FORKING, url], timeout=120, check=True)
    ledger = open_ledger(url)
    [spent] = [row for row in ledger.spend("scope") if row["scope"] == "b"]
    assert spent["cost"] == 50
    ledger.close()


def test_a_fork_waits_for_who_is_inside(tmp_path):
    from leeroo.ledger.forks import FORKS

    inside, leave, forked = threading.Event(), threading.Event(), threading.Event()

    def hold():
        with FORKS.outside():
            inside.set()
            leave.wait(20)
            assert not forked.is_set()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(20)
    threading.Timer(0.2, leave.set).start()
    with FORKS.outside():  # the one that forks may be inside itself
        pid = os.fork()
    if not pid:
        os._exit(0)
    forked.set()
    assert os.waitpid(pid, 0)[1] == 0
    thread.join()
