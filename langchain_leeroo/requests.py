"""One request on its way: `Request`, and what the delegation needs of the chat model: `Host`."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import Runnable, RunnableConfig

from leeroo.budget import Budget
from leeroo.query import Query
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One request, ready to be routed.

    Attributes:
        prompt: What the expert is given: its messages are checked already, and are not checked again.
        messages: The same as messages.
        query: What the router sees of it.
        budget: What was said about money, quality and time nearer than the ambient budget.
        kwargs: What is meant for the expert.
        structured: Arguments of the expert's `with_structured_output`, None for a plain message.
        raw: Whether the expert is asked for its raw message beside the structured output. Streams of the output alone
            are finer without; their usage is overheard instead.
        timeout: The caller's own limit of one attempt, in seconds.
    """

    prompt: PromptValue
    messages: list[BaseMessage]
    query: Query
    budget: Budget
    kwargs: dict[str, Any] = field(default_factory=dict)
    structured: dict[str, Any] | None = None
    raw: bool = True
    timeout: float | None = None

    def seconds(self, attempt: Attempt) -> float:
        """How long an attempt may take."""
        return attempt.timeout if self.timeout is None else min(attempt.timeout, self.timeout)


@dataclass(frozen=True)
class Planned:
    """An input whose request is made already; LangChain's own batching hands it to `invoke`."""

    request: Request


class Host(Protocol):
    """What delegation needs of the chat model: how to open a call, and what to ask an attempt's expert."""

    def _open(self, request: Request) -> Call: ...

    async def _apart(self, work: Callable[..., T], *args: Any) -> T: ...

    def _attempts(self, call: Call) -> Iterator[Attempt]: ...

    def _aattempts(self, call: Call) -> AsyncIterator[Attempt]: ...

    @property
    def rate_limiter(self) -> BaseRateLimiter | None:
        """Asked before every attempt."""
        ...

    def _target(self, request: Request, attempt: Attempt) -> tuple[Runnable[Any, Any], dict[str, Any]]: ...

    def _listens(self, attempt: Attempt) -> bool: ...

    def _configure(self, config: RunnableConfig) -> RunnableConfig: ...

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """The runnable's name, after which its run is named."""
        ...
