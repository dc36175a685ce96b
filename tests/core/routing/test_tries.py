"""Whom a call tries next, and when it waits. Waits are asked for, not waited."""

import asyncio

import pytest

from leeroo import Budget, ExpertsFailed, Query, Usage
from leeroo.routing import tries
from tests.core.routing.refused import Refused


@pytest.fixture
def waits(monkeypatch):
    """The waits that calls ask for, with the largest jitter; no time passes."""
    asked = []
    monkeypatch.setattr(tries, "FIRST_WAIT", 0.5)
    monkeypatch.setattr(tries, "PATIENCE", 10.0)
    monkeypatch.setattr(tries.random, "uniform", lambda low, high: high)
    monkeypatch.setattr("leeroo.routing.call.time.sleep", asked.append)
    return asked


def run(router, script, budget=None, most=None):
    """Each expert raises what is next in its list, or answers."""
    asked = []
    with router.open(Query(text="hi"), budget) as call:
        for attempt in call.attempts(most):
            asked.append(attempt.expert.name)
            errors = script.get(attempt.expert.name, [])
            if not errors:
                attempt.succeeded(Usage(10, 100))
                return asked, call.finish()
            attempt.failed(errors.pop(0))
        error = call.exhausted()
    return asked, error


def test_the_next_expert_is_better_than_a_wait(make_router, waits):
    asked, _ = run(make_router(), {"large": [Refused(503)]})
    assert asked == ["large", "medium"]
    assert waits == []


def test_who_demands_a_quality_that_nobody_else_has_waits_for_it(make_router, waits):
    asked, record = run(make_router(), {"large": [Refused(503)]}, Budget(min_quality=0.8))
    assert asked == ["large", "large"]
    assert waits == [0.5]
    assert record["adequate"]


def test_an_adequate_fallback_is_better_than_a_wait(make_router, waits):
    asked, _ = run(make_router(), {"medium": [Refused(503)]}, Budget(min_quality=0.65))
    assert asked == ["medium", "large"]
    assert waits == []


def test_nobody_left_waits_twice_with_growing_backoff_then_gives_up(make_router, waits):
    down = {name: [Refused(503)] * 9 for name in ("small", "medium", "large")}
    asked, error = run(make_router(), down)
    assert asked == ["large", "medium", "small", "large", "medium"]
    assert waits == [0.5, 1.0]
    assert isinstance(error, ExpertsFailed)
    assert len(error.record["attempts"]) == 5


def test_what_the_provider_asks_for_is_waited_and_no_more_than_patience(make_router, make_expert, waits, monkeypatch):
    only = {"only": make_expert("only")}
    router = make_router(only, quality={"only": 0.9})
    now = 100.0
    monkeypatch.setattr(router.health, "_clock", lambda: now + sum(waits))
    asked, _ = run(router, {"only": [Refused(429, 3)]})
    assert asked == ["only", "only"]
    assert waits == [3.5]
    asked, error = run(router, {"only": [Refused(429, 11)]})
    assert asked == ["only"]
    assert "rate_limit" in str(error)


def test_the_waits_of_a_call_together_are_no_longer_than_patience(make_router, make_expert, waits, monkeypatch):
    router = make_router({"only": make_expert("only")}, quality={"only": 0.9})
    monkeypatch.setattr(router.health, "_clock", lambda: 100.0 + sum(waits))
    asked, error = run(router, {"only": [Refused(429, 6)] * 9})
    assert asked == ["only", "only"]
    assert waits == [6.5]
    assert isinstance(error, ExpertsFailed)


def test_a_wait_must_fit_the_deadline(make_router, make_expert, waits):
    router = make_router({"only": make_expert("only")}, quality={"only": 0.9})
    assert run(router, {"only": [Refused(503)]}, Budget(max_latency=0.4))[0] == ["only"]
    assert run(router, {"only": [Refused(503)]}, Budget(max_latency=2))[0] == ["only", "only"]


@pytest.mark.parametrize("error", [TimeoutError(), RuntimeError("?"), Refused(413)])
def test_what_a_wait_does_not_mend_is_not_tried_again(make_router, make_expert, waits, error):
    router = make_router({"only": make_expert("only")}, quality={"only": 0.9})
    assert run(router, {"only": [error]})[0] == ["only"]


def test_most_counts_every_attempt(make_router, waits):
    down = {name: [Refused(503)] * 9 for name in ("small", "medium", "large")}
    assert run(make_router(), down, most=4)[0] == ["large", "medium", "small", "large"]


def test_a_retry_must_fit_the_rest_of_the_money(make_router, make_expert, waits):
    router = make_router({"only": make_expert("only")}, quality={"only": 0.9})
    cut = ConnectionError("cut after the request was sent")  # billed at its worst case
    asked, error = run(router, {"only": [cut]}, Budget(max_cost=0.0003))
    assert asked == ["only"]
    assert [a["error"] for a in error.record["attempts"]] == ["connection", "budget"]
    assert error.record["cost"] <= 0.0003


async def test_waits_of_async_calls_leave_the_loop_free(make_router, make_expert, monkeypatch):
    monkeypatch.setattr(tries, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(tries, "PATIENCE", 1.0)
    monkeypatch.setattr("leeroo.routing.call.time.sleep", pytest.fail)
    router = make_router({"only": make_expert("only")}, quality={"only": 0.9})
    other = asyncio.ensure_future(asyncio.sleep(0))
    with router.open(Query(text="hi")) as call:
        count = 0
        async for attempt in call.aattempts():
            count += 1
            if count == 1:
                attempt.failed(Refused(503))
                continue
            attempt.succeeded(Usage(1, 1))
            break
    assert count == 2
    assert other.done()


def test_a_hedge_takes_the_next_expert_that_both_worst_cases_fit(make_router):
    router = make_router()
    with router.open(Query(text="hi", max_tokens=100), Budget(max_cost=0.02)) as call:
        first = next(call.attempts())
        second = call.hedge()
        assert (first.expert.name, second.expert.name) == ("large", "medium")
        second.succeeded(Usage(10, 100))
        first.cancelled()
        record = call.finish()
    assert record["expert"] == "medium"
    assert record["cost"] == pytest.approx(0.00105 + first.reserved / 1e9)
    assert record["cost"] <= 0.02


def test_a_hedge_that_the_money_does_not_pay_for_is_not_made_and_keeps_its_place(make_router):
    router = make_router()
    with router.open(Query(text="hi", max_tokens=100), Budget(max_cost=0.0113)) as call:
        tried = call.attempts()
        first = next(tried)
        assert first.expert.name == "large"
        assert call.hedge() is None or call.hedge() is None
        first.failed(Refused(503))
        assert next(tried).expert.name in ("medium", "small")


def test_a_call_that_is_tried_again_is_one_failure_to_the_breaker(make_router, make_expert, waits):
    router = make_router({"only": make_expert("only")}, quality={"only": 0.9})
    for _ in range(2):
        assert run(router, {"only": [Refused(503)] * 9})[0] == ["only"] * 3
    assert router.health.breaker(router.pool["only"]) == "closed"
    run(router, {"only": [Refused(503)] * 9})
    assert router.health.breaker(router.pool["only"]) == "open"
