"""Bad input and bad experts: a clear error that names the thing and the remedy, and no money lost from the record."""

import math

import pytest
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, ImageBlock, TextBlock
from llama_index.core.llms import MockLLM

from leeroo import (
    BudgetExceeded,
    ConfigError,
    Expert,
    ExpertsFailed,
    InvalidRequest,
    NoEligibleExpert,
    Price,
    last_call,
)
from llamaindex_leeroo import Leeroo

PRICE = Price(input=1, output=2)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


def pool(**more):
    return {
        "small": Expert(model=MockLLM(), price=PRICE),
        "large": Expert(model=MockLLM(), price=Price(input=5, output=9)),
        **more,
    }


@pytest.fixture
def llm(predictor):
    return Leeroo(experts=pool(), predictor=predictor)


def user(text):
    return [ChatMessage(role="user", content=text)]


class TestMessages:
    def test_no_messages(self, llm):
        with pytest.raises(InvalidRequest, match="at least one"):
            llm.chat([])

    async def test_no_messages_async(self, llm):
        with pytest.raises(InvalidRequest, match="at least one"):
            await llm.achat([])
        with pytest.raises(InvalidRequest, match="at least one"):
            await llm.astream_chat([])

    def test_no_messages_streamed_raises_at_the_call(self, llm):
        with pytest.raises(InvalidRequest, match="at least one"):
            llm.stream_chat([])

    @pytest.mark.parametrize("text", ["", "  \n\t"])
    def test_empty_text(self, llm, text):
        with pytest.raises(InvalidRequest, match="empty"):
            llm.chat(user(text))
        with pytest.raises(InvalidRequest, match="empty"):
            llm.complete(text)

    def test_a_string_in_place_of_messages(self, llm):
        with pytest.raises(InvalidRequest, match="complete"):
            llm.chat("hello")
        with pytest.raises(InvalidRequest, match="chat"):
            llm.complete(user("hello"))

    def test_only_an_image_goes_to_an_expert_that_sees(self, predictor):
        image = [ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])]
        blind = Leeroo(experts=pool(), predictor=predictor)
        with pytest.raises(NoEligibleExpert, match="cannot do vision"):
            blind.chat(image)
        seeing = Expert(model=MockLLM(), price=PRICE, capabilities=frozenset({"vision", "streaming"}))
        answer = Leeroo(experts=pool(eyes=seeing), predictor=predictor).chat(image)
        assert answer.additional_kwargs["leeroo"]["expert"] == "eyes"

    def test_sound_needs_an_expert_that_hears(self, llm):
        sound = [ChatMessage(role="user", blocks=[TextBlock(text="what is it?"), AudioBlock(audio=b"RIFF0000WAVE")])]
        with pytest.raises(NoEligibleExpert, match="cannot do audio"):
            llm.chat(sound)

    def test_a_message_longer_than_any_context_window(self, predictor):
        small = {name: e.model_copy(update={"context_window": 8000}) for name, e in pool().items()}
        llm = Leeroo(experts=small, predictor=predictor)
        with pytest.raises(NoEligibleExpert, match="context window 8000"):
            llm.chat(user("word " * 200_000))

    def test_a_very_long_message_where_the_window_is_unknown(self, llm):
        answer = llm.chat(user("word " * 200_000))
        assert answer.additional_kwargs["leeroo"]["input_tokens"] > 200_000


class TestKwargs:
    def test_a_near_miss_is_refused(self, llm):
        with pytest.raises(ConfigError, match="max_cost"):
            llm.chat(user("hi"), max_cots=0.1)

    @pytest.mark.parametrize("value", [-1, math.nan, "1", True])
    def test_bad_max_cost(self, llm, value):
        with pytest.raises(ConfigError, match="max_cost"):
            llm.chat(user("hi"), max_cost=value)
        with pytest.raises(ConfigError, match="max_cost"):
            Leeroo(experts=pool(), max_cost=value)
        with pytest.raises(ConfigError, match="max_cost"):
            llm.with_budget(max_cost=value)

    @pytest.mark.parametrize("value", [0, -3, 1.5, "ten", True])
    def test_bad_max_tokens(self, llm, value):
        with pytest.raises(InvalidRequest, match="max_tokens"):
            llm.chat(user("hi"), max_tokens=value)

    def test_an_unknown_expert(self, llm):
        with pytest.raises(ConfigError, match=r"'smal'.*Did you mean 'small'"):
            llm.chat(user("hi"), expert="smal")
        with pytest.raises(ConfigError, match="Did you mean 'small'"):
            Leeroo(experts=pool(), expert="smal")

    def test_an_unknown_argument_of_the_constructor(self):
        with pytest.raises(ConfigError, match="Did you mean 'min_quality'"):
            Leeroo(experts=pool(), min_qualty=0.5)

    def test_budget_errors_are_not_what_engines_swallow(self, llm):
        with pytest.raises(BudgetExceeded) as caught:
            llm.chat(user("hi"), max_cost=1e-9)
        assert not isinstance(caught.value, (ValueError, TypeError))
        assert caught.value.record["cost"] == 0
        assert "small" in str(caught.value)
        assert "max_cost" in str(caught.value)


class TestPool:
    def test_of_none(self):
        for experts in ({}, None):
            with pytest.raises(ConfigError, match="at least one expert"):
                Leeroo(experts=experts)

    def test_of_one(self, predictor):
        llm = Leeroo(experts={"small": pool()["small"]}, predictor=predictor)
        assert llm.chat(user("hi")).additional_kwargs["leeroo"]["expert"] == "small"

    def test_a_list_is_no_pool(self):
        with pytest.raises(ConfigError, match="map names to LLMs"):
            Leeroo(experts=[MockLLM()])

    def test_an_expert_without_a_price(self):
        with pytest.raises(ConfigError, match="price"):
            Leeroo(experts={"small": MockLLM()})

    def test_an_object_that_is_no_llm(self):
        with pytest.raises(ConfigError, match="LlamaIndex LLM"):
            Leeroo(experts={"small": Expert(model=object(), price=PRICE)})

    def test_a_missing_key_is_named_at_the_call(self, predictor, monkeypatch):
        monkeypatch.delenv("NO_SUCH_KEY", raising=False)
        llm = Leeroo.from_pool(
            {
                "experts": {
                    "small": {
                        "model": "my-llm",
                        "base_url": "http://127.0.0.1:9/v1",
                        "api_key_env": "NO_SUCH_KEY",
                        "price": {"input": 1, "output": 2},
                    }
                }
            },
            predictor=predictor,
        )
        with pytest.raises(ConfigError, match=r"'small'.*NO_SUCH_KEY"):
            llm.chat(user("hi"))
        assert last_call()["cost"] == 0

    def test_an_unknown_key_of_a_pool_file(self, tmp_path):
        file = tmp_path / "pool.yaml"
        file.write_text("experts:\n  a: {model: openai:gpt-4o-mini, contxt_window: 5}\n")
        with pytest.raises(ConfigError, match="context_window"):
            Leeroo.from_pool(file)

    def test_a_server_that_is_down(self, predictor):
        llm = Leeroo.from_pool(
            {
                "experts": {
                    "small": {"model": "m", "base_url": "http://127.0.0.1:9/v1", "price": {"input": 1, "output": 2}},
                }
            },
            predictor=predictor,
        )
        with pytest.raises(ExpertsFailed, match="small: connection") as caught:
            llm.chat(user("hi"))
        assert caught.value.record["attempts"][0]["error"] == "connection"
        assert caught.value.record["cost"] == 0
