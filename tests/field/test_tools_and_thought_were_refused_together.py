"""From GPT-5.4 on, OpenAI's chat completions take tools only from a model that is told not to think.

Met in openai/openai-openapi#541, pipecat-ai/pipecat#4043 and BerriAI/litellm#34569 (even where no effort is sent: the
model's default is one).
"""

import pytest
from langchain_openai import ChatOpenAI
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price
from leeroo.endpoints.openai_compatible import Endpoint, request_to
from leeroo.prediction import ConstantPredictor
from leeroo.routing.refusals import told
from llamaindex_leeroo import Leeroo
from tests.openai_server import OpenAIServer

TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]


def effort(model, url=None, **more):
    expert = Expert(model=model, price=Price(input=1, output=2), base_url=url)
    body = {"messages": [{"role": "user", "content": "hi"}], **more}
    return request_to(expert, Endpoint(model, url, "k"), body, None)["extra_body"].get("reasoning_effort")


@pytest.mark.parametrize(
    ("model", "url", "more", "sent"),
    [
        ("gpt-5.6-terra", None, {"tools": TOOLS}, "none"),
        ("gpt-5.4", "https://eu.api.openai.com/v1", {"tools": TOOLS}, "none"),
        ("gpt-5.6-terra", None, {}, None),
        ("gpt-5.6-terra", None, {"tools": []}, None),
        ("gpt-5-mini", None, {"tools": TOOLS}, None),
        ("openai/gpt-5.4", "https://openrouter.ai/api/v1", {"tools": TOOLS}, None),
        ("gpt-5.4", None, {"tools": TOOLS, "reasoning_effort": "high"}, "high"),
    ],
)
def test_it_is_told_not_to_think_where_nobody_asked_it_to(model, url, more, sent):
    assert effort(model, url, **more) == sent


def test_an_effort_that_was_asked_for_is_refused_for_the_next_expert_to_answer():
    text = "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions."
    assert told(text.lower(), 400) == "unsupported"


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Sum(BaseModel):
    """A sum."""

    value: int


@pytest.fixture
def server(monkeypatch):
    """A server that the program takes for OpenAI's."""
    with OpenAIServer() as server:
        monkeypatch.setattr("leeroo.endpoints.parameters.provider_of_host", lambda url: "openai" if url else None)
        yield server


def efforts(server):
    return [body.get("reasoning_effort") for body in server.bodies()]


def chat(server, model="gpt-5.4", **kwargs):
    own = ChatOpenAI(model=model, base_url=server.url, api_key="none", max_retries=0, **kwargs)
    expert = Expert(model=own, price=Price(input=1, output=2))
    return ChatLeeroo(experts={"one": expert}, predictor=ConstantPredictor({"one": 0.9}, output_tokens=20))


async def test_langchains_class_is_told_so_too(server):
    llm = chat(server).bind_tools([add])
    llm.invoke("1+2?")
    await llm.ainvoke("1+2?")
    list(llm.stream("1+2?"))
    chat(server).with_structured_output(Sum, method="function_calling", include_raw=True).invoke("1+2?")
    assert efforts(server) == ["none"] * 4


def test_what_the_model_or_the_call_says_of_thinking_stands(server):
    chat(server).invoke("hi")
    chat(server, "gpt-5-mini").bind_tools([add]).invoke("1+2?")
    chat(server, reasoning_effort="high").bind_tools([add]).invoke("1+2?")
    chat(server).bind_tools([add], reasoning_effort="low").invoke("1+2?")
    assert efforts(server) == [None, None, "high", "low"]


def test_a_pools_expert_is_told_so_in_both_frameworks(server):
    pool = {"experts": {"one": {"model": "gpt-5.4", "base_url": server.url, "price": {"input": 1, "output": 2}}}}
    predictor = ConstantPredictor({"one": 0.9}, output_tokens=20)
    ChatLeeroo.from_pool(pool, predictor=predictor).bind_tools([add]).invoke("1+2?")
    llm = Leeroo.from_pool(pool, predictor=predictor)
    llm.chat_with_tools([FunctionTool.from_defaults(add)], user_msg="1+2?")
    llm.complete("hi")
    assert efforts(server) == ["none", "none", None]
