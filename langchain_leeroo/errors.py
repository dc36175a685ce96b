"""Our errors as LangChain's: what agents, retries and fallbacks of LangChain know how to handle."""

from typing import TypeVar

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputParserException,
)

from leeroo.errors import ExpertsFailed, LeerooError, NoEligibleExpert

E = TypeVar("E", bound=LeerooError)


class PromptTooLong(NoEligibleExpert, ContextOverflowError):
    """No expert's context window takes the prompt, and nobody was asked."""


class Overflowed(ExpertsFailed, ContextOverflowError):
    """An expert refused the prompt for its length, and no other answered."""


class RateLimited(ExpertsFailed, ModelRateLimitError):
    """Experts were busy, and none answered; the same call may succeed later."""


class TimedOut(ExpertsFailed, ModelTimeoutError):
    """Experts did not answer in time; the same call may succeed later."""


class Unreached(ExpertsFailed, ModelConnectionError):
    """Experts could not be reached; the same call may succeed later."""


class ServerFailed(ExpertsFailed, ModelAPIError):
    """Experts' servers failed, or sent what is no answer; the same call may succeed later."""


class Unauthenticated(ExpertsFailed, ModelAuthenticationError):
    """An expert refused the key."""


class Forbidden(ExpertsFailed, ModelPermissionDeniedError):
    """An expert does not allow this to the key."""


class ModelUnknown(ExpertsFailed, ModelNotFoundError):
    """An expert's model does not exist there."""


class Refused(ExpertsFailed, ModelInvalidRequestError):
    """An expert refused the request itself."""


class Unparsed(ExpertsFailed, OutputParserException):
    """Experts answered, and none in the schema's form; nothing of the answers is in it.

    Also an `OutputParserException`, and so a `ValueError`, for those who catch that.
    """

    observation: str | None = None
    llm_output: str | None = None
    send_to_llm: bool = False


_BY_KIND: dict[str, type[ExpertsFailed]] = {
    "auth": Unauthenticated,
    "bad_answer": ServerFailed,
    "bad_request": Refused,
    "connection": Unreached,
    "content_filter": Refused,
    "context_overflow": Overflowed,
    "not_found": ModelUnknown,
    "rate_limit": RateLimited,
    "server": ServerFailed,
    "timeout": TimedOut,
    "unparsable": Unparsed,
}


def as_langchain(error: LeerooError) -> LeerooError:
    """The error as one that is LangChain's as well, where LangChain has a name for it; else as it is.

    Args:
        error: Ours; its cause and what it carries are kept.
    """
    if isinstance(error, (ModelError, Unparsed)):
        return error
    if isinstance(error, NoEligibleExpert):
        return _take_over(PromptTooLong(str(error)), error) if error.kind == "context_overflow" else error
    if not isinstance(error, ExpertsFailed):
        return error
    both = Forbidden if error.status == 403 else _BY_KIND.get(error.kind or "")
    return error if both is None else _take_over(both(str(error)), error)


def _take_over(new: E, old: LeerooError) -> E:
    vars(new).update(vars(old))
    new.__cause__ = old.__cause__
    return new
