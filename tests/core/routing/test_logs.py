"""One event per decision, failure, failover, refusal and closed call, with fields that JSON formatters can use."""

import logging

import pytest

from leeroo import Budget, BudgetExceeded, Query, Usage
from tests.core.routing.refused import Refused


@pytest.fixture
def events(caplog):
    caplog.set_level(logging.DEBUG, logger="leeroo")
    return lambda: [r for r in caplog.records if hasattr(r, "event")]


def test_a_call_with_a_failover_is_told_in_order(make_router, events):
    with make_router().open(Query(text="the mole is in Vienna"), Budget(scope="acme")) as call:
        for attempt in call.attempts():
            if attempt.expert.name == "large":
                attempt.failed(Refused(429, 7, "the mole is in Vienna"))
            else:
                attempt.succeeded(Usage(10, 100))
                break
    told = events()
    assert [r.event for r in told] == ["decision", "failure", "failover", "call"]
    decision, failure, failover, closed = told
    assert {r.call_id for r in told} == {call.id}
    assert (decision.expert, decision.scope) == ("large", "acme")
    assert (failure.levelname, failure.expert, failure.kind, failure.status, failure.retry_after) == (
        "WARNING", "large", "rate_limit", 429, 7.0,
    )  # fmt: skip
    assert (failover.expert, failover.tries) == ("medium", 2)
    assert (closed.expert, closed.answered, closed.output_tokens, closed.tries) == ("medium", True, 100, 2)
    assert closed.cost == call.record["cost"]
    assert "Vienna" not in str([vars(r) for r in told])
    assert failure.getMessage().startswith(f"failure call_id={call.id} expert=large kind=rate_limit")


def test_a_refusal_is_told_once(make_router, events):
    with pytest.raises(BudgetExceeded):
        make_router().open(Query(text="hi"), Budget(max_cost=0.0))
    assert [(r.event, r.reason) for r in events()] == [("refusal", "BudgetExceeded")]


def test_nothing_is_formatted_where_nobody_listens(make_router, caplog):
    caplog.set_level(logging.CRITICAL, logger="leeroo")
    with make_router().open(Query(text="hi")) as call:
        next(call.attempts()).succeeded(Usage(1, 1))
    assert caplog.records == []
