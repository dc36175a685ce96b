"""Who refuses says whose limit it is, how large, when it resets, and what to do.

Met in BerriAI/litellm#4208, #14144 and #10022 (which budget was exceeded, and when it resets).
"""

import pytest

import leeroo
from leeroo import Budget, BudgetExceeded, Query
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import ledger_of


def refused(router, **budget):
    with pytest.raises(BudgetExceeded) as caught:
        router.open(Query(text="hi"), Budget(**budget))
    return str(caught.value)


def test_a_scopes_limit_is_named_with_its_window_and_its_reset(make_router, tmp_path):
    ledger = ledger_of(f"sqlite:///{tmp_path}/ledger.db")
    ledger.set_limit(Limit.of("acme/team-a", "day", "usd", 0.000001, zone="Europe/Berlin"))
    router = make_router(ledger=ledger)
    message = refused(router, scope="acme/team-a/user-7")
    assert "scope 'acme/team-a'" in message
    assert "0.000001 USD per day" in message
    assert "resets: 20" in message
    assert "leeroo scopes set" in message
    assert "max_cost" not in message
    assert "Raise max_cost" in refused(router, scope="acme/team-a/user-7", max_cost=0.0000001)


def test_a_blocks_total_is_named(make_router):
    router = make_router()
    with leeroo.budget(max_total_cost=0.000001):
        message = refused(router)
    assert "max_total_cost=1e-06" in message
    assert "Raise max_cost" not in message


def test_a_calls_own_cap_is_named_as_before(make_router):
    assert "Raise max_cost" in refused(make_router(), max_cost=0.000001)
