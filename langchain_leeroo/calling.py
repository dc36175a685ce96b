"""The methods by which a chat model is called, sync and async, whole and in pieces: `RoutedChatModel`."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun, Callbacks
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables import RunnableConfig

from langchain_leeroo import delegation
from langchain_leeroo.batching import planned
from langchain_leeroo.events import astream_v3, stream_v3
from langchain_leeroo.generation import configs_of, result_of
from langchain_leeroo.host import ModelHost
from langchain_leeroo.received import as_chunk
from langchain_leeroo.settings import Settings
from langchain_leeroo.ways import ASYNC
from leeroo.budget import budget as ambient_budget
from leeroo.endpoints.closing import aclosing


class RoutedChatModel(Settings):
    """The signatures that LangChain wants; what they do is in `delegation`, once for sync and async."""

    @property
    def _host(self) -> ModelHost:
        """What lies between a call and its expert, with the settings of now."""
        return ModelHost(self)

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer with the cheapest adequate expert; the record is in `response_metadata["leeroo"]`.

        Args:
            input: A text, messages, or a prompt value.
            config: LangChain's config; budget kwargs may lie in `configurable`.
            stop: Stop sequences.
            **kwargs: Budget kwargs, `model` to pin an expert, `tools`, and what the expert is to be sent.

        Raises:
            BudgetExceeded: No expert's worst case fits the money. Nothing was spent.
            NoEligibleExpert: No expert can take the request. Nothing was spent.
            ExpertsFailed: No expert answered; `error.record` says what each attempt met and cost.
        """
        request, config = self._host.request(input, config, kwargs if stop is None else {**kwargs, "stop": stop})
        message: AIMessage = delegation.invoke(self._host, request, config)
        return message

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """As `invoke`, asynchronously."""
        request, config = self._host.request(input, config, kwargs if stop is None else {**kwargs, "stop": stop})
        message: AIMessage = await delegation.ainvoke(self._host, request, config)
        return message

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Stream the answer; the record is in `response_metadata["leeroo"]` of the last chunk.

        Another expert is tried only before the first chunk. A stream that breaks later raises `ExpertsFailed`, with
        what was received in `error.received`.
        """
        if self._streaming_disabled(**kwargs):
            yield as_chunk(self.invoke(input, config, stop=stop, **kwargs))
            return
        request, config = self._host.request(input, config, {**kwargs, "stop": stop}, streaming=True)
        yield from delegation.stream(self._host, request, config)

    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """As `stream`, asynchronously."""
        if self._streaming_disabled(**kwargs):
            yield as_chunk(await self.ainvoke(input, config, stop=stop, **kwargs))
            return
        request, config = self._host.request(input, config, {**kwargs, "stop": stop}, streaming=True)
        async with aclosing(delegation.astream(self._host, request, config)) as chunks:
            async for chunk in chunks:
                yield chunk

    def stream_events(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        version: Literal["v1", "v2", "v3"] = "v2",
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """LangChain's events (v1, v2), or its typed stream (v3)."""
        if version == "v3":
            return stream_v3(self.stream(input, config, stop=stop, **kwargs))
        return super().stream_events(input, config, version=version, stop=stop, **kwargs)

    def astream_events(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        version: Literal["v1", "v2", "v3"] = "v2",
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """As `stream_events`; v3 is to be awaited."""
        if version == "v3":
            return astream_v3(self.astream(input, config, stop=stop, **kwargs))
        return super().astream_events(input, config, version=version, stop=stop, **kwargs)

    def generate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        run_name: str | None = None,
        run_id: uuid.UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer each list of messages, one after another."""
        configs = configs_of(len(messages), callbacks, tags, metadata, run_name, run_id)
        answers = [self.invoke(one, config, stop=stop, **kwargs) for one, config in zip(messages, configs, strict=True)]
        return result_of(answers, configs)

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        run_name: str | None = None,
        run_id: uuid.UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answer each list of messages, all at once."""
        configs = configs_of(len(messages), callbacks, tags, metadata, run_name, run_id)
        answers = await asyncio.gather(
            *(self.ainvoke(one, config, stop=stop, **kwargs) for one, config in zip(messages, configs, strict=True))
        )
        return result_of(answers, configs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """For those who call LangChain's inner method directly; the public ones do not come through here."""
        return ChatResult(generations=[ChatGeneration(message=self.invoke(messages, stop=stop, **kwargs))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = await self.ainvoke(messages, stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answer many inputs at once, in their order.

        Args:
            inputs: The inputs.
            config: One config, or one per input; `max_concurrency` limits the threads.
            return_exceptions: Return an input's exception in its place instead of raising it.
            max_total_cost: USD for all inputs together: experts are chosen jointly, and the total is never passed.
            **kwargs: As in `invoke`.
        """
        inputs, config = planned(self._host, inputs, config, max_total_cost, kwargs)
        with ambient_budget(max_total_cost=max_total_cost):
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """As `batch`, asynchronously."""
        inputs, config = await self._aplanned(inputs, config, max_total_cost, kwargs)
        with ambient_budget(max_total_cost=max_total_cost):
            return await super().abatch(inputs, config, return_exceptions=return_exceptions, **kwargs)

    def batch_as_completed(  # type: ignore[override]
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> Iterator[tuple[int, AIMessage | Exception]]:
        """As `batch`, with (index, answer) as each is there."""
        inputs, config = planned(self._host, inputs, config, max_total_cost, kwargs)
        yield from super().batch_as_completed(inputs, config, return_exceptions=return_exceptions, **kwargs)  # type: ignore[call-overload]

    async def abatch_as_completed(  # type: ignore[override]
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, AIMessage | Exception]]:
        """As `batch_as_completed`, asynchronously."""
        inputs, config = await self._aplanned(inputs, config, max_total_cost, kwargs)
        async for pair in super().abatch_as_completed(  # type: ignore[call-overload]
            inputs, config, return_exceptions=return_exceptions, **kwargs
        ):
            yield pair

    async def _aplanned(
        self, inputs: Sequence[Any], config: Any, max_total_cost: float | None, kwargs: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """As `planned`, where it does not hold up the event loop."""
        host = self._host
        found: tuple[Any, Any] = await ASYNC.apart(
            planned, host, inputs, config, max_total_cost, kwargs, brief=host.brief
        )
        return found
