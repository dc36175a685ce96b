"""Experts get the parameters that somebody has set, in the words that their model takes."""

import pytest
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai_like import OpenAILike

from leeroo import last_call
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import ADD, HELLO, WAYS, call

SAMPLING = {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs"}


def pool_with(server, model, **changes):
    file = pool_of(server)
    file["experts"]["small"]["model"] = model
    return Leeroo.from_pool(file, **changes)


@pytest.mark.parametrize("way", WAYS)
async def test_no_temperature_is_sent_that_nobody_set(way, llm, server):
    await call(way, llm)
    assert "temperature" not in server.bodies()[0]


@pytest.mark.parametrize("temperature", [0, 0.0, 0.1, 1.5])
def test_the_temperature_that_somebody_set_is_sent(temperature, server, predictor):
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, temperature=temperature)
    llm.chat(HELLO)
    Leeroo.from_pool(pool_of(server), predictor=predictor).chat(HELLO, temperature=temperature)
    assert [body["temperature"] for body in server.bodies()] == [temperature] * 2


def test_the_temperature_of_a_given_llm_is_its_own(server, predictor):
    given = OpenAILike(model="m", api_base=server.url, api_key="x", is_chat_model=True, temperature=0.7)
    Leeroo(experts={"a": {"model": given, "price": {"input": 1, "output": 4}}}, predictor=predictor).chat(HELLO)
    assert server.bodies()[0]["temperature"] == 0.7


REASONING = ["openai:o3-mini", "openai:gpt-5-mini", "openai:gpt-5.2-2025-12-11", "openai:openai/o4-mini"]


@pytest.mark.parametrize("model", REASONING)
def test_a_reasoning_model_gets_what_it_takes(model, server, predictor):
    llm = pool_with(server, model, predictor=predictor, temperature=0.3, expert="small")
    llm.chat(HELLO, max_tokens=100, top_p=0.5, presence_penalty=0.1, frequency_penalty=0.1, stop=["x"], logprobs=True)
    llm.chat_with_tools([ADD], user_msg="add 1 and 1", max_cost=0.004)
    list(llm.stream_chat(HELLO, max_cost=0.004))
    for body in server.bodies():
        assert not (SAMPLING | {"stop", "max_tokens"}) & set(body)
        assert 0 < body["max_completion_tokens"] <= 1000
    assert server.bodies()[0]["max_completion_tokens"] == 100


@pytest.mark.parametrize("model", ["openai:gpt-5-chat-latest", "openai:gpt-4o-mini", "o-model", "openai:foo/o1x"])
def test_other_models_keep_their_parameters(model, server, predictor):
    llm = pool_with(server, model, predictor=predictor, temperature=0.3, expert="small")
    llm.chat(HELLO, max_tokens=100, top_p=0.5, stop=["x"])
    (body,) = server.bodies()
    assert (body["temperature"], body["top_p"], body["stop"]) == (0.3, 0.5, ["x"])
    assert last_call()["expert"] == "small"


def test_a_given_reasoning_model_is_not_sent_what_the_router_sets(server, predictor):
    given = OpenAI(model="gpt-5-mini", api_base=server.url, api_key="x")
    experts = {
        "a": {"model": given, "price": {"input": 0.25, "output": 2}}
    }  # what has a local address has no list price
    llm = Leeroo(experts=experts, predictor=predictor, temperature=0.3, max_tokens=90)
    llm.chat(HELLO, top_p=0.3)
    (body,) = server.bodies()
    assert body.get("temperature", 1.0) == 1.0, "as LlamaIndex's own class has it"
    assert "top_p" not in body
    assert body["max_completion_tokens"] == 90


def test_an_expert_that_fails_over_gets_its_own_parameters(server, predictor):
    server.behave("gpt-5-mini", {"status": 503})
    llm = pool_with(server, "openai:gpt-5-mini", predictor=predictor, temperature=0.3, tolerance=0.5)
    llm.chat(HELLO)
    assert ["temperature" in body for body in server.bodies()] == [False, True]


def test_openais_own_endpoint_knows_the_newer_name_of_the_cap(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    llm = Leeroo(experts={"a": {"model": "openai:gpt-4o-mini"}}).llm_of("a")
    assert llm._get_model_kwargs(max_tokens=5) == {"model": "gpt-4o-mini", "max_completion_tokens": 5}
