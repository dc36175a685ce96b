"""What went wrong with an expert, and what follows: `classify`, `Failure`, and a policy for every kind.

A refusal speaks of one expert until a second one says the same: a bad key, an account without credit, a retired model,
a parameter that one model does not take are mended by asking the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from leeroo.routing.answers import UselessAnswer
from leeroo.routing.output_caps import Most, most_output
from leeroo.routing.refusals import told
from leeroo.routing.retry_after import retry_after

Kind = Literal[
    "rate_limit", "timeout", "connection", "server", "context_overflow", "content_filter",
    "bad_request", "auth", "not_found", "credit", "region", "signature", "unsupported", "config",
    "output_cap", "bad_answer", "cancelled", "other", "empty", "filtered", "truncated", "unparsable", "input_cut",
]  # fmt: skip


class Policy(NamedTuple):
    """What follows from a kind of failure.

    Attributes:
        elsewhere: The next expert is tried; else the failure is raised at once, being the caller's to mend.
        again: The same expert may well answer after a wait.
        billed: The provider may have worked and may charge: counted at the worst case.
        counts: Says something of the expert rather than of the request: counts against its health.
        aside: The expert is put aside for a while: until somebody repairs it, it would refuse every call.
        remedy: What to repair, for people; "" where nothing is.
    """

    elsewhere: bool = True
    again: bool = False
    billed: bool = False
    counts: bool = False
    aside: bool = False
    remedy: str = ""


POLICIES: dict[Kind, Policy] = {
    "rate_limit": Policy(again=True, counts=True, remedy="It is rate-limited."),
    "timeout": Policy(billed=True, counts=True, remedy="It takes too long; check base_url and the network."),
    "connection": Policy(
        again=True, billed=True, counts=True, remedy="Nobody answers there; check base_url, and that the server runs."
    ),
    "server": Policy(again=True, counts=True, remedy="It has trouble of its own; try again later."),
    "context_overflow": Policy(),
    "content_filter": Policy(),
    "bad_request": Policy(),
    "auth": Policy(
        aside=True, remedy="The endpoint refuses the key; renew it, and set it in the environment variable."
    ),
    "not_found": Policy(
        aside=True, remedy="There is nothing at this address, or not this model; check base_url and model."
    ),
    "credit": Policy(aside=True, remedy="Its account has no credit left, or is at its own limit; top it up."),
    "region": Policy(aside=True, remedy="The provider does not serve this country or region; use another endpoint."),
    "signature": Policy(remedy="The history holds thinking that only another model can read."),
    "unsupported": Policy(remedy="The model does not take a parameter or a kind of input that was sent."),
    "output_cap": Policy(
        remedy="It, or what is left of its account, gives fewer output tokens than were asked for; set its "
        "max_output_tokens, or top it up."
    ),
    "config": Policy(aside=True, remedy="The expert cannot be run as it is set up; its message says what is missing."),
    "bad_answer": Policy(billed=True, counts=True),
    "cancelled": Policy(elsewhere=False, billed=True),
    "other": Policy(billed=True),
    "empty": Policy(billed=True),
    "filtered": Policy(billed=True),
    "truncated": Policy(billed=True),
    "unparsable": Policy(billed=True),
    "input_cut": Policy(
        billed=True, remedy="It read a part of the prompt only; widen its window, or set context_window."
    ),
}

# A gateway that gave up waiting (504, 524) says nothing of the work behind it, which may be billed.
_STATUS: dict[int, Kind] = {
    400: "bad_request", 401: "auth", 402: "credit", 403: "auth", 404: "not_found", 408: "timeout", 409: "server",
    413: "context_overflow", 422: "bad_request", 429: "rate_limit", 451: "region", 504: "timeout", 524: "timeout",
}  # fmt: skip
_REFUSALS: frozenset[Kind] = frozenset(
    {"bad_request", "auth", "not_found", "credit", "region", "signature", "unsupported", "config"}
)
_RATE_LIMITS = frozenset(
    {
        "ModelRateLimitError",
        "RateLimitError",
        "ResourceExhausted",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsError",
    }
)
# LangChain's own family, by which its integrations say the same of every provider.
_MODEL_ERRORS: dict[str, Kind] = {
    "ModelAPIError": "server", "ModelAuthenticationError": "auth", "ModelConnectionError": "connection",
    "ModelInvalidRequestError": "bad_request", "ModelNotFoundError": "not_found",
    "ModelPermissionDeniedError": "auth", "ModelTimeoutError": "timeout",
}  # fmt: skip
_CONNECTION = frozenset(
    {
        "APIConnectionError",
        "ClientConnectionError",  # aiohttp's, and the next
        "ClientPayloadError",
        "ConnectionError",
        "NetworkError",
        "TransportError",
    }
)
_BAD_ANSWERS = frozenset(
    {
        "BadAnswer",
        "JSONDecodeError",
        "APIResponseValidationError",
        "OutputParserException",
        "ValidationError",
        "TypeError",
        "NotImplementedError",
    }
)
_FILTER_NAMES = frozenset({"ContentFilterFinishReasonError", "ModelRefusalError"})
# Their text holds what a model wrote, which may speak of anything.
_QUOTING = frozenset({"OutputParserException", "ValidationError", "JSONDecodeError"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A classified failure.

    Attributes:
        kind: What went wrong.
        sent: Whether the request may have reached the provider and been worked on.
        retry_after: Seconds after which the provider wants to be asked again.
        status: The HTTP status, where there was one.
        most: How much output it would have given, where it says so.
        own: The caller's own fault beyond doubt: we found it, and no expert was asked.
    """

    kind: Kind
    sent: bool = True
    retry_after: float | None = None
    status: int | None = None
    most: Most | None = None
    own: bool = False

    @property
    def fatal(self) -> bool:
        """Whether another expert would not help, whatever others say."""
        return self.own or not POLICIES[self.kind].elsewhere

    @property
    def refused(self) -> bool:
        """Whether the expert refused the request as it is, so that asking it again is of no use."""
        return self.kind in _REFUSALS

    @property
    def remedy(self) -> str:
        """What to repair, for people; "" where nothing is."""
        return POLICIES[self.kind].remedy

    @property
    def billable(self) -> bool:
        """Whether the attempt may cost money all the same."""
        return self.sent and POLICIES[self.kind].billed

    @property
    def again(self) -> bool:
        """Whether the same expert may well answer after a wait: it was busy, or was never reached."""
        return POLICIES[self.kind].again or (self.kind == "timeout" and not self.sent)


