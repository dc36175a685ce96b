"""LangChain's own standard suite, every flag on: for ChatLeeroo, and in the same run for the ChatOpenAI beneath it."""

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_leeroo import ChatLeeroo
from leeroo.prediction.predictor import ConstantPredictor
from tests.media import sample_for

PRICE = {"input": 1, "output": 2, "cached_input": 0.5}
ABLE = ["tools", "structured_output", "vision", "audio", "documents", "streaming"]


class Flags:
    """What both models are tested for."""

    has_tool_calling = True
    has_tool_choice = True
    has_structured_output = True
    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True
    supports_anthropic_inputs = True
    returns_usage_metadata = True
    supports_model_override = True
    model_override_value = "large-model"

    @property
    def supported_usage_metadata_details(self):
        kinds = ["audio_input", "reasoning_output", "cache_read_input"]
        return {"invoke": kinds, "stream": kinds}

    @pytest.fixture(autouse=True)
    def _server(self, server):
        type(self).url = server.url
        for name in ("small-model", "large-model"):
            server.behave(name, {"cached": 4, "reasoning": 1})

    def _ask(self, text, stream, content=None):
        model = self.chat_model_class(**{**self.standard_chat_model_params, **self.chat_model_params})
        message = HumanMessage(content or text)
        if not stream:
            return model.invoke([message])
        whole = None
        for chunk in model.stream([message]):
            whole = chunk if whole is None else whole + chunk
        return whole

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
        return self._ask("", stream, [{"type": "text", "text": "hear"}, audio])

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._ask("think", stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self._ask("again", stream)


class Leeroo(Flags):
    @property
    def chat_model_class(self):
        return ChatLeeroo

    @property
    def chat_model_params(self):
        url = getattr(type(self), "url", "http://127.0.0.1:9/v1")
        fields = {"base_url": url, "price": PRICE, "capabilities": ABLE, "timeout": 20}
        experts = {name: {"model": f"{name}-model", **fields} for name in ("small", "large")}
        return {"experts": experts, "predictor": ConstantPredictor()}


class OpenAI(Flags):
    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        url = getattr(type(self), "url", "http://127.0.0.1:9/v1")
        return {"model": "small-model", "base_url": url, "api_key": "none", "stream_usage": True}


class TestLeerooUnit(Leeroo, ChatModelUnitTests):
    @property
    def standard_chat_model_params(self):
        # Keys belong to the experts, whose providers differ; a router takes none.
        return {key: value for key, value in super().standard_chat_model_params.items() if key != "api_key"}


class TestOpenAIUnit(OpenAI, ChatModelUnitTests):
    @pytest.mark.xfail(reason="compares with a snapshot file that langchain-openai keeps in its own repository")
    def test_serdes(self, model, snapshot):
        super().test_serdes(model, snapshot)

    @property
    def standard_chat_model_params(self):
        return {key: value for key, value in super().standard_chat_model_params.items() if key != "api_key"}


@pytest.fixture
def _media(monkeypatch):
    """The suite downloads its samples; the smallest do as well, and the network stays untouched."""
    monkeypatch.setattr(httpx, "get", lambda url, **kwargs: httpx.Response(200, content=sample_for(str(url))))
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "tests")


@pytest.mark.usefixtures("_media")
class TestLeerooIntegration(Leeroo, ChatModelIntegrationTests):
    pass


@pytest.mark.usefixtures("_media")
class TestOpenAIIntegration(OpenAI, ChatModelIntegrationTests):
    pass
