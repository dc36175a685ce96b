"""One request on its way: `Request`, and what the parts of the chat model need of each other: `Host`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import Runnable, RunnableConfig

from leeroo.budget import Budget
from leeroo.pool.experts import Expert
from leeroo.query import Query
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call


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
        bare: Whether the caller wants the structured output alone, so that one without its form is of no use at all.
        timeout: The caller's own limit of one attempt, in seconds.
        thread: A hash of the conversation's `thread_id`, None where the config has none.
    """

    prompt: PromptValue
    messages: list[BaseMessage]
    query: Query
    budget: Budget
    kwargs: dict[str, Any] = field(default_factory=dict)
    structured: dict[str, Any] | None = None
    raw: bool = True
    bare: bool = False
    timeout: float | None = None
    thread: str | None = None

    def seconds(self, attempt: Attempt) -> float:
        """How long an attempt may take."""
        return attempt.timeout if self.timeout is None else min(attempt.timeout, self.timeout)


@dataclass(frozen=True)
class Planned:
    """An input whose request is made already; LangChain's own batching hands it to `invoke`."""

    request: Request


class Host(Protocol):
    """What lies between a call and its expert: how a request is made and opened, and what an attempt is to call."""

    name: str
    """After which runs are named."""

    rate_limiter: BaseRateLimiter | None
    """Asked before every attempt."""

    most_attempts: int | None
    """Tries of one call, None for as many as the budget pays for."""

    consulting: Any
    """How several experts are consulted: a `leeroo.consult.settings.Consulting`, None for the usual way."""

    def request(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None,
        kwargs: Mapping[str, Any],
        *,
        bound: RunnableConfig | None = None,
        structured: Mapping[str, Any] | None = None,
        streaming: bool = False,
    ) -> tuple[Request, RunnableConfig]:
        """Everything of a call, sorted: what the router needs, what the expert is sent, and the config."""
        ...

    def bound(self, expert: Expert) -> Mapping[str, Any]:
        """Kwargs that the user has bound to an expert's model."""
        ...

    def open(self, request: Request) -> Call:
        """Decide, and open a call on the decision."""
        ...

    def configure(self, config: RunnableConfig) -> RunnableConfig:
        """The config with the chat model's own callbacks, tags and metadata."""
        ...

    def target(self, request: Request, attempt: Attempt) -> tuple[Runnable[Any, Any], dict[str, Any]]:
        """What to call for an attempt, and with which kwargs."""
        ...

    def prompt(self, request: Request, attempt: Attempt) -> PromptValue:
        """The request's messages as the attempt's expert can read them."""
        ...

    def may_ask_logprobs(self, request: Request, attempt: Attempt) -> bool:
        """Whether a consultation may ask the attempt's expert for log-probabilities that nobody has spoken of."""
        ...

    def listens(self, attempt: Attempt) -> bool:
        """Whether the expert's model has callbacks of its own."""
        ...

    @property
    def brief(self) -> bool:
        """Whether deciding takes no time worth a thread."""
        ...

    @property
    def expert_names(self) -> tuple[str, ...]:
        """The experts of the pool, in order."""
        ...


class Routed(Protocol):
    """A chat model that has a host; what is made from it asks for the host at each call, for settings may change."""

    name: str | None

    @property
    def _host(self) -> Host:
        """What lies between a call and its expert, with the settings of now."""
        ...
