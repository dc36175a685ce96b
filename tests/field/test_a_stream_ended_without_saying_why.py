"""Some gateways leave the finish reason out: a stream that tells its usage, or says that it is done, is whole.

Met in earendil-works/pi#7441 (text, then a piece with the usage alone, then the end, without a finish reason).
"""

import json

import httpx
import pytest

from leeroo import Expert, LeerooError, Price, Router
from leeroo.endpoints.streamed import Streamed
from leeroo.prediction import ConstantPredictor
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

HEAD = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
TEXT = {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": None}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}


def raw(*pieces, done=""):
    return {"raw": "".join(f"data: {json.dumps({**HEAD, **piece})}\n\n" for piece in pieces) + done}


@pytest.fixture
def server():
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def router(server):
    expert = Expert(model="m", base_url=server.url, price=Price(input=1, output=2))
    return Router({"a": expert}, predictor=ConstantPredictor({}, output_tokens=20))


def test_the_core_takes_it(router, server):
    server.behave("m", raw(TEXT, USAGE))
    given = Streamed(router, [{"role": "user", "content": "Hi"}])
    assert "".join(given) == "hello"
    assert (given.record["output_tokens"], given.record["cost_is_estimate"]) == (5, False)


def test_serve_takes_it_and_gives_its_own_client_a_reason(router, server):
    server.behave("m", raw(TEXT, USAGE))
    body = {"model": "leeroo", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with running(router) as url:
        said = httpx.post(f"{url}/v1/chat/completions", json=body).text.split("\n\n")
    assert said[-2] == "data: [DONE]"
    pieces = [json.loads(piece[6:]) for piece in said[:-2]]
    assert pieces[-1]["choices"][0]["finish_reason"] == "stop"
    assert pieces[-1]["leeroo"]["output_tokens"] == 5


def test_a_stream_that_just_breaks_off_is_not_whole(router, server):
    server.behave("m", raw(TEXT))
    with pytest.raises(LeerooError, match="ended before its answer did"):
        list(Streamed(router, [{"role": "user", "content": "Hi"}]))
