"""Errors in OpenAI's shape, or Anthropic's: `Refusal`, and what HTTP status each of Leeroo's errors is."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from leeroo.errors import (
    BudgetExceeded,
    ConfigError,
    ExpertsFailed,
    InvalidRequest,
    LeerooError,
    NoEligibleExpert,
)
from leeroo.ledger.limits import SECOND, LedgerError
from leeroo.routing.router import Router

# Kind of the last failure -> status, OpenAI's type, code. Everything else is the experts' fault: 502.
_FAILED: dict[str, tuple[int, str, str]] = {
    "bad_request": (400, "invalid_request_error", "bad_request"),
    "context_overflow": (400, "invalid_request_error", "context_length_exceeded"),
    "content_filter": (400, "invalid_request_error", "content_filter"),
    "rate_limit": (429, "rate_limit_error", "rate_limit_exceeded"),
    "timeout": (504, "server_error", "timeout"),
    "deadline": (504, "server_error", "timeout"),
}
_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""What Anthropic calls the errors of a status; others are its `api_error`."""
Shape = Literal["openai", "anthropic"]
_RESTING = ("cooling down", "being probed", "unhealthy")


@dataclass(eq=False)
class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        message: What is wrong, and the remedy.
        type: OpenAI's type of error.
        code: What programs look at.
        param: The parameter that is at fault.
        headers: Sent with it.
        record: The call's record, where there was a call.
    """

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None

    def body(self, shape: Shape = "openai") -> dict[str, Any]:
        """The JSON of the answer, or of the error event of a stream.

        Args:
            shape: Whose clients are to know it.
        """
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        if shape == "anthropic":
            fault = "invalid_request_error" if self.status < 500 else "api_error"
            error["type"] = _ANTHROPIC.get(self.status, fault)
        body: dict[str, Any] = {"type": "error"} if shape == "anthropic" else {}
        return {**body, "error": error, **({"leeroo": self.record} if self.record is not None else {})}

    def encoded(self, shape: Shape = "openai") -> bytes:
        """`body` as ASCII: what a client sent may hold characters that UTF-8 has no bytes for."""
        return json.dumps(self.body(shape)).encode()


def shape_of(path: str) -> Shape:
    """The shape of the errors of a path."""
    return "anthropic" if path.startswith("/v1/messages") else "openai"


def refusal_of(error: LeerooError, router: Router, scope: str | None) -> Refusal:
    """One of Leeroo's errors as clients of OpenAI know them.

    An exhausted budget is a 402: asking again is of no use. Only where a limit on the number of calls is used up, which
    time mends, is it a 429 with `Retry-After`.

    Args:
        error: What was raised.
        router: Whose ledger knows the limits.
        scope: The account of the call.
    """
    record: Any = getattr(error, "record", None)
    message = str(error)
    if isinstance(error, BudgetExceeded):
        seconds = _until_calls_are_let_in(router, scope)
        if seconds is not None:
            return Refusal(429, message, "rate_limit_error", "rate_limit_exceeded", None, after(seconds), record)
        return Refusal(402, message, "insufficient_quota", "budget_exceeded", record=record)
    if isinstance(error, NoEligibleExpert):
        reasons = [c["ineligible"] for c in (record or {}).get("candidates", ()) if c.get("ineligible")]
        if any(reason.startswith(_RESTING) for reason in reasons):
            return Refusal(503, message, "server_error", "no_eligible_expert", None, after(1), record)
        return Refusal(400, message, code="no_eligible_expert", record=record)
    if isinstance(error, ExpertsFailed):
        kinds = [attempt["error"] for attempt in (record or {}).get("attempts", ()) if attempt["error"]]
        status, kind, code = _FAILED.get(kinds[-1] if kinds else "", (502, "server_error", "experts_failed"))
        return Refusal(status, message, kind, code, headers=after(1) if status == 429 else {}, record=record)
    if isinstance(error, (InvalidRequest, ConfigError)):
        return Refusal(400, message)
    # The ledger is down, or something else that is not the client's to mend or to know more of.
    what = "The ledger cannot be reached" if isinstance(error, LedgerError) else "Leeroo cannot answer"
    return Refusal(503, f"{what}; the server's log says why.", "server_error", "unavailable", headers=after(5))


def after(seconds: float) -> dict[str, str]:
    """The header that says when to ask again."""
    return {"Retry-After": str(max(1, int(seconds + 0.999)))}


def _until_calls_are_let_in(router: Router, scope: str | None) -> float | None:
    """Seconds until a scope may make calls again; None where its number of calls is not what is used up."""
    limits = getattr(router.ledger, "limits", None)
    if limits is None:
        return None
    now = int(time.time() * SECOND)
    ends = []
    for row in limits(scope or "*"):
        limit = row["limit"]
        end = limit.window(now)[1]
        if limit.hard and limit.unit == "calls" and not row["left"] and end is not None:
            ends.append((end - now) / SECOND)
    return max(ends, default=None)
