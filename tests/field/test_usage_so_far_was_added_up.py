"""Servers that tell the usage so far in every piece of a stream: the last one counts, and not their sum.

Met in vllm-project/vllm-omni#2313 (`continuous_usage_stats`), and as 14,700 tokens for 700 in LangChain's own sums.
"""

import json

import httpx
import pytest

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price, Router
from leeroo.endpoints.streamed import Streamed
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

MESSAGES = [{"role": "user", "content": "Hello"}]


def record_of(way, experts, predictor):
    if way == "langchain":
        return list(ChatLeeroo(experts=experts, predictor=predictor).stream("Hello"))[-1].response_metadata["leeroo"]
    if way == "llamaindex":
        return list(Leeroo(experts=experts, predictor=predictor).stream_complete("Hello"))[-1].additional_kwargs[
            "leeroo"
        ]
    router = Router(experts, predictor=predictor)
    if way == "core":
        given = Streamed(router, MESSAGES)
        assert "".join(given)
        return given.record
    with running(router) as url:
        text = httpx.post(f"{url}/v1/chat/completions", json={"model": "leeroo", "messages": MESSAGES, "stream": True})
    return json.loads(text.text.split("\n\n")[-3][6:])["leeroo"]


@pytest.mark.parametrize("way", ["core", "serve", "langchain", "llamaindex"])
def test_the_last_one_counts(way):
    with OpenAIServer() as server:
        claim = {"prompt_tokens": 500, "completion_tokens": 200, "total_tokens": 700}
        server.behave("m", {"claim": claim, "running": True})
        experts = {"a": Expert(model="m", base_url=server.url, price=Price(input=1, output=2))}
        record = record_of(way, experts, ConstantPredictor({}, output_tokens=20))
    assert (record["input_tokens"], record["output_tokens"], record["cost_is_estimate"]) == (500, 200, False)
