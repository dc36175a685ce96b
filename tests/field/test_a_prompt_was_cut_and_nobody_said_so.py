"""A local server reads the end of a long prompt only, answers with 200, and tells it by its usage alone.

Met in ollama/ollama#17889 (about 7,900 tokens sent, 2,050 read) and odysseus-dev/odysseus#909; NousResearch/
hermes-agent#43900 has the remedy (a window in the model's file, for the compatible endpoint takes none per request).
"""

import logging

import httpx
import pytest

from langchain_leeroo import ChatLeeroo
from leeroo import Budget, Expert, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.integration.serve.conftest import running
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


def test_somebody_else_reads_the_whole_and_the_first_is_paid(server, caplog):
    paid = {n: Expert(model=n, base_url=server.url, price=Price(input=1, output=2)) for n in ("small", "large")}
    with caplog.at_level(logging.WARNING, "leeroo"):
        answer = ask(Router(paid, predictor=predictor()), LONG)
    first, second = answer.record["attempts"]
    assert (first["expert"], first["error"], first["input_cut"]) == ("small", "input_cut", True)
    assert first["cost"] == pytest.approx(2050e-6 + 20 * 2e-6), "what it reports to have used"
    assert (second["expert"], second["error"], answer.record["expert"]) == ("large", None, "large")
    assert "input_cut" not in answer.record, "the answer returned is to the whole prompt"
    assert "answer of large" in answer.text
    assert "read=2050" in caplog.text


def test_the_next_long_prompt_goes_to_somebody_who_reads_it_and_a_short_one_stays(router, server):
    ask(router, LONG)
    record = ask(router, LONG).record
    assert [a["expert"] for a in record["attempts"]] == ["large"]
    reason = next(c["ineligible"] for c in record["candidates"] if c["expert"] == "small")
    assert reason.startswith("read only about 2050 tokens")
    assert "OLLAMA_CONTEXT_LENGTH" in reason
    assert ask(router, "Hello").record["expert"] == "small"
    assert ask(router, LONG, Budget(expert="small")).record["expert"] == "small", "a pin is not a wish"


WAYS = ["core", "serve", "LangChain", "LangChain, async", "LlamaIndex", "LlamaIndex, async"]


async def asked(way, router):
    """The text and the record."""
    if way == "core":
        answer = ask(router, LONG)
        return answer.text, answer.record
    if way == "serve":
        with running(router) as url:
            body = {"model": "leeroo", "messages": [{"role": "user", "content": LONG}]}
            answer = httpx.post(f"{url}/v1/chat/completions", json=body).json()
        return answer["choices"][0]["message"]["content"], answer["leeroo"]
    if way.startswith("LangChain"):
        llm = ChatLeeroo(router=router)
        message = await llm.ainvoke(LONG) if "async" in way else llm.invoke(LONG)
        return message.text, message.response_metadata["leeroo"]
    llm = Leeroo(router=router)
    answer = await llm.acomplete(LONG) if "async" in way else llm.complete(LONG)
    return answer.text, answer.additional_kwargs["leeroo"]


@pytest.mark.parametrize("way", WAYS)
async def test_so_it_is_everywhere(way, router):
    text, record = await asked(way, router)
    assert [(a["expert"], a["error"]) for a in record["attempts"]] == [("small", "input_cut"), ("large", None)]
    assert "answer of large" in text


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_to_a_part_is_better_than_none(way, router, server):
    server.behave("large", {"status": 400, "message": "no"})
    text, record = await asked(way, router)
    assert "answer of small" in text
    assert (record["expert"], record["input_cut"]) == ("small", True)
    assert record["input_tokens"] == 2050
    assert [a["error"] for a in record["attempts"]] == ["input_cut", "bad_request"]


@pytest.mark.parametrize("way", WAYS)
async def test_who_takes_every_answer_gets_it_with_the_mark(way, server):
    router = Router(experts(server, "small", "large"), predictor=predictor(), on_empty="accept")
    _, record = await asked(way, router)
    assert (record["expert"], record["input_cut"]) == ("small", True)
    assert len(record["attempts"]) == 1


def test_experts_that_are_known_to_cut_are_not_asked_one_after_the_other(router, server):
    server.behave("large", CUT)
    ask(router, LONG)  # both cut it, and are remembered
    record = ask(router, LONG).record
    assert [a["error"] for a in record["attempts"]] == [None]
    assert record["input_cut"] is True


async def test_a_stream_that_has_begun_has_the_mark_only(server):
    llm = ChatLeeroo(experts=experts(server, "small", "large"), predictor=predictor())
    record = list(llm.stream(LONG))[-1].response_metadata["leeroo"]
    assert (record["expert"], record["input_cut"]) == ("small", True)
    assert (await llm.ainvoke(LONG)).response_metadata["leeroo"]["expert"] == "large", "and is remembered"


def test_an_answer_to_a_part_has_no_say_where_several_are_asked(server):
    server.behave("small", {**CUT, "text": "The answer is (B)."})
    server.behave("large", {"text": "The answer is (A)."})
    asks = Router(experts(server, "small", "large"), predictor=predictor())
    record = ask(asks, LONG + "Which one is it? (A) tea (B) milk", Budget(consult=True)).record
    assert [one["expert"] for one in record["consult"]["asks"]] == ["small", "large"]
    assert record["expert"] == "large"
    assert record["consult"]["asks"][0]["cluster"] is None


def test_where_nobody_else_can_answer_it_is_asked_all_the_same(server):
    router = Router(experts(server, "small"), predictor=predictor())
    for _ in range(2):
        assert ask(router, LONG).record["input_cut"] is True


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
