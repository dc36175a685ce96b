"""How a whole call is handed to the chosen expert: one public method of its LLM, with copies of what it may change."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.tools.types import AsyncBaseTool, BaseTool, ToolMetadata, ToolOutput, adapt_to_async_tool

from leeroo import LeerooError
from llamaindex_leeroo.attempt import Try
from llamaindex_leeroo.base import RoutedLLM
from llamaindex_leeroo.messages import MadeBy
from llamaindex_leeroo.steps import Work

Invoke = Callable[[Try], Any]


@dataclass(frozen=True, slots=True)
class Prompting:
    """What is known of a call that comes from `predict`.

    Attributes:
        question: The user's own question in the prompt, where a template variable tells it.
    """

    question: str | None = None


_prompting: ContextVar[Prompting | None] = ContextVar("leeroo_prompting", default=None)
QUESTIONS = ("query_str", "question", "query")
"""Template variables that hold the user's question, in LlamaIndex's prompts and in many others."""


@contextmanager
def predicting(prompt: BasePromptTemplate, prompt_args: Mapping[str, Any]) -> Iterator[None]:
    """Calls inside come from `predict`, where LlamaIndex adds system prompts: the chosen expert adds its own."""
    token = _prompting.set(Prompting(question_in(prompt, prompt_args)))
    try:
        yield
    finally:
        _prompting.reset(token)


def question_in(prompt: BasePromptTemplate, prompt_args: Mapping[str, Any]) -> str | None:
    """The user's question among a prompt's variables: what the prediction is about, whatever context surrounds it."""
    given = {**prompt.kwargs, **prompt_args}
    found = (given.get(name) for name in QUESTIONS)
    return next((value for value in found if isinstance(value, str) and value.strip()), None)


def is_prompting() -> bool:
    """Whether the call comes from `predict`."""
    return _prompting.get() is not None


def question_now() -> str | None:
    """The user's question in the prompt that is being predicted."""
    prompting = _prompting.get()
    return prompting.question if prompting else None


def chat(method: str, messages: Sequence[ChatMessage], made_by: MadeBy) -> Invoke:
    """Hand over a chat."""
    prompting = is_prompting()

    def invoke(current: Try) -> Any:
        mine = current.readable(messages, made_by)
        if prompting:
            mine = current.llm._extend_messages(mine)
        return getattr(current.llm, method)(mine, **current.kwargs)

    return invoke


def complete(method: str, prompt: str, formatted: bool) -> Invoke:
    """Hand over a completion."""
    prompting = is_prompting()

    def invoke(current: Try) -> Any:
        mine = current.llm._extend_prompt(prompt) if prompting else prompt
        return getattr(current.llm, method)(mine, formatted=formatted, **current.kwargs)

    return invoke


def with_tools(
    method: str,
    tools: Sequence[BaseTool],
    user_msg: ChatMessage | None,
    chat_history: Sequence[ChatMessage],
    options: Mapping[str, Any],
    made_by: MadeBy,
) -> Invoke:
    """Hand over a chat with tools, or the choice and the calling of a tool."""
    calls = "predict_and_call" in method

    def invoke(current: Try) -> Any:
        history = current.readable(chat_history, made_by)
        newest = current.readable([user_msg] if user_msg else [], made_by)
        if not tools and not isinstance(current.llm, FunctionCallingLLM) and not calls:
            plain = method.removesuffix("_with_tools")
            return getattr(current.llm, plain)([*history, *newest], **current.kwargs)
        given = [_Watched(tool, current) for tool in tools] if calls else list(tools)
        return getattr(current.llm, method)(
            given,
            user_msg=newest[0] if newest else None,
            chat_history=history,
            **options,
            **current.kwargs,
        )

    return invoke


def structured(method: str, output_cls: type, prompt: BasePromptTemplate, prompt_args: Mapping[str, Any]) -> Invoke:
    """Hand over a structured prediction."""

    def invoke(current: Try) -> Any:
        mine = copy(prompt)  # LlamaIndex's text program puts its output parser on it
        return getattr(current.llm, method)(output_cls, mine, llm_kwargs=dict(current.kwargs), **prompt_args)

    return invoke


def tool_calls(
    owner: RoutedLLM, response: ChatResponse, error_on_no_tool_call: bool, kwargs: dict[str, Any]
) -> list[ToolSelection]:
    """The tool calls of an answer, read by the expert that gave it, or from its blocks where none is known."""
    name = (response.additional_kwargs.get("leeroo") or {}).get("expert")
    blocks = [b for b in response.message.blocks if isinstance(b, ToolCallBlock)]
    if name is None:
        made = (owner.router.expert_of_tool_call(b.tool_call_id) for b in blocks if b.tool_call_id)
        name = next((maker for maker in made if maker), None)
    if name is not None and name in owner.router.pool:
        with suppress(LeerooError):
            llm = owner.llm_of(name)
            if isinstance(llm, FunctionCallingLLM):
                return llm.get_tool_calls_from_response(response, error_on_no_tool_call=error_on_no_tool_call, **kwargs)
    if not blocks and error_on_no_tool_call:
        raise ValueError("Expected at least one tool call, but got 0 tool calls.")  # as LlamaIndex's own LLMs do
    return [
        ToolSelection(tool_id=b.tool_call_id or "", tool_name=b.tool_name, tool_kwargs=_arguments(b.tool_kwargs))
        for b in blocks
    ]


def _arguments(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        from llama_index.core.llms.utils import parse_partial_json

        try:
            given = parse_partial_json(given)
        except (ValueError, TypeError, json.JSONDecodeError):
            return {}
    return given if isinstance(given, dict) else {}


class _Watched(AsyncBaseTool):
    """A tool that says when it is first called: then the expert has answered, and nobody else may be asked.

    A second expert would call the tool again, with whatever it does to the world.
    """

    def __init__(self, tool: BaseTool, current: Try) -> None:
        self._tool = tool
        self._try = current

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tool, name)

    @property
    def metadata(self) -> ToolMetadata:
        """The tool's own."""
        return self._tool.metadata

    def __call__(self, *args: Any, **kwargs: Any) -> ToolOutput:
        self._try.answered()
        return self._tool(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """Say so, then call the tool."""
        self._try.answered()
        return self._tool(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """Say so, then call the tool."""
        await Work(self._try.answered, self._try.waits and not self._try.settled).atake()
        return await adapt_to_async_tool(self._tool).acall(*args, **kwargs)
