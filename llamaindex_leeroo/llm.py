"""`Leeroo`: a pool of LLMs that LlamaIndex takes for one.

Every public call stands in this class body, since LlamaIndex makes spans of what it finds there.
"""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
)
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.types import Model, TokenAsyncGen, TokenGen

from leeroo import InvalidRequest
from leeroo.budget import Budget, split_kwargs
from llamaindex_leeroo import delegation
from llamaindex_leeroo.base import RoutedLLM
from llamaindex_leeroo.messages import to_query
from llamaindex_leeroo.running import Request, arun, astream, run, stream

if TYPE_CHECKING:
    from llama_index.core.chat_engine.types import AgentChatResponse
    from llama_index.core.program.utils import FlexibleModel
    from llama_index.core.tools.types import BaseTool


class Leeroo(RoutedLLM):
    """An LLM that sends each call to the cheapest adequate expert of a pool, within a budget.

    Query engines, chat engines, agents and workflows take it as their `llm`. The budget's names are constructor fields
    (defaults), kwargs of direct calls, kwargs of `with_budget`, and of the ambient `leeroo.budget(...)`; nearest wins.
    The record of a call is in `ChatResponse.additional_kwargs["leeroo"]`, in a `RoutingEvent`, in the ledger, and in
    `leeroo.last_call()`.

    Args:
        experts: LLMs by name: a LlamaIndex LLM, an `Expert`, or a mapping of an expert's fields.
        reference: The expert that `saved` is measured against; the dearest when absent.
        predictor: Estimates quality; the one that ships with Leeroo when absent.
        ledger: Where calls are written; in memory when absent.
        router: Share this router instead of making one; its pool must be of LlamaIndex LLMs or model names.
        **kwargs: The budget (`max_cost`, `min_quality`, ...), `temperature` and `max_tokens` for the experts, and
            LlamaIndex's own fields (`system_prompt`, ...).

    Raises:
        ConfigError: The experts, the budget or a name is not usable.

    Examples:
        >>> llm = Leeroo(experts={"small": OpenAI(model="gpt-5-nano"), "large": OpenAI(model="gpt-5")}, max_cost=0.01)
        >>> llm.complete("What is the capital of France?", min_quality=0.8).additional_kwargs["leeroo"]["expert"]
    """

    # -- chat and completion --

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Route, then chat with the chosen expert."""
        return run(self, self._chat("chat", messages, kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Route, then chat with the chosen expert."""
        return await arun(self, self._chat("achat", messages, kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Route now, then stream from the chosen expert."""
        return stream(self, self._chat("stream_chat", messages, kwargs))

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Route now, then stream from the chosen expert."""
        return await astream(self, self._chat("astream_chat", messages, kwargs))

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Route, then complete with the chosen expert."""
        return run(self, self._completion("complete", prompt, formatted, kwargs))

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Route, then complete with the chosen expert."""
        return await arun(self, self._completion("acomplete", prompt, formatted, kwargs))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Route now, then stream from the chosen expert."""
        return stream(self, self._completion("stream_complete", prompt, formatted, kwargs))

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Route now, then stream from the chosen expert."""
        return await astream(self, self._completion("astream_complete", prompt, formatted, kwargs))

    # -- prompts: an expert's own system prompt is kept --

    def predict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Format the prompt, route, then ask the chosen expert."""
        with delegation.predicting(prompt, prompt_args):
            return super().predict(prompt, **prompt_args)

    async def apredict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Format the prompt, route, then ask the chosen expert."""
        with delegation.predicting(prompt, prompt_args):
            return await super().apredict(prompt, **prompt_args)

    def stream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenGen:
        """Format the prompt, route now, then stream tokens from the chosen expert."""
        with delegation.predicting(prompt, prompt_args):
            return super().stream(prompt, **prompt_args)

    async def astream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenAsyncGen:
        """Format the prompt, route now, then stream tokens from the chosen expert."""
        with delegation.predicting(prompt, prompt_args):
            return await super().astream(prompt, **prompt_args)

    # -- tools --

    def chat_with_tools(
        self,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """Route, then let the chosen expert chat with the tools."""
        options = delegation.set_ones(verbose, allow_parallel_tool_calls, tool_required)
        answer: ChatResponse = run(self, self._tools("chat_with_tools", tools, user_msg, chat_history, options, kwargs))
        return answer

    async def achat_with_tools(
        self,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """Route, then let the chosen expert chat with the tools."""
        options = delegation.set_ones(verbose, allow_parallel_tool_calls, tool_required)
        return await arun(self, self._tools("achat_with_tools", tools, user_msg, chat_history, options, kwargs))

    def stream_chat_with_tools(
        self,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponseGen:
        """Route now, then stream the chosen expert's chat with the tools."""
        options = delegation.set_ones(verbose, allow_parallel_tool_calls, tool_required)
        return stream(self, self._tools("stream_chat_with_tools", tools, user_msg, chat_history, options, kwargs))

    async def astream_chat_with_tools(
        self,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> ChatResponseAsyncGen:
        """Route now, then stream the chosen expert's chat with the tools."""
        options = delegation.set_ones(verbose, allow_parallel_tool_calls, tool_required)
        request = self._tools("astream_chat_with_tools", tools, user_msg, chat_history, options, kwargs)
        return await astream(self, request)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tool calls of an answer, read by the expert that gave it."""
        return delegation.tool_calls(self, response, error_on_no_tool_call, kwargs)

    def predict_and_call(
        self,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> "AgentChatResponse":
        """Route, then let the chosen expert choose a tool and call it."""
        options = delegation.set_ones(
            verbose,
            allow_parallel_tool_calls,
            error_on_no_tool_call=error_on_no_tool_call,
            error_on_tool_error=error_on_tool_error,
        )
        answer: AgentChatResponse = run(
            self, self._tools("predict_and_call", tools, user_msg, chat_history, options, kwargs)
        )
        return answer

    async def apredict_and_call(
        self,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> "AgentChatResponse":
        """Route, then let the chosen expert choose a tool and call it."""
        options = delegation.set_ones(
            verbose,
            allow_parallel_tool_calls,
            error_on_no_tool_call=error_on_no_tool_call,
            error_on_tool_error=error_on_tool_error,
        )
        return await arun(self, self._tools("apredict_and_call", tools, user_msg, chat_history, options, kwargs))

    def _prepare_chat_with_tools(
        self,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Not used: each expert prepares its own tools, once it has been chosen."""
        raise InvalidRequest("Leeroo prepares no tools before an expert is chosen; call chat_with_tools.")

    # -- structured output --

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Route, then let the chosen expert give a structured answer in its own best way."""
        return run(self, self._structured("structured_predict", output_cls, prompt, llm_kwargs, prompt_args))

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Route, then let the chosen expert give a structured answer in its own best way."""
        return await arun(self, self._structured("astructured_predict", output_cls, prompt, llm_kwargs, prompt_args))

    def stream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator["Model | FlexibleModel", None, None]:
        """Route now, then stream the chosen expert's structured answer."""
        return stream(self, self._structured("stream_structured_predict", output_cls, prompt, llm_kwargs, prompt_args))

    async def astream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator["Model | FlexibleModel", None]:
        """Route now, then stream the chosen expert's structured answer."""
        request = self._structured("astream_structured_predict", output_cls, prompt, llm_kwargs, prompt_args)
        return await astream(self, request)

    # -- requests --

    def _chat(self, method: str, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> Request[ChatResponse]:
        budget, rest = self._split(kwargs)
        query = to_query(
            messages,
            rest,
            needs=self._wanted(method),
            made_by=self.router.expert_of_tool_call,
            question=delegation.question_now(),
        )
        return Request(query, budget, delegation.chat(self, method, messages), rest)

    def _completion(
        self, method: str, prompt: str, formatted: bool, kwargs: Mapping[str, Any]
    ) -> Request[CompletionResponse]:
        if not isinstance(prompt, str):
            raise InvalidRequest(f"complete takes a text, not {type(prompt).__name__}; for messages there is chat().")
        budget, rest = self._split(kwargs)
        query = to_query(
            [ChatMessage(content=prompt)], rest, needs=self._wanted(method), question=delegation.question_now()
        )
        return Request(query, budget, delegation.complete(method, prompt, formatted), rest)

    def _tools(
        self,
        method: str,
        tools: Sequence["BaseTool"],
        user_msg: str | ChatMessage | None,
        chat_history: Sequence[ChatMessage] | None,
        options: dict[str, Any],
        kwargs: Mapping[str, Any],
    ) -> Request[Any]:
        budget, rest = self._split(kwargs)
        given = ChatMessage(content=user_msg) if isinstance(user_msg, str) else user_msg
        messages = [*(chat_history or []), *([given] if given else [])]
        query = to_query(
            messages, rest, needs=self._wanted(method), tools=tools, made_by=self.router.expert_of_tool_call
        )
        whole = "predict_and_call" in method
        return Request(
            query,
            budget,
            delegation.with_tools(self, method, tools, given, chat_history, options),
            rest,
            overhear=whole,
        )

    def _structured(
        self,
        method: str,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> Request[Model]:
        budget, rest = self._split(llm_kwargs or {})
        messages = self._extend_messages(prompt.format_messages(**prompt_args))
        query = to_query(
            messages,
            rest,
            needs=self._wanted(method),
            output_cls=output_cls,
            question=delegation.question_in(prompt, prompt_args),
        )
        invoke = delegation.structured(method, output_cls, prompt, prompt_args)
        return Request(query, budget, invoke, rest, overhear=True, lend_prompt=True)

    def _split(self, kwargs: Mapping[str, Any]) -> tuple[Budget, dict[str, Any]]:
        budget, rest = split_kwargs(kwargs)
        if self.temperature is not None:
            rest.setdefault("temperature", self.temperature)
        if self.max_tokens is not None and "max_completion_tokens" not in rest:
            rest.setdefault("max_tokens", self.max_tokens)
        return (budget.over(Budget.of(self.bound)) if self.bound else budget), rest
