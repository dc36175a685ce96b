"""Once a gateway has said 200, what fails behind it is told within the stream, or in a choice: it is no answer.

Met in diegosouzapw/OmniRoute#8210 (no choices and an error), damianvtran/local-operator#223 and genkit-ai/genkit#6259
(`finish_reason: "error"` with the error beside it), taken for empty answers that had succeeded.
"""

import json

import httpx
import pytest

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, LeerooError, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.endpoints.streamed import Streamed
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

PRICE = Price(input=1, output=2)
ERROR = {"code": 502, "message": "Worker limit reached"}
HEAD = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def stream(*pieces):
    return {"raw": "".join(f"data: {json.dumps({**HEAD, **piece})}\n\n" for piece in pieces) + "data: [DONE]\n\n"}


def choice(reason=None, **delta):
    return {"index": 0, "delta": delta, "finish_reason": reason}


STREAMS = {
    "no choices": stream({"choices": [], "error": ERROR}),
    "a choice that failed": stream({"choices": [choice("error", content="")], "error": ERROR}),
    "a choice with its error": stream({"choices": [{**choice("error", content=""), "error": ERROR}]}),
    "a finish reason alone": stream({"choices": [choice(content="")]}, {"choices": [choice("error")]}),
}
WHOLE = {
    "a choice that failed": {"choices": [{"index": 0, "finish_reason": "error", "error": ERROR,
                                          "message": {"role": "assistant", "content": ""}}]},
    "an error alone": {"error": ERROR},
}  # fmt: skip


@pytest.fixture
def server():
    with OpenAIServer() as server:
        yield server


def experts(server):
    return {name: Expert(model=name, base_url=server.url, price=PRICE) for name in ("best", "next")}


def predictor():
    return ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20)


async def streamed(way, server):
    if way == "core":
        given = Streamed(Router(experts(server), predictor=predictor()), [{"role": "user", "content": "Hello"}])
        return "".join(given), given.record
    if way == "serve":
        with running(Router(experts(server), predictor=predictor())) as url:
            body = {"model": "leeroo", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
            pieces = httpx.post(f"{url}/v1/chat/completions", json=body).text.split("\n\n")[:-2]
        found = [json.loads(piece[6:]) for piece in pieces]
        return "".join(p["choices"][0]["delta"].get("content") or "" for p in found), found[-1]["leeroo"]
    if way == "langchain":
        llm = ChatLeeroo(experts=experts(server), predictor=predictor())
        pieces = [piece async for piece in llm.astream("Hello")]
        return "".join(str(piece.text) for piece in pieces), pieces[-1].response_metadata["leeroo"]
    last = list(Leeroo(experts=experts(server), predictor=predictor()).stream_complete("Hello"))[-1]
    return last.text, last.additional_kwargs["leeroo"]


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("way", ["core", "serve", "langchain", "llamaindex"])
async def test_before_the_first_word_the_next_expert_answers(way, kind, server):
    server.behave("best", STREAMS[kind])
    text, record = await streamed(way, server)
    assert "next" in text
    assert record["expert"] == "next"
    assert record["attempts"][0]["error"] is not None


@pytest.mark.parametrize("kind", ["no choices", "a choice that failed", "a choice with its error"])
@pytest.mark.parametrize("way", ["core", "langchain", "llamaindex"])
async def test_after_it_the_answer_is_not_taken_for_a_whole_one(way, kind, server):
    begun = {**HEAD, "choices": [choice(content="Once upon a time")]}
    server.behave("best", {"raw": f"data: {json.dumps(begun)}\n\n" + STREAMS[kind]["raw"]})
    with pytest.raises(LeerooError) as caught:
        await streamed(way, server)
    assert caught.value.record["attempts"][0]["error"] is not None


@pytest.mark.parametrize("kind", WHOLE)
async def test_so_it_is_where_the_answer_comes_whole(kind, server):
    server.behave("best", {"raw": json.dumps({**HEAD, **WHOLE[kind]})})
    assert ask(Router(experts(server), predictor=predictor()), "Hello").record["expert"] == "next"
    llm = ChatLeeroo(experts=experts(server), predictor=predictor())
    assert llm.invoke("Hello").response_metadata["leeroo"]["expert"] == "next"
    other = Leeroo(experts=experts(server), predictor=predictor())
    assert other.complete("Hello").additional_kwargs["leeroo"]["expert"] == "next"
    with running(Router(experts(server), predictor=predictor())) as url:
        body = {"model": "leeroo", "messages": [{"role": "user", "content": "Hello"}]}
        assert httpx.post(f"{url}/v1/chat/completions", json=body).json()["leeroo"]["expert"] == "next"
