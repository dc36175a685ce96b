"""Structured output: the expert's own `with_structured_output`, replayed on whichever expert is chosen."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from langchain_leeroo import delegation
from langchain_leeroo.received import parsed_of
from langchain_leeroo.requests import Request, Routed
from leeroo.endpoints.closing import aclosing


class StructuredOutput(Runnable[Any, Any]):
    """A Runnable of the same inputs as the chat model, whose output has the schema's form.

    The expert is asked with `include_raw=True`, so that its usage is seen; callers get what they asked for. With
    `include_raw=True` the record is in the raw message's `response_metadata`; else in `leeroo.last_call()`.

    Args:
        llm: The router.
        options: Arguments of `with_structured_output`, `schema` among them.
        include_raw: Whether the caller wants `{"raw", "parsed", "parsing_error"}`.
        kwargs: Call kwargs that were bound before.
        config: Config that was bound before.
    """

    def __init__(
        self,
        llm: Routed,
        options: Mapping[str, Any],
        *,
        include_raw: bool = False,
        kwargs: Mapping[str, Any] | None = None,
        config: RunnableConfig | None = None,
    ) -> None:
        self.llm = llm
        self.options = dict(options)
        self.include_raw = include_raw
        self.kwargs = dict(kwargs or {})
        self.config = config
        self.name = llm.name

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Ask one expert, and return its answer in the schema's form."""
        request, config = self._request(input, config, kwargs)
        return self._result(delegation.invoke(self.llm._host, request, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Ask one expert asynchronously, and return its answer in the schema's form."""
        request, config = self._request(input, config, kwargs)
        return self._result(await delegation.ainvoke(self.llm._host, request, config))

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Stream the answer as it takes the schema's form."""
        request, config = self._request(input, config, kwargs, streaming=True)
        yield from delegation.stream(self.llm._host, request, config)

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        """Stream the answer asynchronously as it takes the schema's form."""
        request, config = self._request(input, config, kwargs, streaming=True)
        async with aclosing(delegation.astream(self.llm._host, request, config)) as pieces:
            async for piece in pieces:
                yield piece

    def _request(
        self, input: Any, config: RunnableConfig | None, kwargs: dict[str, Any], *, streaming: bool = False
    ) -> tuple[Request, RunnableConfig]:
        given = {**self.kwargs, **kwargs}
        request, config = self.llm._host.request(
            input, config, given, bound=self.config, structured=self.options, streaming=streaming
        )
        return replace(request, raw=self.include_raw or not streaming, bare=not self.include_raw), config

    def _result(self, output: Any) -> Any:
        if self.include_raw or not isinstance(output, dict):
            return output
        return parsed_of(output)
