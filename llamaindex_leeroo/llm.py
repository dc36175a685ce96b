"""`Leeroo`: a pool of LLMs that LlamaIndex takes for one.

Every public call stands in this class body, since LlamaIndex makes spans of what it finds there; sync and async differ
in nothing but how they wait (`running`).
"""

from collections.abc import AsyncGenerator, Generator, Sequence
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
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.types import Model, TokenAsyncGen, TokenGen

from leeroo import InvalidRequest
from llamaindex_leeroo import delegation, requests
from llamaindex_leeroo.base import RoutedLLM
from llamaindex_leeroo.running import arun, astream, run, stream
from llamaindex_leeroo.signatures import like

if TYPE_CHECKING:
    from llama_index.core.chat_engine.types import AgentChatResponse
    from llama_index.core.program.utils import FlexibleModel

Kwargs = dict[str, Any]


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
        **kwargs: The budget (`max_cost`, `min_quality`, ...), `temperature` and `max_tokens` for the experts,
            `on_empty` ("next": after an answer with nothing in it the next expert is asked, if any; "accept": it is
            one), and LlamaIndex's own fields (`system_prompt`, ...).

    Raises:
        ConfigError: The experts, the budget or a name is not usable.

    Examples:
        >>> llm = Leeroo(experts={"small": OpenAI(model="gpt-5-nano"), "large": OpenAI(model="gpt-5")}, max_cost=0.01)
        >>> llm.complete("What is the capital of France?", min_quality=0.8).additional_kwargs["leeroo"]["expert"]
    """

    # -- chat and completion --

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Route, then chat with the chosen expert."""
        return run(self, requests.chat(self, "chat", messages, **kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Route, then chat with the chosen expert."""
        return await arun(self, requests.chat(self, "achat", messages, **kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Route now, then stream from the chosen expert."""
        return stream(self, requests.chat(self, "stream_chat", messages, **kwargs))

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Route now, then stream from the chosen expert."""
        return await astream(self, requests.chat(self, "astream_chat", messages, **kwargs))

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Route, then complete with the chosen expert."""
        return run(self, requests.completion(self, "complete", prompt, formatted, **kwargs))

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Route, then complete with the chosen expert."""
        return await arun(self, requests.completion(self, "acomplete", prompt, formatted, **kwargs))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Route now, then stream from the chosen expert."""
        return stream(self, requests.completion(self, "stream_complete", prompt, formatted, **kwargs))

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Route now, then stream from the chosen expert."""
        return await astream(self, requests.completion(self, "astream_complete", prompt, formatted, **kwargs))

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

    @like(FunctionCallingLLM.chat_with_tools)
    def chat_with_tools(self, *args: Any, **kwargs: Any) -> ChatResponse:
        """Route, then let the chosen expert chat with the tools."""
        return run(self, requests.with_tools(self, "chat_with_tools", *args, **kwargs))

    @like(FunctionCallingLLM.achat_with_tools)
    async def achat_with_tools(self, *args: Any, **kwargs: Any) -> ChatResponse:
        """Route, then let the chosen expert chat with the tools."""
        return await arun(self, requests.with_tools(self, "achat_with_tools", *args, **kwargs))

    @like(FunctionCallingLLM.stream_chat_with_tools)
    def stream_chat_with_tools(self, *args: Any, **kwargs: Any) -> ChatResponseGen:
        """Route now, then stream the chosen expert's chat with the tools."""
        return stream(self, requests.with_tools(self, "stream_chat_with_tools", *args, **kwargs))

    @like(FunctionCallingLLM.astream_chat_with_tools)
    async def astream_chat_with_tools(self, *args: Any, **kwargs: Any) -> ChatResponseAsyncGen:
        """Route now, then stream the chosen expert's chat with the tools."""
        return await astream(self, requests.with_tools(self, "astream_chat_with_tools", *args, **kwargs))

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tool calls of an answer, read by the expert that gave it."""
        return delegation.tool_calls(self, response, error_on_no_tool_call, kwargs)

    @like(FunctionCallingLLM.predict_and_call)
    def predict_and_call(self, *args: Any, **kwargs: Any) -> "AgentChatResponse":
        """Route, then let the chosen expert choose a tool and call it."""
        return run(self, requests.calling_tools(self, "predict_and_call", *args, **kwargs))

    @like(FunctionCallingLLM.apredict_and_call)
    async def apredict_and_call(self, *args: Any, **kwargs: Any) -> "AgentChatResponse":
        """Route, then let the chosen expert choose a tool and call it."""
        return await arun(self, requests.calling_tools(self, "apredict_and_call", *args, **kwargs))

    @like(FunctionCallingLLM._prepare_chat_with_tools)
    def _prepare_chat_with_tools(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Not used: each expert prepares its own tools, once it has been chosen."""
        raise InvalidRequest("Leeroo prepares no tools before an expert is chosen; call chat_with_tools.")

    # -- structured output --

    def structured_predict(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: Kwargs | None = None, **prompt_args: Any
    ) -> Model:
        """Route, then let the chosen expert give a structured answer in its own best way."""
        return run(self, requests.structured(self, "structured_predict", output_cls, prompt, llm_kwargs, prompt_args))

    async def astructured_predict(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: Kwargs | None = None, **prompt_args: Any
    ) -> Model:
        """Route, then let the chosen expert give a structured answer in its own best way."""
        request = requests.structured(self, "astructured_predict", output_cls, prompt, llm_kwargs, prompt_args)
        return await arun(self, request)

    def stream_structured_predict(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: Kwargs | None = None, **prompt_args: Any
    ) -> Generator["Model | FlexibleModel", None, None]:
        """Route now, then stream the chosen expert's structured answer."""
        request = requests.structured(self, "stream_structured_predict", output_cls, prompt, llm_kwargs, prompt_args)
        return stream(self, request)

    async def astream_structured_predict(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: Kwargs | None = None, **prompt_args: Any
    ) -> AsyncGenerator["Model | FlexibleModel", None]:
        """Route now, then stream the chosen expert's structured answer."""
        request = requests.structured(self, "astream_structured_predict", output_cls, prompt, llm_kwargs, prompt_args)
        return await astream(self, request)
