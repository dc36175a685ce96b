"""Cool-downs that processes share through the ledger: two `Health`s on one database stand for two processes."""

import pytest

from leeroo.ledger.opening import open_ledger
from leeroo.routing.failures import Failure
from leeroo.routing.health import FIRST_COOL_DOWN, Health

DOWN = Failure("server", status=503)


@pytest.fixture
def processes(url, clock):
    """Two healths on the same ledger, each with its own connection to it."""
    ledgers = [open_ledger(url), open_ledger(url)]
    for ledger in ledgers:
        ledger.cool_downs._clock = clock
    yield [Health(clock, ledger.cool_downs) for ledger in ledgers]
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def expert(make_expert):
    return make_expert(base_url="http://127.0.0.1:1/v1")


def fail(health, expert, times=3, failure=DOWN):
    for _ in range(times):
        health.admit(expert, anyway=True)
        health.failed(expert, failure)


def test_a_breaker_that_opens_here_opens_there(processes, expert, make_expert, clock):
    here, there = processes
    assert there.why_not(expert) is None
    fail(here, expert)
    clock.now += 1
    assert there.why_not(expert) == "cooling down for 4 s after failures in another process"
    assert there.breaker(expert) == "open"
    other_name = make_expert("another-name", model=expert.model, base_url=expert.base_url)
    assert "cooling down" in there.why_not(other_name)
    assert there.why_not(make_expert("other", base_url="http://127.0.0.1:2/v1")) is None


def test_one_process_probes_and_its_success_closes_the_breaker_for_all(processes, expert, clock):
    here, there = processes
    fail(here, expert)
    clock.now += FIRST_COOL_DOWN
    assert there.why_not(expert) is None
    assert there.admit(expert) is None
    assert "being probed by another process" in here.admit(expert)
    there.succeeded(expert, 1.0, 10)
    clock.now += 1.1
    assert here.why_not(expert) is None
    assert here.breaker(expert) == there.breaker(expert) == "closed"
    fail(here, expert, times=2)
    assert here.why_not(expert) is None


def test_a_process_that_dies_while_probing_holds_the_expert_for_a_while_only(processes, expert, clock):
    here, there = processes
    fail(here, expert)
    clock.now += FIRST_COOL_DOWN
    assert there.why_not(expert) is None
    assert there.admit(expert) is None  # and is never heard of again
    clock.now += 1.1
    assert "cooling down for 29 s" in here.why_not(expert)
    clock.now += 29
    assert here.why_not(expert) is None
    assert here.admit(expert) is None


def test_a_failed_probe_lets_all_wait_longer(processes, expert, clock):
    here, there = processes
    fail(here, expert)
    clock.now += FIRST_COOL_DOWN
    assert here.admit(expert) is None
    here.failed(expert, DOWN)
    clock.now += 1
    assert "cooling down for 9 s" in there.why_not(expert)


def test_a_ledger_that_is_down_leaves_each_process_with_what_it_knows(processes, expert, clock, monkeypatch, caplog):
    here, there = processes
    fail(here, expert)
    clock.now += 1
    assert there.why_not(expert)

    def down(*_):
        from leeroo.ledger.limits import LedgerError

        raise LedgerError("gone")

    for health in processes:
        monkeypatch.setattr(health._shared._database, "read", down)
        monkeypatch.setattr(health._shared._database, "write", down)
    clock.now += 1.1
    assert "cooling down" in there.why_not(expert)
    clock.now += FIRST_COOL_DOWN
    assert there.why_not(expert) is None
    assert there.admit(expert) is None
    there.succeeded(expert, 1.0, 10)
    assert there.breaker(expert) == "closed"
    assert "gone" in caplog.text


def test_routers_on_one_ledger_share_cool_downs(url, make_router):
    ledgers = [open_ledger(url), open_ledger(url)]
    first, second = (make_router(ledger=ledger) for ledger in ledgers)
    fail(first.health, first.pool["large"])
    assert "another process" in second.health.why_not(second.pool["large"])
    for ledger in ledgers:
        ledger.close()
