"""An answer with nothing in it is paid for, and the next expert is asked; in the core and in `serve`, too.

Met in vercel/ai#8237 and covan-ai/covan#112 (a cap that is used up by thought), and wherever a provider withholds.
"""

import json

import httpx
import pytest

from leeroo import Expert, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.endpoints.streamed import Streamed
from leeroo.prediction import ConstantPredictor
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

ENDS = {
    "empty": {"text": ""},
    "filtered": {"text": "", "finish": "content_filter"},
    "truncated": {"text": "", "finish": "length"},
}


@pytest.fixture
def server():
    with OpenAIServer() as server:
        yield server


def router(server, *names):
    experts = {name: Expert(model=name, base_url=server.url, price=Price(input=1, output=2)) for name in names}
    return Router(experts, predictor=ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20))


def answered(way, chooses):
    """The text and the record."""
    messages = [{"role": "user", "content": "Hello"}]
    if way == "core":
        said = ask(chooses, "Hello")
        return said.text, said.record
    if way == "core, streamed":
        given = Streamed(chooses, messages)
        return "".join(given), given.record
    with running(chooses) as url:
        body = {"model": "leeroo", "messages": messages, "stream": way == "serve, streamed"}
        text = httpx.post(f"{url}/v1/chat/completions", json=body).text
    if way == "serve":
        return json.loads(text)["choices"][0]["message"]["content"], json.loads(text)["leeroo"]
    pieces = [json.loads(piece[6:]) for piece in text.split("\n\n")[:-2]]
    return "".join(p["choices"][0]["delta"].get("content") or "" for p in pieces), pieces[-1]["leeroo"]


WAYS = ["core", "core, streamed", "serve", "serve, streamed"]


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("way", WAYS)
def test_the_next_expert_answers_and_the_first_is_paid(way, kind, server):
    server.behave("best", ENDS[kind])
    text, record = answered(way, router(server, "best", "next"))
    assert "answer of next" in text
    first = record["attempts"][0]
    assert (first["expert"], first["error"], record["expert"]) == ("best", kind, "next")
    assert record["cost_is_estimate"] is False


@pytest.mark.parametrize("way", WAYS)
def test_where_nobody_is_left_it_is_handed_on_as_it_is(way, server):
    server.behave("best", ENDS["empty"])
    text, record = answered(way, router(server, "best"))
    assert text == ""
    assert record["attempts"][0]["error"] is None


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_call_is_an_answer(way, server):
    server.behave("best", {"tool_calls": (("add", {"a": 1}),)})
    _, record = answered(way, router(server, "best", "next"))
    assert record["expert"] == "best"
