"""OpenTelemetry spans of a call, where the application uses OpenTelemetry; no dependency and no cost otherwise.

One span for the routing, and beneath it one per attempt by the GenAI conventions. They are written when the call ends,
with the times that it had, so that generators and threads need no active span. No prompt and no answer is in them.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any

from leeroo._version import __version__
from leeroo.pool.pool import Pool

NOT_SENT = ("budget", "deadline", "unhealthy")
"""Attempts with these errors were passed over without a request."""


def emit(record: Mapping[str, Any], pool: Pool, seconds: float) -> None:
    """Write the spans of a call that has just ended.

    Args:
        record: The call's record.
        pool: The experts, for the names of their models and providers.
        seconds: How long ago the call was opened.
    """
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return  # an application that exports spans has imported it
    tracer = trace.get_tracer("leeroo", __version__)
    end = time.time_ns()
    start = end - int(seconds * 1e9)
    about = {
        "leeroo.call_id": record["call_id"],
        "leeroo.expert": record["expert"],
        "leeroo.predicted_quality": record["predicted_quality"],
        "leeroo.adequate": record["adequate"],
        "leeroo.rule": record["rule"],
        "leeroo.cost": record["cost"],
        "leeroo.saved": record["saved"],
        **{f"leeroo.budget.{key}": value for key, value in record["budget"].items()},
    }
    span = tracer.start_span("leeroo route", start_time=start, attributes=_set(about))
    if span.is_recording():
        moment = start + int(record["router_latency"] * 1e9)
        for attempt in record["attempts"]:
            if attempt["error"] not in NOT_SENT:
                moment = _attempt(trace, tracer, span, attempt, record, pool, moment, end)
        if record["output_tokens"] is None:
            span.set_status(trace.Status(trace.StatusCode.ERROR))
    span.end(end_time=end)


def _attempt(
    trace: Any,
    tracer: Any,
    parent: Any,
    attempt: Mapping[str, Any],
    record: Mapping[str, Any],
    pool: Pool,
    start: int,
    latest: int,
) -> int:
    expert = pool[attempt["expert"]]
    about = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": expert.provider,
        "gen_ai.request.model": expert.model_id,
        "leeroo.expert": expert.name,
        "leeroo.cost": attempt["cost"],
        "error.type": attempt["error"],
    }
    if attempt["error"] is None:
        about["gen_ai.usage.input_tokens"] = record["input_tokens"]
        about["gen_ai.usage.output_tokens"] = record["output_tokens"]
    child = tracer.start_span(
        f"chat {expert.model_id}",
        context=trace.set_span_in_context(parent),
        kind=trace.SpanKind.CLIENT,
        start_time=start,
        attributes=_set(about),
    )
    if attempt["error"] is not None:
        child.set_status(trace.Status(trace.StatusCode.ERROR, attempt["error"]))
    end = min(latest, start + int(attempt["latency"] * 1e9))
    child.end(end_time=end)
    return end


def _set(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if value is not None}
