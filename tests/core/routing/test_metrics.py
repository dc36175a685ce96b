import pytest

from leeroo import Budget, BudgetExceeded, Query, Usage
from leeroo.routing import metrics
from leeroo.routing.observers import observers
from tests.core.routing.refused import Refused

prometheus_client = pytest.importorskip("prometheus_client")


@pytest.fixture
def counted():
    """Build metrics on a registry of their own, and a way to read one figure."""
    made = []

    def build(**kwargs):
        registry = prometheus_client.CollectorRegistry()
        made.append(metrics.enable(registry, **kwargs))
        return registry

    yield build
    for one in made:
        one.disable()
    assert not observers


def run(router, failing=(), budget=None):
    with router.open(Query(text="hi"), budget) as call:
        for attempt in call.attempts(2):
            if attempt.expert.name in failing:
                attempt.failed(Refused(503))
            else:
                attempt.succeeded(Usage(1000, 200, 50))
                break
        return call.finish()


def test_calls_money_tokens_and_failures_are_counted_by_expert(make_router, counted):
    registry = counted()
    router = make_router()
    record = run(router, failing=("large",))
    value = registry.get_sample_value
    assert value("leeroo_calls_total", {"expert": "medium", "answered": "true"}) == 1
    assert value("leeroo_cost_usd_total", {"expert": "medium"}) == pytest.approx(record["cost"])
    assert value("leeroo_cost_usd_total", {"expert": "large"}) == 0
    assert value("leeroo_saved_usd") == pytest.approx(record["saved"])
    tokens = {kind: value("leeroo_tokens_total", {"expert": "medium", "kind": kind}) for kind in ("input", "cached")}
    assert tokens == {"input": 1000, "cached": 50}
    assert value("leeroo_failures_total", {"expert": "large", "kind": "server"}) == 1
    assert value("leeroo_attempt_seconds_count", {"expert": "medium"}) == 1
    assert value("leeroo_call_seconds_count") == value("leeroo_decision_seconds_count") == 1
    run(router, failing=("large", "medium"))
    assert value("leeroo_calls_total", {"expert": "", "answered": "false"}) == 1


def test_breakers_are_read_when_the_registry_is(make_router, counted):
    registry = counted()
    router = make_router()
    run(router)
    assert registry.get_sample_value("leeroo_breaker_state", {"expert": "large"}) == 0
    for _ in range(3):
        run(router, failing=("large",))
    assert registry.get_sample_value("leeroo_breaker_state", {"expert": "large"}) == 2
    assert registry.get_sample_value("leeroo_breaker_state", {"expert": "small"}) == 0


def test_refusals_and_scopes(make_router, counted):
    registry = counted(by_scope=True)
    router = make_router()
    with pytest.raises(BudgetExceeded):
        router.open(Query(text="hi"), Budget(max_cost=0.0, scope="acme"))
    run(router, budget=Budget(scope="acme"))
    value = registry.get_sample_value
    assert value("leeroo_refusals_total", {"error": "BudgetExceeded", "scope": "acme"}) == 1
    assert value("leeroo_calls_total", {"expert": "large", "answered": "true", "scope": "acme"}) == 1
    assert value("leeroo_saved_usd", {"scope": "acme"}) == 0


def test_an_observer_that_fails_takes_no_answer_away(make_router, caplog):
    def broken(*_):
        raise RuntimeError("disk full")

    observers.append(broken)
    try:
        assert run(make_router())["expert"] == "large"
    finally:
        observers.remove(broken)
    assert "An observer of calls failed" in caplog.text
