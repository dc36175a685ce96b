"""Calls of a router on the SQL ledger: limits in tokens and calls hold, and reports tell who was paid for what."""

import pytest

from leeroo import Budget, BudgetExceeded, Query, Usage
from leeroo.ledger.limits import Limit

QUERY = Query(text="hi", max_tokens=500)


class Overloaded(Exception):
    status_code = 503


def answered(router, usage, query=QUERY):
    with router.open(query) as call:
        for attempt in call.attempts():
            attempt.succeeded(usage)
            return attempt
        raise call.exhausted()


def test_spend_names_expert_model_and_tokens(ledger, make_router):
    router = make_router(ledger=ledger, budget=Budget(scope="a"))
    with router.open(QUERY) as call:
        tries = call.attempts()
        next(tries).failed(Overloaded())
        next(tries).succeeded(Usage(10, 20))
    by_expert = {row["expert"]: row for row in ledger.spend("expert")}
    assert {name: (row["calls"], row["attempts"], row["tokens"]) for name, row in by_expert.items()} == {
        "large": (0, 1, 0),
        "medium": (1, 1, 30),
    }
    by_model = {row["model"]: row["cost"] for row in ledger.spend("model")}
    assert by_model == {"large-model": 0, "medium-model": round(call.record["cost"] * 1e9)}


def test_a_limit_in_tokens_lowers_the_output_cap_and_then_refuses(ledger, make_router):
    ledger.set_limit(Limit.of("a", "day", "tokens", 400))
    router = make_router(ledger=ledger, budget=Budget(scope="a"))
    first = answered(router, Usage(20, 150), Query(text="hi"))
    assert 300 < first.max_tokens < 400
    assert first.reserved_tokens == 400
    assert answered(router, Usage(20, 150)).reserved_tokens == 400 - 170
    with pytest.raises(BudgetExceeded, match=r"'a' .*400 tokens per day"):
        answered(router, Usage(20, 50))
    assert [(row["used"], row["reserved"]) for row in ledger.limits("a")] == [(340, 0)]


def test_what_may_have_been_billed_counts_all_its_tokens(ledger, make_router):
    ledger.set_limit(Limit.of("a", "day", "tokens", 10_000))
    router = make_router(ledger=ledger, budget=Budget(scope="a"))
    with router.open(QUERY) as call:
        tries = call.attempts()
        timed_out = next(tries)
        timed_out.failed(TimeoutError())
        next(tries).cancelled(Usage(10, 3))
    assert ledger.limits("a")[0]["used"] == timed_out.reserved_tokens + 13


def test_a_limit_in_calls_counts_a_call_with_retries_once(ledger, make_router):
    ledger.set_limit(Limit.of("a", "day", "calls", 1))
    router = make_router(ledger=ledger, budget=Budget(scope="a"))
    with router.open(QUERY) as call:
        tries = call.attempts()
        next(tries).failed(Overloaded())
        next(tries).succeeded(Usage(10, 3))
    with pytest.raises(BudgetExceeded, match=r"1 call\b"):
        answered(router, Usage(10, 3))
