"""`consult=True` through Leeroo: several experts, one answer, every ask on the record."""

import asyncio
import threading

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from leeroo import ExpertsFailed, budget
from leeroo.consult.equivalence import Equivalence
from leeroo.consult.settings import Consulting
from llamaindex_leeroo import Leeroo
from tests.given_up import in_rounds_of
from tests.llamaindex.conftest import pool_of
from tests.openai_server import OpenAIServer

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
ASK = [ChatMessage(role="user", content=QUESTION)]
DEMAND = {"consult": True, "min_quality": 0.99}


class Gas(BaseModel):
    """A gas."""

    name: str
    mass: float


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


async def test_two_of_a_round_are_asked_at_once(predictor):
    both = threading.Barrier(2)

    def meet(body):
        both.wait(20)  # the one is answered once the other has been asked
        return "The answer is B."

    with OpenAIServer(answer=meet) as server:
        consulting = Consulting(policy=in_rounds_of(2))
        llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=consulting)
        for response in (
            llm.chat(ASK, **DEMAND),
            await llm.achat(ASK, **DEMAND),
            list(llm.stream_chat(ASK, **DEMAND))[-1],
            [piece async for piece in await llm.astream_chat(ASK, **DEMAND)][-1],
        ):
            record = check(response)
            assert record["consult"]["clusters"] == [2]
            assert record["consult"]["rounds"] == 1


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


async def test_whose_tools_are_run_answers_alone_and_the_record_says_so(llm, server):
    ran = []
    tool = FunctionTool.from_defaults(lambda city: ran.append(city) or "sunny", name="weather", description="Weather.")
    for model in ("small-model", "large-model"):
        server.behave(model, {"tool_calls": [("weather", {"city": "Rome"})]})
    llm.predict_and_call([tool], "weather?", **DEMAND)
    await llm.apredict_and_call([tool], "weather?", **DEMAND)
    assert ran == ["Rome", "Rome"]
    for record in llm.router.ledger.calls():
        assert len(record["attempts"]) == 1
        assert "done once" in record["consult"]["stopped"]


async def test_a_structured_llm_compares_objects_by_value(server, predictor):
    """With the budget bound, and in each call."""
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=Consulting(policy=in_rounds_of(1)))
    server.behave("small-model", {"text": '{"name": "x", "mass": 1}'})
    server.behave("large-model", {"text": '{"mass": 1.0, "name": "x"}'})
    bound, each = llm.with_budget(**DEMAND).as_structured_llm(Gas), llm.as_structured_llm(Gas)
    answers = [
        bound.chat(ASK).raw,
        (await bound.achat(ASK)).raw,
        list(bound.stream_chat(ASK))[-1].raw,
        each.chat(ASK, **DEMAND).raw,
    ]
    assert answers == [Gas(name="x", mass=1.0)] * 4
    assert [record["consult"]["clusters"] for record in llm.router.ledger.calls()] == [[2]] * 4


async def asked(form, way):
    if way in ("chat", "achat"):
        answer = form.chat(ASK, **DEMAND) if way == "chat" else await form.achat(ASK, **DEMAND)
    elif way == "stream_chat":
        answer = list(form.stream_chat(ASK, **DEMAND))[-1]
    else:
        answer = [piece async for piece in await form.astream_chat(ASK, **DEMAND)][-1]
    return answer.raw


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize("text", ["I do not know.", '{"name": 1}', "", '{"name": "x", "mass": '])
async def test_an_object_that_cannot_be_parsed_abstains(way, text, server, predictor):
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=Consulting(policy=in_rounds_of(1)))
    server.behave("large-model", {"text": text})
    server.behave("small-model", {"text": '{"name": "x", "mass": 1}'})
    assert await asked(llm.as_structured_llm(Gas), way) == Gas(name="x", mass=1.0)
    record = llm.router.ledger.calls()[-1]
    assert [(ask["expert"], ask["cluster"]) for ask in record["consult"]["asks"]] == [("large", None), ("small", 0)]
    assert [one["error"] for one in record["attempts"]] == ["unparsable", None]
    assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in record["consult"]["asks"]))
    server.behave("small-model", {"text": text})
    with pytest.raises(ExpertsFailed, match="does not have the form of Gas"):
        await asked(llm.as_structured_llm(Gas), way)


async def test_tool_calls_are_compared_and_a_tool_loop_stays_with_its_expert(server, predictor):
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=Consulting(policy=in_rounds_of(1)))
    server.behave("small-model", {"tool_calls": [("weather", '{"city": "Rome"}')]})
    server.behave("large-model", {"tool_calls": [("weather", {"city": "Rome"})]})
    tool = FunctionTool.from_defaults(lambda city: "sunny", name="weather", description="Weather.")
    answers = [llm.chat_with_tools([tool], "weather?", **DEMAND)]
    answers += [[piece async for piece in await llm.astream_chat_with_tools([tool], "weather?", **DEMAND)][-1]]
    for answer in answers:
        assert answer.additional_kwargs["leeroo"]["consult"]["clusters"] == [2]
        [call] = llm.get_tool_calls_from_response(answer)
        result = ChatMessage(role="tool", content="sunny", additional_kwargs={"tool_call_id": call.tool_id})
        server.behave("large-model", [{"text": "sunny"}])
        then = llm.chat_with_tools([tool], chat_history=[answer.message, result], **DEMAND)
        assert then.additional_kwargs["leeroo"]["expert"] == "large"
        assert then.additional_kwargs["leeroo"]["consult"]["stopped"] == "a tool loop stays with its expert"
        server.behave("large-model", {"tool_calls": [("weather", {"city": "Rome"})]})


def test_the_caller_s_own_functions_see_the_json_of_structured_answers(server, predictor):
    server.behave("small-model", {"text": '{"name": "x", "mass": 1}'})
    server.behave("large-model", {"text": '{"name": "y", "mass": 1}'})
    for equivalence, clusters in (
        (Equivalence(verify=lambda text: '"x"' in text), [1]),
        (Equivalence(equivalent=lambda one, other: one == other), [1, 1]),
    ):
        settings = Consulting(equivalence, policy=in_rounds_of(1))
        llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=settings)
        found = llm.as_structured_llm(Gas).chat(ASK, **DEMAND).raw
        assert llm.router.ledger.calls()[-1]["consult"]["clusters"] == clusters
        assert found.name == ("x" if clusters == [1] else "y")
