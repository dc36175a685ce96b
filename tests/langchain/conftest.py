"""Experts that need no network, and a router over them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price
from leeroo.prediction.predictor import ConstantPredictor
from tests.openai_server import OpenAIServer


class Fake(BaseChatModel):
    """Answers its own name; remembers what it was sent; fails on demand."""

    says: str = "hello"
    model_name: str = "fake"
    usage: bool = True
    error: Any = None
    breaks_after: int | None = None
    tool_calls: list[dict[str, Any]] = Field(default_factory=list)
    script: Any = None
    seen: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "fake"

    def bind_tools(self, tools, **kwargs):
        return self.bind(bound_tools=tools, **kwargs)

    def _note(self, messages, stop, kwargs):
        self.seen.append({"messages": messages, "stop": stop, **kwargs})
        if self.error is not None:
            raise self.error

    def _usage(self):
        return {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15} if self.usage else None

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self._note(messages, stop, kwargs)
        said = self.script(messages) if self.script is not None else {}
        message = AIMessage(
            content=said.get("content", self.says),
            tool_calls=[{**call, "type": "tool_call"} for call in said.get("tool_calls", self.tool_calls)],
            usage_metadata=self._usage(),
            response_metadata={"model_name": self.model_name},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self._note(messages, stop, kwargs)
        said = self.script(messages) if self.script is not None else {}
        for call in said.get("tool_calls", self.tool_calls):
            piece = {"name": call["name"], "args": json.dumps(call["args"]), "id": call["id"], "index": 0}
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[piece]))
        for index, word in enumerate(said.get("content", self.says).split()):
            if self.breaks_after is not None and index >= self.breaks_after:
                raise ConnectionError("gone")
            yield ChatGenerationChunk(message=AIMessageChunk(content=word + " "))
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="", usage_metadata=self._usage(), response_metadata={"model_name": self.model_name}
            )
        )


class HttpError(Exception):
    """An SDK's error with a status."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"HTTP {status_code}")
        self.status_code = status_code


SMALL, LARGE = Price(input=1, output=2), Price(input=10, output=20)


@pytest.fixture
def make() -> Callable[..., ChatLeeroo]:
    """A router of `small` (quality 0.6) and `large` (0.9), with whatever fields are given."""

    def build(small: Any = None, large: Any = None, **kwargs: Any) -> ChatLeeroo:
        experts = {
            "small": Expert(model=small or Fake(says="small says hello", model_name="s-1"), price=SMALL),
            "large": Expert(model=large or Fake(says="large says hello", model_name="l-1"), price=LARGE),
        }
        fields = {
            "experts": experts,
            "predictor": ConstantPredictor({"small": 0.6, "large": 0.9}, output_tokens=50),
            **kwargs,
        }
        return ChatLeeroo(**fields)

    return build


@pytest.fixture
def fake() -> type[Fake]:
    """The fake chat model's class."""
    return Fake


@pytest.fixture
def http_error() -> type[HttpError]:
    """An SDK-like error's class."""
    return HttpError


TEXT = "Hello there, this is an answer from the loopback server."


def _answer(body: dict[str, Any]) -> str | None:
    """`TEXT`, where neither a tool is to be called nor JSON to be made."""
    return None if body.get("tools") or body.get("response_format") else TEXT


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """An OpenAI-compatible server that answers `TEXT`."""
    with OpenAIServer(answer=_answer) as running:
        yield running


@pytest.fixture
def pool(server: OpenAIServer) -> dict[str, Any]:
    """A pool file of two endpoints on the server."""

    def endpoint(name: str, price_in: float) -> dict[str, Any]:
        price = {"input": price_in, "output": 2 * price_in, "cached_input": price_in / 2}
        return {"model": f"{name}-model", "base_url": server.url, "price": price}

    return {"experts": {"small": endpoint("small", 1), "large": endpoint("large", 10)}, "budget": {"max_cost": 0.5}}
