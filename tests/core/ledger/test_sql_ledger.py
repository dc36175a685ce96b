"""The SQL ledger: limits that hold, books that agree, and a ledger that cannot be used says why."""

import logging
import os
import sqlite3
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo.errors import BudgetExceeded, ConfigError, LeerooError
from leeroo.ledger import schema
from leeroo.ledger.limits import LedgerError, Limit
from leeroo.ledger.opening import open_ledger

USD = 10**9


def test_the_tightest_limit_above_a_scope_holds(ledger):
    ledger.set_limit(Limit.of("a", "day", "usd", 3))
    ledger.set_limit(Limit.of("a/b", "total", "usd", 5))
    assert (ledger.remaining("a/b").nano, ledger.remaining("x").nano, ledger.remaining(None).nano) == (
        3 * USD,
        None,
        None,
    )
    held = ledger.reserve("1", "a/b", 2 * USD)
    with pytest.raises(BudgetExceeded, match=r"Scope 'a' .*3 USD per day \(UTC\); 2 USD.*2 USD\. Resets: 2"):
        ledger.reserve("2", "a/c", 2 * USD)
    ledger.settle(held, USD // 2)
    assert ledger.remaining("a/b").nano == 5 * USD // 2
    ledger.reserve("2", "a/c", 2 * USD)
    assert ledger.remaining("a").nano == USD // 2


def test_a_refused_reservation_leaves_no_trace(ledger):
    ledger.set_limit(Limit.of("a", "day", "usd", 10))
    ledger.set_limit(Limit.of("a/b", "day", "usd", 1))
    with pytest.raises(BudgetExceeded):
        ledger.reserve("1", "a/b", 2 * USD)
    assert [row["reserved"] for row in ledger.limits("a/b")] == [0, 0]
    assert ledger.open_reservations() == []


def test_calls_and_tokens_are_limited_and_a_retry_is_the_same_call(ledger):
    ledger.set_limit(Limit.of("*", "total", "calls", 2))
    ledger.set_limit(Limit.of("*", "total", "tokens", 100))
    ledger.settle(ledger.reserve("1", None, 5, tokens=90), 5, tokens=10)
    ledger.settle(ledger.reserve("1", None, 5, tokens=90), 5, tokens=50)
    with pytest.raises(BudgetExceeded, match="100 tokens"):
        ledger.reserve("2", None, 5, tokens=41)
    ledger.reserve("2", None, 5, tokens=40)
    with pytest.raises(BudgetExceeded, match="2 calls"):
        ledger.reserve("3", None, 0)


def test_a_window_resets_and_a_late_settlement_goes_to_its_own(ledger, now):
    ledger.set_limit(Limit.of("a", "minute", "usd", 1))
    held = ledger.reserve("1", "a", USD)
    now[0] += 60
    assert ledger.remaining("a").nano == USD
    ledger.settle(held, USD)
    assert ledger.remaining("a").nano == USD
    now[0] -= 60
    assert ledger.remaining("a").nano == 0


def test_a_soft_limit_warns_and_goes_on(ledger, caplog):
    ledger.set_limit(Limit.of("a", "day", "usd", 1, hard=False))
    with caplog.at_level(logging.WARNING, "leeroo.ledger"):
        ledger.reserve("1", "a", 2 * USD)
    assert "Soft limit passed: Scope 'a'" in caplog.text
    assert ledger.remaining("a").nano is None


def test_a_limit_set_later_counts_what_was_spent_before(ledger):
    ledger.settle(ledger.reserve("1", "a/b", USD), USD // 4)
    ledger.reserve("2", "a", USD)
    ledger.reserve("3", "ab", USD)
    ledger.set_limit(Limit.of("a", "day", "usd", 5))
    row = ledger.limits("a")[0]
    assert (row["used"], row["reserved"]) == (USD // 4, USD)


def test_an_abandoned_reservation_stands_until_released_and_its_true_cost_still_counts(ledger, now):
    ledger.set_limit(Limit.of("a", "total", "usd", 1))
    held = ledger.reserve("1", "a", USD)
    assert ledger.open_reservations(abandoned=True) == []
    now[0] += 901
    assert [row["id"] for row in ledger.open_reservations("a", abandoned=True)] == [held]
    assert ledger.remaining("a").nano == 0
    assert ledger.release(held)
    assert not ledger.release(held)
    assert ledger.remaining("a").nano == USD
    ledger.settle(held, USD // 2)
    ledger.settle(held, USD // 2)
    assert ledger.remaining("a").nano == USD // 2


def test_a_call_is_written_once_without_words_and_scored(ledger, make_router):
    from leeroo import Budget, Query
    from leeroo.routing.attempt import Usage

    router = make_router(ledger=ledger, budget=Budget(scope="a/b"))
    with router.open(Query(text="the secret question", prompt="the secret question")) as call:
        for attempt in call.attempts():
            attempt.succeeded(Usage(10, 20))
    ledger.write(call.record)
    ledger.feedback(call.id, 0.25)
    ledger.feedback(call.id, 0.75, "better than I thought")
    [row] = ledger.outcomes()
    assert (row["call_id"], row["score"], row["prompt_tokens"], row["completion_tokens"]) == (call.id, 0.75, 10, 20)
    [day] = ledger.spend("scope", "a")
    assert (day["scope"], day["calls"], day["attempts"]) == ("a/b", 1, 1)
    assert day["cost"] == row["cost"] == round(call.record["cost"] * USD)
    with pytest.raises(LeerooError, match="No call"):
        ledger.feedback("nobody", 1)


@settings(deadline=None, max_examples=15)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "a/b", "a/b/c", "x"]), st.integers(0, 50), st.integers(0, 50)), max_size=12
    )
)
def test_reservations_agree_with_a_plain_count(tmp_path_factory, steps):
    ledger = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('l')}/l.db")
    tops = {"a": 100, "a/b": 60}
    for scope, top in tops.items():
        ledger.set_limit(Limit(scope, "total", "usd", top))
    spent = dict.fromkeys(tops, 0)
    for number, (scope, worst, actual) in enumerate(steps):
        above = [top for top in tops if scope == top or scope.startswith(top + "/")]
        fits = all(spent[top] + worst <= tops[top] for top in above)
        try:
            held = ledger.reserve(str(number), scope, worst)
        except BudgetExceeded:
            assert not fits
            continue
        assert fits
        ledger.settle(held, min(worst, actual))
        for top in above:
            spent[top] += min(worst, actual)
    assert {row["limit"].scope: row["used"] for row in ledger.limits()} == spent
    ledger.close()


