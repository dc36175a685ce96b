"""A server without a parser for its model's tool calls hands them on as text, with a 200, and an agent stands still.

Met in tashfeenahmed/freellmapi#190 (72 requests of agents in one day, 2026-06).
"""

import httpx
import pytest
from llama_index.core.tools import FunctionTool

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

PREDICTOR = ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20)
SPELT = [
    '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
    'I will add them.\n<tool_call>{"name": "add", "arguments": {}}</tool_call>',
    "<function=add><parameter=a>1</parameter></function>",
    '[TOOL_CALLS][{"name": "add", "arguments": {}}]',
]


@pytest.fixture
def server():
    with OpenAIServer() as server:
        yield server


def experts(server, *names):
    return {name: Expert(model=name, base_url=server.url, price=Price(input=1, output=2)) for name in names}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.parametrize("text", SPELT)
async def test_the_next_expert_is_asked(text, server):
    server.behave("best", {"text": text})
    pool = experts(server, "best", "next")
    llm = ChatLeeroo(experts=pool, predictor=PREDICTOR).bind_tools([add])
    other = Leeroo(pool, predictor=PREDICTOR)
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    body = {"model": "leeroo", "messages": [{"role": "user", "content": "1+2?"}], "tools": [tool]}
    with running(Router(pool, predictor=PREDICTOR)) as url:
        served = httpx.post(f"{url}/v1/chat/completions", json=body).json()["leeroo"]
    records = [
        served,
        llm.invoke("1+2?").response_metadata["leeroo"],
        (await llm.ainvoke("1+2?")).response_metadata["leeroo"],
        other.chat_with_tools([FunctionTool.from_defaults(add)], user_msg="1+2?").additional_kwargs["leeroo"],
    ]
    for record in records:
        assert [(a["expert"], a["error"]) for a in record["attempts"]] == [("best", "unparsable"), ("next", None)]


def test_where_nobody_else_is_left_it_is_handed_on(server):
    server.behave("best", {"text": SPELT[0]})
    llm = ChatLeeroo(experts=experts(server, "best"), predictor=PREDICTOR).bind_tools([add])
    assert llm.invoke("1+2?").text == SPELT[0]


def test_who_offers_no_tools_has_a_way_of_his_own(server):
    server.behave("best", {"text": SPELT[0]})
    assert ask(Router(experts(server, "best", "next"), predictor=PREDICTOR), "1+2?").record["expert"] == "best"


@pytest.mark.parametrize("text", ["In Qwen's form a call begins with <tool_call> and holds JSON.", "f(x) = [x]"])
def test_words_about_tool_calls_are_an_answer(text, server):
    server.behave("best", {"text": text})
    llm = ChatLeeroo(experts=experts(server, "best", "next"), predictor=PREDICTOR).bind_tools([add])
    assert llm.invoke("How?").response_metadata["leeroo"]["expert"] == "best"
