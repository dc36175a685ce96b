"""What went wrong with an expert, and what follows: `classify` and `Failure`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "rate_limit", "timeout", "connection", "server", "context_overflow", "content_filter",
    "bad_request", "auth", "not_found", "bad_answer", "cancelled", "other",
]  # fmt: skip

FATAL: frozenset[Kind] = frozenset({"bad_request", "auth", "not_found", "cancelled"})
"""Would fail everywhere, or is the caller's to mend: raised at once instead of tried elsewhere."""

BILLABLE: frozenset[Kind] = frozenset({"timeout", "bad_answer", "cancelled", "other"})
"""The provider may have worked and may charge: counted at the worst case. Plain HTTP errors are not billed."""

UNHEALTHY: frozenset[Kind] = frozenset({"rate_limit", "timeout", "connection", "server", "bad_answer"})
"""Says something of the expert rather than of the request: counts against its health."""

_STATUS: dict[int, Kind] = {
    400: "bad_request", 401: "auth", 403: "auth", 404: "not_found", 408: "timeout", 409: "server",
    413: "context_overflow", 422: "bad_request", 429: "rate_limit",
}  # fmt: skip
_OVERFLOW = (
    "context_length",
    "context length",
    "maximum context",
    "context window",
    "exceed_context",
    "too many tokens",
)
_FILTER = ("content_filter", "content filter", "content_policy", "content management policy")


@dataclass(frozen=True, slots=True)
class Failure:
    """A classified failure.

    Attributes:
        kind: What went wrong.
        sent: Whether the request may have reached the provider and been worked on.
        retry_after: Seconds after which the provider wants to be asked again.
        status: The HTTP status, where there was one.
    """

    kind: Kind
    sent: bool = True
    retry_after: float | None = None
    status: int | None = None

    @property
    def fatal(self) -> bool:
        """Whether another expert would not help."""
        return self.kind in FATAL

    @property
    def billable(self) -> bool:
        """Whether the attempt may cost money all the same."""
        return self.kind in BILLABLE or (self.kind == "connection" and self.sent)


def classify(error: BaseException) -> Failure:
    """Tell what an expert's exception means, whichever SDK raised it."""
    names = {cls.__name__ for e in _chain(error) for cls in type(e).__mro__}
    if names & {"CancelledError", "GeneratorExit", "KeyboardInterrupt"}:
        return Failure("cancelled")
    if names & {"ConfigError", "MissingDependency", "InvalidRequest"}:
        return Failure("bad_request", sent=False)  # ours: no key, no package; the expert was never asked
    text = str(error).lower()
    status = next((s for e in _chain(error) if isinstance(s := getattr(e, "status_code", None), int)), None)
    if any(word in text for word in _OVERFLOW) or "ContextOverflowError" in names:
        return Failure("context_overflow", status=status)
    if any(word in text for word in _FILTER) or "ContentFilterFinishReasonError" in names:
        return Failure("content_filter", status=status)
    if status is not None:
        kind = _STATUS.get(status, "server" if status >= 500 else "bad_request")
        return Failure(kind, retry_after=_retry_after(error), status=status)
    if names & {"APITimeoutError", "TimeoutError", "TimeoutException", "ReadTimeout"}:
        return Failure("timeout", sent="ConnectTimeout" not in names)
    if names & {"APIConnectionError", "ConnectionError", "TransportError", "NetworkError"}:
        unsent = {"ConnectError", "ConnectionRefusedError", "ConnectTimeout", "gaierror", "UnsupportedProtocol"}
        return Failure("connection", sent=not names & unsent)
    if names & {
        "BadAnswer",
        "JSONDecodeError",
        "APIResponseValidationError",
        "OutputParserException",
        "ValidationError",
    }:
        return Failure("bad_answer")
    if "TypeError" in names and "unexpected keyword argument" in text:
        return Failure("bad_request", sent=False)  # the SDK's own check of the caller's arguments
    if names & {"TypeError", "NotImplementedError"}:
        return Failure("bad_answer")
    return Failure("other")


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(6):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def _retry_after(error: BaseException) -> float | None:
    for link in _chain(error):
        headers = getattr(getattr(link, "response", None), "headers", None)
        value = headers.get("retry-after") if isinstance(headers, Mapping) else None
        if value is not None:
            try:
                return max(0.0, float(value))
            except ValueError:
                return None
    return None
