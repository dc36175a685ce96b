"""A local server reads the end of a long prompt only, answers with 200, and tells it by its usage alone.

Met in ollama/ollama#17889 (about 7,900 tokens sent, 2,050 read) and odysseus-dev/odysseus#909; NousResearch/
hermes-agent#43900 has the remedy (a window in the model's file, for the compatible endpoint takes none per request).
"""

import logging

import pytest
from langchain_core.messages import HumanMessage

from langchain_leeroo import ChatLeeroo
from leeroo import Budget, Expert, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.openai_server import OpenAIServer

LONG = "The sky over the town was grey again and nobody minded. " * 700
PRICE = Price(input=0, output=0)
CUT = {"claim": {"prompt_tokens": 2050, "completion_tokens": 20, "total_tokens": 2070}}


@pytest.fixture
def server():
    with OpenAIServer() as server:
        server.behave("small", CUT)
        yield server


def experts(server, *names):
    return {name: Expert(model=name, base_url=server.url, price=PRICE) for name in names}


def predictor():
    return ConstantPredictor({"small": 0.9, "large": 0.5}, output_tokens=20)


@pytest.fixture
def router(server):
    return Router(experts(server, "small", "large"), predictor=predictor())


def test_the_record_and_the_log_say_so(router, caplog):
    with caplog.at_level(logging.WARNING, "leeroo"):
        record = ask(router, LONG).record
    assert record["input_cut"] is True
    assert record["attempts"][0]["input_cut"] is True
    assert "input_cut" in caplog.text
    assert "read=2050" in caplog.text


def test_the_next_long_prompt_goes_to_somebody_who_reads_it_and_a_short_one_stays(router, server):
    ask(router, LONG)
    record = ask(router, LONG).record
    assert record["expert"] == "large"
    reason = next(c["ineligible"] for c in record["candidates"] if c["expert"] == "small")
    assert reason.startswith("read only about 2050 tokens")
    assert "OLLAMA_CONTEXT_LENGTH" in reason
    assert ask(router, "Hello").record["expert"] == "small"
    assert ask(router, LONG, Budget(expert="small")).record["expert"] == "small", "a pin is not a wish"


def test_where_nobody_else_can_answer_it_is_asked_all_the_same(server):
    router = Router(experts(server, "small"), predictor=predictor())
    for _ in range(2):
        assert ask(router, LONG).record["input_cut"] is True


def test_the_frameworks_say_so_too(server):
    record = ChatLeeroo(experts=experts(server, "small", "large"), predictor=predictor()).invoke(
        [HumanMessage(LONG)]
    ).response_metadata["leeroo"]  # fmt: skip
    assert record["input_cut"] is True
    other = Leeroo(experts=experts(server, "small", "large"), predictor=predictor())
    assert other.complete(LONG).additional_kwargs["leeroo"]["input_cut"] is True
    assert other.complete(LONG).additional_kwargs["leeroo"]["expert"] == "large"


@pytest.mark.parametrize(
    "how",
    [
        {"claim": {"prompt_tokens": 7000, "completion_tokens": 20}},  # another tokenizer
        {"usage": False},
        {"claim": {"prompt_tokens": 8050, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 7900}}},
    ],
)
def test_other_counts_are_no_cut(router, server, how):
    server.behave("small", how)
    assert "input_cut" not in ask(router, LONG).record
