"""`consult=True` through Leeroo: several experts, one answer, every ask on the record."""

import asyncio

import pytest
from llama_index.core.base.llms.types import ChatMessage

from leeroo import ExpertsFailed, budget
from leeroo.consult.equivalence import Equivalence
from leeroo.consult.settings import Consulting
from llamaindex_leeroo import Leeroo
from tests.given_up import in_rounds_of
from tests.llamaindex.conftest import pool_of

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
ASK = [ChatMessage(role="user", content=QUESTION)]
DEMAND = {"consult": True, "min_quality": 0.99}


@pytest.fixture(autouse=True)
def _they_disagree(server):
    server.behave("small-model", {"text": "The answer is A."})
    server.behave("large-model", {"text": "The answer is B."})


def check(response):
    record = response.additional_kwargs["leeroo"]
    said = response.message.content if hasattr(response, "message") else response.text
    assert said == "The answer is B."
    assert record["expert"] == "large"
    assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in record["consult"]["asks"]))
    return record


def test_off_by_default(llm):
    assert "consult" not in llm.chat(ASK).additional_kwargs["leeroo"]


async def test_every_way_of_asking(llm):
    check(llm.chat(ASK, **DEMAND))
    check(await llm.achat(ASK, **DEMAND))
    check(llm.complete(QUESTION, **DEMAND))
    check(list(llm.stream_chat(ASK, **DEMAND))[-1])
    check([piece async for piece in await llm.astream_chat(ASK, **DEMAND)][-1])


def test_a_stream_gives_the_accepted_answer_only(llm):
    assert "".join(piece.delta or "" for piece in llm.stream_chat(ASK, **DEMAND)) == "The answer is B."


def test_as_a_field_and_with_the_caller_s_check(server, predictor):
    consulting = Consulting(Equivalence(verify=lambda text: "A" in text))
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=consulting, **DEMAND)
    assert llm.chat(ASK).message.content == "The answer is A."


def test_an_expert_that_fails_is_made_up_for(llm, server):
    server.behave("large-model", {"status": 503})
    record = llm.chat(ASK, **DEMAND).additional_kwargs["leeroo"]
    assert record["expert"] == "small"
    assert "server" in [a["error"] for a in record["attempts"]]


async def test_an_empty_answer_abstains_and_is_no_failure(llm, server):
    """As in the core: that two experts say nothing is evidence, and the best-predicted one's answer is taken."""
    for model in ("small-model", "large-model"):
        server.behave(model, {"text": ""})
    for response in (
        llm.chat(ASK, **DEMAND),
        await llm.achat(ASK, **DEMAND),
        list(llm.stream_chat(ASK, **DEMAND))[-1],
        [piece async for piece in await llm.astream_chat(ASK, **DEMAND)][-1],
    ):
        record = response.additional_kwargs["leeroo"]
        assert {(ask["expert"], ask["cluster"]) for ask in record["consult"]["asks"]} == {
            ("small", None),
            ("large", None),
        }
        assert [attempt["error"] for attempt in record["attempts"]] == [None, None]
        assert record["expert"] == "large"


CAPITAL = [ChatMessage(role="user", content="What is the capital of France?")]
SPELT = '<tool_call>{"name": "gas", "arguments": {}}</tool_call>'


async def test_what_is_of_no_use_abstains_and_what_was_broken_off_is_a_failure(server, predictor):
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=Consulting(policy=in_rounds_of(1)))
    server.behave("small-model", {"text": "Paris"})
    for how, error in (({"text": SPELT}, None), ({"text": "Rome", "finish": "error"}, "bad_answer")):
        server.behave("large-model", how)
        for response in (llm.chat(CAPITAL, **DEMAND), [p async for p in await llm.astream_chat(CAPITAL, **DEMAND)][-1]):
            record = response.additional_kwargs["leeroo"]
            assert response.message.content == "Paris"
            assert {one["expert"]: one["error"] for one in record["attempts"]} == {"large": error, "small": None}
            assert all(one["cost"] > 0 for one in record["attempts"])


def test_everybody_fails(llm, server):
    for model in ("small-model", "large-model"):
        server.behave(model, {"status": 503})
    with pytest.raises(ExpertsFailed):
        llm.chat(ASK, **DEMAND)


def check_given_up(record, spent):
    """The first expert's answer is paid for as used, the second's by the rule for broken calls, and none is lost."""
    first, second = record["attempts"]
    assert [first["error"], second["error"]] == [None, "cancelled"]
    assert record["consult"]["asks"][0]["expert"] == first["expert"]
    assert first["cost"] > 0
    assert second["cost"] > 0, "the provider may have worked: counted at the worst case"
    assert record["cost"] == pytest.approx(first["cost"] + second["cost"])
    assert spent.cost == pytest.approx(record["cost"])
    assert spent.remaining == pytest.approx(1.0 - spent.cost), "nothing stays reserved"


async def test_a_task_that_is_cancelled_while_the_second_is_asked_loses_nothing(server, predictor):
    llm = Leeroo.from_pool(
        pool_of(server), predictor=predictor, consulting=Consulting(Equivalence(verify=lambda text: False), haste=0.0)
    )
    _, second = [ask["expert"] for ask in llm.chat(ASK, **DEMAND).additional_kwargs["leeroo"]["consult"]["asks"]]
    server.behave(f"{second}-model", {"hang": 2.0})
    before = len(server.requests)
    with budget(max_total_cost=1.0) as spent:
        task = asyncio.create_task(llm.achat(ASK, **DEMAND))
        while len(server.requests) < before + 2:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        check_given_up(llm.router.ledger.calls()[-1], spent)
