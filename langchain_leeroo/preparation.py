"""From what a caller gives to a `Request`: budget, what the expert is sent, and what the router sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig

from langchain_leeroo.messages import RawTools, schema_text, to_query
from langchain_leeroo.requests import Request
from leeroo.budget import BUDGET_KWARGS, NOTHING_SET, Budget, ambient, split_kwargs
from leeroo.errors import ConfigError, InvalidRequest
from leeroo.pool.extras import BODY
from leeroo.query import Capability
from leeroo.routing.router import Router

SENT = ("temperature", "top_p", "stop", "max_tokens")
"""Settings that are sent to the expert."""

_CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_TRACING_ONLY = ("ls_structured_output_format", "structured_output_format")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the chat model's own settings say about every call.

    Attributes:
        budget: Its budget.
        sent: What the expert is sent.
        timeout: Seconds of one attempt, None for the expert's own limit.
    """

    budget: Budget
    sent: Mapping[str, Any]
    timeout: float | None


def prepare(
    prompt: PromptValue,
    messages: list[BaseMessage],
    config: RunnableConfig,
    kwargs: Mapping[str, Any],
    router: Router,
    defaults: Defaults,
    *,
    structured: Mapping[str, Any] | None = None,
    streaming: bool = False,
) -> Request:
    """Sort everything of a call: what the router needs, and what the expert is sent.

    Args:
        prompt: The input, and as messages:
        messages: The messages.
        config: LangChain's config, whose `configurable` may hold budget kwargs.
        kwargs: The call's own kwargs.
        router: Whose pool knows the names of experts.
        defaults: From the chat model's settings.
        structured: Arguments of the expert's `with_structured_output`.
        streaming: Whether the answer is streamed.

    Raises:
        ConfigError: A bad budget kwarg, or two that contradict each other.
        InvalidRequest: There is nothing to answer, or an output cap is no whole number.
    """
    own, rest = split_kwargs(kwargs)
    budget = own.over(_configurable(config)).over(ambient().budget).over(defaults.budget)
    sent = _sent(defaults.sent, rest)
    model = sent.pop("model", None)
    if model is not None:
        budget = Budget(expert=_pinned(router, str(model), own)).over(budget)
    _unhide_caps(sent)
    caps = [_whole_number(key, sent.pop(key)) for key in _CAPS if sent.get(key) is not None]
    timeout = sent.pop("timeout", defaults.timeout)
    if "tools" in sent and not isinstance(sent["tools"], RawTools):
        sent["tools"] = RawTools(sent["tools"] or ())
    query = to_query(
        messages,
        router,
        tools=sent.get("tools"),
        schema=schema_text((structured or {}).get("schema") or sent.get("response_format")),
        needs=_needs(router, structured, sent, streaming),
        max_tokens=min(caps) if caps else None,
        sent=sent,
    )
    options = None if structured is None else dict(structured)
    return Request(
        prompt, messages, query, budget, sent, structured=options, timeout=timeout, thread=_thread(config, router)
    )


def _thread(config: RunnableConfig, router: Router) -> str | None:
    """A hash of LangGraph's `thread_id`, in characters that any header takes; None where nobody is to be told."""
    thread = (config.get("configurable") or {}).get("thread_id")
    if not isinstance(thread, str) or not thread or not any(expert.prompt_cache for expert in router.pool):
        return None
    return sha256(thread.encode()).hexdigest()


def _unhide_caps(sent: dict[str, Any]) -> None:
    """Put the caps that stand in `extra_body`, and would win there, beside the others."""
    inner = sent.get(BODY)
    if isinstance(inner, Mapping) and any(key in inner for key in _CAPS):
        sent.update({key: inner[key] for key in _CAPS if inner.get(key) is not None})
        sent[BODY] = {key: value for key, value in inner.items() if key not in _CAPS}


def _pinned(router: Router, model: str, own: Budget) -> str:
    """The expert that `model=` names."""
    name = router.pool[model].name
    if own.expert is not None and router.pool[own.expert].name != name:
        raise ConfigError(f"model={model!r} and expert={own.expert!r} contradict each other; give one of them.")
    return name


def _sent(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The kwargs for the expert: the call's own over the settings; what is None is not sent."""
    sent = {key: value for key, value in given.items() if value is not None}
    if any(key in sent for key in _CAPS):
        defaults = {key: value for key, value in defaults.items() if key not in _CAPS}
    sent = {key: value for key, value in {**defaults, **sent}.items() if value is not None and key not in _TRACING_ONLY}
    if isinstance(sent.get("stop"), str):
        sent["stop"] = [sent["stop"]]
    return sent


def _needs(
    router: Router, structured: Mapping[str, Any] | None, sent: Mapping[str, Any], streaming: bool
) -> Sequence[Capability]:
    needs: list[Capability] = []
    if structured is not None:
        needs.append("tools" if structured.get("method") == "function_calling" else "structured_output")
    if sent.get("response_format") is not None:
        needs.append("structured_output")
    # Every LangChain model can be streamed, in one piece if need be: only where some do better, they are wanted.
    if streaming and any("streaming" in expert.capabilities for expert in router.pool):
        needs.append("streaming")
    return needs


def _whole_number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequest(f"{name} is {value!r}; give a whole number of tokens.")
    return value


def _configurable(config: RunnableConfig) -> Budget:
    """The budget kwargs in `config["configurable"]`."""
    given = config.get("configurable")
    return Budget(**{key: given[key] for key in BUDGET_KWARGS if given.get(key) is not None}) if given else NOTHING_SET
