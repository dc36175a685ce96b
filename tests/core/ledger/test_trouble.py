"""A ledger in trouble: what is refused, what goes on, and that nothing is lost or told that should not be."""

from contextlib import suppress

import pytest

from leeroo import Budget, Query, Usage
from leeroo.ledger.limits import LedgerError, Limit
from leeroo.ledger.opening import open_ledger

SECRET = "sk-the-mole-is-in-vienna"


def allow_pages(ledger, most):
    with ledger._database.write() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={most}")


def test_a_full_disk_is_named_and_loses_nothing(tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path}/l.db")
    ledger.set_limit(Limit.of("a", "total", "usd", 1))
    allow_pages(ledger, 1)  # no more than there are now
    held = []
    with pytest.raises(LedgerError, match=r"l\.db is not usable: database or disk is full \(free some space"):
        held.extend(ledger.reserve(f"call-{number}", "a", 10) for number in range(10_000))
    assert held
    row = ledger.limits("a")[0]
    assert (row["used"], row["reserved"]) == (0, 10 * len(held))
    ledger.settle(held[0], 5)  # may or may not fit: it is done, or waits
    allow_pages(ledger, 100_000)
    held.append(ledger.reserve("later", "a", 10))
    assert ledger.pending == 0
    row = ledger.limits("a")[0]
    assert (row["used"], row["reserved"]) == (5, 10 * (len(held) - 1))


def test_a_call_that_goes_on_without_the_ledger_says_so_and_is_booked_when_it_is_back(tmp_path, make_router):
    folder = tmp_path / "later"
    ledger = open_ledger(f"sqlite:///{folder}/l.db?on_failure=continue")
    router = make_router(ledger=ledger, budget=Budget(scope="a"))

    def called():
        with router.open(Query(text="hi")) as call:
            next(call.attempts()).succeeded(Usage(10, 20))
        return call.record

    first = called()
    assert first["ledger_down"]
    assert ledger.pending == 2
    folder.mkdir()
    second = called()
    assert not second["ledger_down"]
    assert ledger.pending == 0
    [day] = ledger.spend()
    assert (day["calls"], day["attempts"], day["tokens"]) == (2, 2, 60)
    assert day["cost"] == round((first["cost"] + second["cost"]) * 1e9)


def test_what_was_spent_without_the_ledger_counts_even_past_a_limit(tmp_path, caplog):
    folder = tmp_path / "later"
    ledger = open_ledger(f"sqlite:///{folder}/l.db?on_failure=continue")
    reservation = ledger.reserve("1", "a", 100)
    folder.mkdir()
    other = open_ledger(f"sqlite:///{folder}/l.db")
    other.set_limit(Limit("a", "total", "usd", 50))
    ledger.settle(reservation, 80)
    assert other.limits("a")[0]["used"] == 80
    assert "Hard limit passed: Scope 'a'" in caplog.text


def test_a_server_that_is_not_there_is_named_without_its_password():
    url = "postgresql+psycopg://someone:pw1@127.0.0.1:1/none"
    with pytest.raises(
        LedgerError, match=r"someone:\*\*\*@127\.0\.0\.1:1/none is not usable.*is the server up"
    ) as caught:
        open_ledger(url)
    assert "pw1" not in str(caught.value)
    assert open_ledger(url + "?on_failure=continue").reserve("1", None, 5) < 0


def test_errors_repeat_no_values(url, ledger):
    with pytest.raises(LedgerError) as caught, ledger._database.write() as connection:
        connection.exec_driver_sql(f"INSERT INTO feedback VALUES ('{SECRET}')")
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_call_that_a_full_disk_refused_is_no_call(tmp_path, make_router):
    ledger = open_ledger(f"sqlite:///{tmp_path}/l.db")
    router = make_router(ledger=ledger, budget=Budget(scope="a"))
    ledger.reserve("0", "a", 1)
    allow_pages(ledger, 1)
    with suppress(LedgerError):
        for _ in range(10_000):
            ledger.reserve("filler", "a", 1)
    for _ in range(3):
        with pytest.raises(LedgerError), router.open(Query(text="hi")) as call:
            next(call.attempts())
    allow_pages(ledger, 100_000)
    with router.open(Query(text="hi")) as call:
        next(call.attempts()).succeeded(Usage(10, 20))
    assert ledger.pending == 0
    assert sum(row["calls"] for row in ledger.spend()) == 1
