"""Prometheus metrics of all routers in a process (extra `metrics`): call `enable()` once, and serve the registry.

    leeroo.routing.metrics.enable()
    prometheus_client.start_http_server(9464)

Names and figures only. Labels are experts of the pool and kinds of failure; scopes are a label only where asked for,
since every scope makes a series of its own.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from leeroo.errors import MissingDependency
from leeroo.routing.observers import Watched, observers
from leeroo.routing.telemetry import NOT_SENT

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
"""Bounds of the latency histograms, from the quickest small models to the default timeout."""
BREAKER = {"closed": 0, "half-open": 1, "open": 2}


def enable(registry: "CollectorRegistry | None" = None, *, by_scope: bool = False) -> "Metrics":
    """Count every call of every router in this process from now on.

    Args:
        registry: Where the metrics are registered; prometheus-client's own when absent.
        by_scope: Whether calls, cost and refusals carry the scope as a label.

    Raises:
        MissingDependency: prometheus-client is not installed.
    """
    try:
        import prometheus_client
    except ImportError:
        raise MissingDependency("Metrics need prometheus-client: pip install 'leeroo[metrics]'") from None
    metrics = Metrics(registry or prometheus_client.REGISTRY, by_scope=by_scope)
    observers.append(metrics.observe)
    return metrics


class Metrics:
    """The metrics on one registry. Made by `enable`.

    Args:
        registry: Where they are registered.
        by_scope: Whether calls, cost and refusals carry the scope as a label.
    """

    def __init__(self, registry: "CollectorRegistry", *, by_scope: bool) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        scope = ["scope"] if by_scope else []
        self._by_scope = by_scope
        self._registry = registry
        self._routers: WeakSet[Watched] = WeakSet()
        on: dict[str, Any] = {"registry": registry}
        self._calls = Counter(
            "leeroo_calls", "Closed calls, by the expert that answered.", ["expert", "answered", *scope], **on
        )
        self._cost = Counter("leeroo_cost_usd", "USD spent, failed attempts included.", ["expert", *scope], **on)
        # A gauge, since an answer may cost more than the reference's would have.
        self._saved = Gauge("leeroo_saved_usd", "USD saved against the reference expert, summed.", scope, **on)
        self._tokens = Counter("leeroo_tokens", "Tokens of answered calls.", ["expert", "kind"], **on)
        self._failures = Counter("leeroo_failures", "Failed attempts, by kind of failure.", ["expert", "kind"], **on)
        self._passed = Counter(
            "leeroo_passed_over", "Experts passed over without a request, by reason.", ["expert", "reason"], **on
        )
        self._refusals = Counter("leeroo_refusals", "Requests refused before any attempt.", ["error", *scope], **on)
        self._attempt = Histogram(
            "leeroo_attempt_seconds", "Seconds of attempts that answered.", ["expert"], buckets=SECONDS, **on
        )
        self._call = Histogram(
            "leeroo_call_seconds", "Seconds of answered calls, failovers included.", [], buckets=SECONDS, **on
        )
        self._decision = Histogram(
            "leeroo_decision_seconds", "Seconds of routing decisions.", [],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25), **on,
        )  # fmt: skip
        registry.register(self)

    def disable(self) -> None:
        """Stop counting, and take the metrics off the registry."""
        observers.remove(self.observe)
        mine = (
            self, self._calls, self._cost, self._saved, self._tokens, self._failures, self._passed, self._refusals,
            self._attempt, self._call, self._decision,
        )  # fmt: skip
        for collector in mine:
            self._registry.unregister(collector)

    def observe(self, router: Watched, record: Mapping[str, Any], seconds: float, refused: str | None) -> None:
        """Count a call that has ended, or a refused request."""
        self._routers.add(router)
        scope = [record["budget"].get("scope") or ""] if self._by_scope else []
        self._decision.observe(record["router_latency"])
        if refused is not None:
            self._refusals.labels(refused, *scope).inc()
            return
        answered = record["output_tokens"] is not None
        expert = record["expert"] or ""
        self._calls.labels(expert if answered else "", str(answered).lower(), *scope).inc()
        for attempt in record["attempts"]:
            self._count(attempt, scope)
        if answered:
            (self._saved.labels(*scope) if scope else self._saved).inc(record["saved"])
            self._call.observe(seconds)
            for kind in ("input", "output", "cached"):
                self._tokens.labels(expert, kind).inc(record[f"{kind}_tokens"] or 0)

    def _count(self, attempt: Mapping[str, Any], scope: list[str]) -> None:
        name, error = attempt["expert"], attempt["error"]
        if error in NOT_SENT:
            self._passed.labels(name, error).inc()
            return
        self._cost.labels(name, *scope).inc(attempt["cost"])
        if error is None:
            self._attempt.labels(name).observe(attempt["latency"])
        else:
            self._failures.labels(name, error).inc()

    def collect(self) -> Iterator[Any]:
        """The breakers, as they are when the registry is read; prometheus-client calls this."""
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily(
            "leeroo_breaker_state", "0 closed, 1 half-open, 2 open; the worst of all routers.", labels=["expert"]
        )
        worst: dict[str, int] = {}
        for router in list(self._routers):
            for expert in router.pool:
                state = BREAKER[router.health.breaker(expert)]
                worst[expert.name] = max(worst.get(expert.name, 0), state)
        for name, state in worst.items():
            family.add_metric([name], state)
        yield family
