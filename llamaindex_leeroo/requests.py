"""From the arguments of a LlamaIndex method to the `Request` that is routed and tried.

The method's name tells what it is: the sync, the async and the streamed ones take the same arguments.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import Model

from leeroo import InvalidRequest
from leeroo.budget import Budget, split_kwargs
from llamaindex_leeroo import delegation
from llamaindex_leeroo.attempt import Request
from llamaindex_leeroo.base import RoutedLLM
from llamaindex_leeroo.caps import told
from llamaindex_leeroo.experts import added, by_react
from llamaindex_leeroo.queries import to_query

if TYPE_CHECKING:
    from llama_index.core.chat_engine.types import AgentChatResponse
    from llama_index.core.tools.types import BaseTool


def chat(owner: RoutedLLM, method: str, /, messages: Sequence[ChatMessage], **kwargs: Any) -> Request[ChatResponse]:
    """A chat."""
    budget, rest = _split(owner, kwargs)
    made_by = owner.router.expert_of_tool_call
    query = to_query(
        messages,
        rest,
        needs=owner.wanted(method),
        made_by=made_by,
        question=delegation.question_now(),
        own=_own(owner),
    )
    return Request(query, budget, delegation.chat(method, messages, made_by), rest)


def completion(
    owner: RoutedLLM, method: str, /, prompt: str, formatted: bool = False, **kwargs: Any
) -> Request[CompletionResponse]:
    """A completion.

    Raises:
        InvalidRequest: The prompt is no text.
    """
    if not isinstance(prompt, str):
        raise InvalidRequest(f"complete takes a text, not {type(prompt).__name__}; for messages there is chat().")
    budget, rest = _split(owner, kwargs)
    messages = [ChatMessage(content=prompt)]
    query = to_query(messages, rest, needs=owner.wanted(method), question=delegation.question_now(), own=_own(owner))
    return Request(query, budget, delegation.complete(method, prompt, formatted), rest)


def with_tools(
    owner: RoutedLLM,
    method: str,
    /,
    tools: Sequence["BaseTool"],
    user_msg: str | ChatMessage | None = None,
    chat_history: Sequence[ChatMessage] | None = None,
    verbose: bool = False,
    allow_parallel_tool_calls: bool = False,
    tool_required: bool = False,
    **kwargs: Any,
) -> Request[ChatResponse]:
    """A chat with tools."""
    parallel = allow_parallel_tool_calls
    options = _set_ones(verbose=verbose, allow_parallel_tool_calls=parallel, tool_required=tool_required)
    return _with_tools(owner, method, tools, user_msg, chat_history, options, kwargs)


def calling_tools(
    owner: RoutedLLM,
    method: str,
    /,
    tools: Sequence["BaseTool"],
    user_msg: str | ChatMessage | None = None,
    chat_history: Sequence[ChatMessage] | None = None,
    verbose: bool = False,
    allow_parallel_tool_calls: bool = False,
    error_on_no_tool_call: bool = True,
    error_on_tool_error: bool = False,
    **kwargs: Any,
) -> "Request[AgentChatResponse]":
    """The choice of a tool, and its call."""
    options = _set_ones(
        verbose=verbose,
        allow_parallel_tool_calls=allow_parallel_tool_calls,
        error_on_tool_error=error_on_tool_error,
    )
    if not error_on_no_tool_call:
        options["error_on_no_tool_call"] = False
    return _with_tools(owner, method, tools, user_msg, chat_history, options, kwargs, calls=True)


def structured(
    owner: RoutedLLM,
    method: str,
    output_cls: type[Model],
    prompt: PromptTemplate,
    llm_kwargs: Mapping[str, Any] | None,
    prompt_args: Mapping[str, Any],
) -> Request[Model]:
    """A structured prediction."""
    budget, rest = _split(owner, llm_kwargs or {})
    query = to_query(
        owner._extend_messages(prompt.format_messages(**prompt_args)),
        rest,
        needs=owner.wanted(method),
        output_cls=output_cls,
        question=delegation.question_in(prompt, prompt_args),
        own=added(owner.router.pool, prompting=True),
    )
    invoke = delegation.structured(method, output_cls, prompt, prompt_args)
    return Request(query, budget, invoke, rest, output_cls=output_cls, overhear=True, lend_prompt=True)


def _with_tools(
    owner: RoutedLLM,
    method: str,
    tools: Sequence["BaseTool"],
    user_msg: str | ChatMessage | None,
    chat_history: Sequence[ChatMessage] | None,
    options: Mapping[str, Any],
    kwargs: Mapping[str, Any],
    *,
    calls: bool = False,
) -> Request[Any]:
    budget, rest = _split(owner, kwargs)
    made_by = owner.router.expert_of_tool_call
    history = list(chat_history or [])
    newest = ChatMessage(content=user_msg) if isinstance(user_msg, str) else user_msg
    messages = [*history, *([newest] if newest else [])]
    needs, own = owner.wanted(method), _own(owner)
    if calls and not owner.some_can("tools"):
        rest = {**by_react(), **rest}  # as the bare LLM does, the expert is told of the tools in words
    elif tools:
        needs |= {"tools"}
    query = to_query(messages, rest, needs=needs, tools=tools, made_by=made_by, own=own)
    invoke = delegation.with_tools(method, tools, newest, history, options, made_by)
    return Request(query, budget, invoke, rest, overhear=calls)


def _own(owner: RoutedLLM) -> str:
    """What an expert may add; its system prompt is added in `predict` only, as LlamaIndex has it."""
    return added(owner.router.pool, prompting=delegation.is_prompting())


def _set_ones(**options: bool) -> dict[str, Any]:
    """The options that are set; older integrations do not know all of them."""
    return {name: value for name, value in options.items() if value}


def _split(owner: RoutedLLM, kwargs: Mapping[str, Any]) -> tuple[Budget, dict[str, Any]]:
    """A call's own budget, and what goes to the expert, the constructor's settings among it."""
    budget, rest = split_kwargs(kwargs)
    if owner.temperature is not None:
        rest.setdefault("temperature", owner.temperature)
    if owner.max_tokens is not None and "max_completion_tokens" not in rest:
        rest.setdefault("max_tokens", owner.max_tokens)
    return (budget.over(Budget.of(owner.bound)) if owner.bound else budget), told(rest)