def classify(error: BaseException) -> Failure:
    """Tell what an expert's exception means, whichever SDK raised it."""
    # Only the error itself says that the caller gave up: an async timeout has a CancelledError behind it.
    if _names([error]) & {"CancelledError", "GeneratorExit", "KeyboardInterrupt"}:
        return Failure("cancelled")
    if isinstance(error, UselessAnswer):
        return Failure(error.kind)
    found = _classify(list(_causes(error)))
    context = error.__context__
    if found.kind == "other" and context is not None and error.__cause__ is None and not error.__suppress_context__:
        found = _classify([error, *_causes(context)])
    return found


def most_telling(met: Sequence[tuple[Failure, BaseException]]) -> tuple[Failure, BaseException]:
    """Of a call's failures the one that says most of what may help its caller.

    One that a wait may mend comes first, then an overflow, which a shorter prompt mends; of several the newest.
    """

    def telling(one: tuple[Failure, BaseException]) -> int:
        failure = one[0]
        return 2 if failure.again or failure.kind == "timeout" else int(failure.kind == "context_overflow")

    return max(reversed(met), key=telling)


def _classify(chain: list[BaseException]) -> Failure:
    names, text = _names(chain), " ".join(map(str, chain)).lower()
    status = next((s for link in chain if (s := _status(link)) is not None), None)
    if "InvalidRequest" in names:
        return Failure("bad_request", sent=False, own=True)
    if names & {"ConfigError", "MissingDependency"}:
        return Failure("config", sent=False)  # ours: no key, no package; the expert was never asked
    if (status == 429 and "insufficient_quota" not in text) or names & _RATE_LIMITS - {
        "RateLimitError",
        "ModelRateLimitError",
    }:
        # First: "too many tokens per minute" is no overflow.
        return Failure("rate_limit", retry_after=retry_after(chain), status=status)
    most = most_output(text)
    if most is not None and status in (400, 402, 422):
        return Failure("output_cap", status=status, most=most)
    said = None if names & _QUOTING and status is None else told(text, status)
    if said is not None:
        return Failure(said, status=status)
    if "ContextOverflowError" in names:
        return Failure("context_overflow", status=status)
    if names & _FILTER_NAMES:
        return Failure("content_filter", status=status)
    if names & _RATE_LIMITS:
        return Failure("rate_limit", retry_after=retry_after(chain), status=status)
    if status is not None:
        kind = _STATUS.get(status, "server" if status >= 500 else "bad_request")
        return Failure(kind, retry_after=retry_after(chain), status=status)
    return _without_status(names, text)


def _without_status(names: set[str], text: str) -> Failure:
    if "BadAnswer" in names:
        return Failure("bad_answer")  # our own reading gave it up, which the SDK tells as a lost connection
    if names & {"APITimeoutError", "TimeoutError", "TimeoutException", "ReadTimeout"}:
        return Failure("timeout", sent=not names & {"ConnectTimeout", "PoolTimeout"})
    if names & _CONNECTION:
        unsent = {"ConnectError", "ConnectionRefusedError", "ConnectTimeout", "gaierror", "UnsupportedProtocol"}
        return Failure("connection", sent=not names & unsent)
    if known := names & _MODEL_ERRORS.keys():
        return Failure(_MODEL_ERRORS[min(known)])
    if "TypeError" in names and "unexpected keyword argument" in text:
        return Failure("bad_request", sent=False)  # the SDK's own check of the caller's arguments
    if names & _BAD_ANSWERS:
        return Failure("bad_answer")
    return Failure("other")


def _names(chain: Iterable[BaseException]) -> set[str]:
    return {cls.__name__ for link in chain for cls in type(link).__mro__}


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from. Contexts are left out: they may be an error that the caller handles."""
    current: BaseException | None = error
    for _ in range(6):
        if current is None:
            return
        yield current
        current = current.__cause__


def _status(error: BaseException) -> int | None:
    """The HTTP status of an error: the openai and anthropic SDKs', httpx's and requests', or google's."""
    if "HttpProcessingError" in _names([error]):
        return None  # aiohttp could not read an answer, and says so with a code that no server sent
    response = getattr(error, "response", None)
    for value in (
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
    ):
        if isinstance(value, int) and 400 <= value < 600:
            return int(value)
    return None
