import asyncio

import pytest

from leeroo import Expert, Price
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.openai_server import OpenAIServer

OpenAILike = pytest.importorskip("llama_index.llms.openai_like").OpenAILike


def by_name(name, url):
    return {"model": name, "base_url": url, "price": {"input": 1, "output": 2}}


def by_object(name, url):
    llm = OpenAILike(model=name, api_base=url, api_key="none", is_chat_model=True)
    return Expert(model=llm, price=Price(input=1, output=2))


@pytest.mark.parametrize("expert", [by_name, by_object])
def test_an_expert_answers_in_every_event_loop_of_a_program(expert):
    with OpenAIServer() as server:
        experts = {name: expert(name, server.url) for name in ("small", "large")}
        llm = Leeroo(experts=experts, predictor=ConstantPredictor())
        for _ in range(3):  # each with a loop of its own, in which connections of the last one are dead
            answer = asyncio.run(llm.acomplete("hi"))
            assert [a["error"] for a in answer.additional_kwargs["leeroo"]["attempts"]] == [None]
        assert server.asked() == ["small"] * 3