def test_a_ledger_that_is_down_refuses_or_goes_on_and_keeps_the_settlement(tmp_path, caplog):
    url = f"sqlite:///{tmp_path}/l.db"
    strict, lenient = open_ledger(url), open_ledger(url + "?on_failure=continue")
    held = lenient.reserve("0", "a", USD)
    with sqlite3.connect(tmp_path / "l.db") as connection:
        connection.execute("ALTER TABLE reservations RENAME TO gone")
    with pytest.raises(LedgerError, match="no such table"):
        strict.reserve("1", "a", USD)
    unreserved = lenient.reserve("1", "a", USD, tokens=9, expert="small")
    assert unreserved < 0
    assert "Going on without the ledger" in caplog.text
    lenient.settle(unreserved, USD // 4)
    lenient.settle(held, USD // 2)
    assert lenient.pending == 2
    with sqlite3.connect(tmp_path / "l.db") as connection:
        connection.execute("ALTER TABLE gone RENAME TO reservations")
    lenient.reserve("2", "a", USD)
    assert lenient.pending == 0
    assert {row["expert"]: row["cost"] for row in lenient.spend("expert")} == {"": USD // 2, "small": USD // 4}


def test_a_new_file_is_its_owners_only(tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path}/l.db")
    ledger.reserve("1", None, 1)
    for file in os.listdir(tmp_path):
        assert stat.S_IMODE(os.stat(tmp_path / file).st_mode) == 0o600


def test_an_older_ledger_is_brought_up_to_date_and_a_newer_one_refused(url, ledger, monkeypatch):
    steps = []
    newest = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", newest + 1)
    monkeypatch.setattr(schema, "MIGRATIONS", {newest: steps.append})
    open_ledger(url).close()
    open_ledger(url).close()
    assert len(steps) == 1
    monkeypatch.setattr(schema, "VERSION", newest)
    with pytest.raises(LedgerError, match=rf"version {newest + 1}, this Leeroo knows {newest}; upgrade"):
        open_ledger(url)


def test_a_damaged_or_read_only_file_is_named(tmp_path):
    file = tmp_path / "l.db"
    first = open_ledger(f"sqlite:///{file}")
    first.reserve("1", None, 1)
    first.close()
    with pytest.raises(LedgerError, match="readonly"):
        open_ledger(f"sqlite:///file:{file}?mode=ro&uri=true").reserve("1", None, 1)
    whole = file.read_bytes()
    for damaged in (b"not a ledger at all, but words" * 99, whole[: len(whole) // 2]):
        for side in tmp_path.glob("l.db-*"):
            side.unlink()
        file.write_bytes(damaged)
        with pytest.raises(LedgerError, match=r"l\.db is not usable"):
            open_ledger(f"sqlite:///{file}").reserve("1", None, 1)
    with pytest.raises(LedgerError, match="No such file"):
        open_ledger(f"sqlite:///{tmp_path}/no/l.db")


@pytest.mark.parametrize("wrong", ["nonsense", "mysql://a:pw1@b/c", "sqlite://", "sqlite:///x.db?on_failure=maybe"])
def test_a_url_that_is_no_ledgers_is_refused_without_its_password(wrong):
    with pytest.raises(ConfigError) as caught:
        open_ledger(wrong)
    assert "pw1" not in str(caught.value)
