"""`consult=True` through ChatLeeroo: several experts, one answer, every ask on the record."""

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

import leeroo
from langchain_leeroo import ChatLeeroo
from leeroo import BudgetExceeded, ExpertsFailed
from leeroo.consult.equivalence import Equivalence
from leeroo.consult.settings import Consulting
from leeroo.prediction.predictor import ConstantPredictor
from tests.given_up import in_rounds_of

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
DEMAND = {"consult": True, "min_quality": 0.99}


@pytest.fixture
def they_disagree(make, fake):
    return make(fake(says="The answer is A."), fake(says="The answer is B."))


def asked(record):
    return {ask["expert"]: ask["cluster"] for ask in record["consult"]["asks"]}


def check(message):
    record = message.response_metadata["leeroo"]
    assert message.text == "The answer is B."
    assert record["expert"] == "large"
    assert set(asked(record)) <= {"small", "large"}
    assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in record["consult"]["asks"]))
    return record


def test_off_by_default(they_disagree):
    assert "consult" not in they_disagree.invoke(QUESTION).response_metadata["leeroo"]


async def test_whole_and_streamed_sync_and_async(they_disagree):
    check(they_disagree.invoke(QUESTION, **DEMAND))
    check(await they_disagree.ainvoke(QUESTION, **DEMAND))
    chunks = list(they_disagree.stream(QUESTION, **DEMAND))
    check(sum(chunks[1:], chunks[0]))
    chunks = [chunk async for chunk in they_disagree.astream(QUESTION, **DEMAND)]
    check(sum(chunks[1:], chunks[0]))


def test_both_are_asked_where_the_cheap_one_answers_first(make, fake):
    llm = make(fake(says="The answer is A."), fake(says="The answer is B."), consult=True, willingness_to_pay=0.02)
    record = llm.invoke(QUESTION).response_metadata["leeroo"]
    assert len(asked(record)) >= 1
    assert [c.text for c in llm.batch([QUESTION, QUESTION], **DEMAND)] == ["The answer is B."] * 2


def test_an_expert_that_fails_is_made_up_for(make, fake):
    llm = make(fake(says="The answer is A."), fake(error=ConnectionError("gone")))
    record = llm.invoke(QUESTION, **DEMAND).response_metadata["leeroo"]
    assert record["expert"] == "small"
    assert "connection" in [a["error"] for a in record["attempts"]]


def test_everybody_fails(make, fake):
    llm = make(fake(error=ConnectionError("gone")), fake(error=ConnectionError("gone")))
    with pytest.raises(ExpertsFailed):
        llm.invoke(QUESTION, **DEMAND)


def test_the_cap_holds(they_disagree):
    message = they_disagree.invoke(QUESTION, **DEMAND, max_cost=0.0004)
    assert message.response_metadata["leeroo"]["cost"] <= 0.0004
    with pytest.raises(BudgetExceeded):
        they_disagree.invoke(QUESTION, **DEMAND, max_cost=1e-9)


class Gas(BaseModel):
    """A gas."""

    name: str


def test_structured_answers_are_compared_by_value(make, fake):
    def calls(name):
        return [{"name": "Gas", "args": {"name": name}, "id": name}]

    llm = make(fake(tool_calls=calls("oxygen")), fake(tool_calls=calls("carbon dioxide")))
    found = llm.with_structured_output(Gas, include_raw=True, **DEMAND).invoke(QUESTION)
    assert found["parsed"] == Gas(name="carbon dioxide")
    assert "consult" in found["raw"].response_metadata["leeroo"]


def test_a_callback_of_the_caller_that_raises_ends_the_call(they_disagree):
    class Strict(BaseCallbackHandler):
        raise_error = True

        def on_chat_model_start(self, *args, **kwargs):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        they_disagree.invoke(QUESTION, {"callbacks": [Strict()]}, **DEMAND)


async def test_a_structured_stream_is_held_back_and_gives_the_accepted_object(make, fake):
    def calls(name):
        return [{"name": "Gas", "args": {"name": name}, "id": name}]

    llm = make(fake(tool_calls=calls("oxygen")), fake(tool_calls=calls("carbon dioxide")))
    plain = llm.with_structured_output(Gas, **DEMAND)
    assert list(plain.stream(QUESTION)) == [Gas(name="carbon dioxide")]
    assert [piece async for piece in plain.astream(QUESTION)] == [Gas(name="carbon dioxide")]
    whole = {}
    for piece in llm.with_structured_output(Gas, include_raw=True, **DEMAND).stream(QUESTION):
        for key, value in piece.items():
            whole[key] = whole[key] + value if key == "raw" and key in whole else value
    assert whole["parsed"] == Gas(name="carbon dioxide")
    assert whole["raw"].response_metadata["leeroo"]["consult"]["clusters"]


class Told(BaseCallbackHandler):
    def __init__(self):
        self.events = []

    def on_custom_event(self, name, data, **kwargs):
        self.events.append((name, data))


def check_events(events):
    assert {name for name, _ in events} == {"leeroo_consult"}
    stages = [data["stage"] for _, data in events]
    assert stages[0] == "asking"
    assert stages.count("answered") == events[-1][1]["asks"] >= 1
    assert stages[-1] == "stopped"
    assert events[-1][1]["expert"] == "large"
    assert "plants" not in str(events)
    assert "The answer is" not in str(events)


async def test_custom_events_tell_each_ask_answer_and_stop(they_disagree):
    told, atold = Told(), Told()
    they_disagree.invoke(QUESTION, {"callbacks": [told]}, **DEMAND)
    check_events(told.events)
    await they_disagree.ainvoke(QUESTION, {"callbacks": [atold]}, **DEMAND)
    check_events(atold.events)
    heard = [e async for e in they_disagree.astream_events(QUESTION, version="v2", **DEMAND)]
    check_events([(e["name"], e["data"]) for e in heard if e["event"] == "on_custom_event"])


class ByFirstWord(ConstantPredictor):
    """Of every expert the quality that goes with the question's first word."""

    def __init__(self, qualities):
        super().__init__(output_tokens=50)
        self._qualities = qualities

    def predict(self, queries, experts):
        found = super().predict(queries, experts)
        quality = np.array([[self._qualities[query.split()[0]]] * len(experts) for query in queries], dtype=np.float32)
        return replace(found, quality=quality)


async def test_joint_batches_choose_who_is_consulted(make, fake):
    predictor = ByFirstWord({"sure": 0.97, "doubtful": 0.6})
    llm = make(fake(says="The answer is A."), fake(says="The answer is B."), predictor=predictor)
    asks = [f"{word} {QUESTION}" for word in ("sure", "doubtful")]
    for messages in (
        llm.batch(asks, max_total_cost=0.02, **DEMAND),
        await llm.abatch(asks, max_total_cost=0.02, **DEMAND),
    ):
        sure, doubtful = (message.response_metadata["leeroo"] for message in messages)
        assert asked(sure)
        assert asked(doubtful)  # neither is held to the expert that the batch planned
        assert sure["cost"] + doubtful["cost"] <= 0.02
        assert doubtful["budget"]["max_cost"] > sure["budget"]["max_cost"]


async def test_a_task_that_is_cancelled_while_the_second_is_asked_loses_nothing(make, fake):
    begun = asyncio.Event()
    asked_so_far = []

    class SecondHangs(fake):
        async def _agenerate(self, *args, **kwargs):
            asked_so_far.append(self.model_name)
            if len(asked_so_far) == 2:
                begun.set()
                await asyncio.Event().wait()
            return self._generate(args[0])

    experts = SecondHangs(says="The answer is A.", model_name="s"), SecondHangs(says="The answer is B.", model_name="l")
    llm = make(*experts, consulting=Consulting(Equivalence(verify=lambda text: False), haste=0.0))
    with leeroo.budget(max_total_cost=1.0) as spent:
        task = asyncio.create_task(llm.ainvoke(QUESTION, **DEMAND))
        await asyncio.wait_for(begun.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        record = llm.router.ledger.calls()[-1]
        first, second = record["attempts"]
        assert [first["error"], second["error"]] == [None, "cancelled"]
        assert record["consult"]["asks"][0]["expert"] == first["expert"]
        assert first["cost"] > 0
        assert second["cost"] > 0, "the provider may have worked: counted at the worst case"
        assert spent.cost == pytest.approx(record["cost"]) == pytest.approx(first["cost"] + second["cost"])
        assert spent.remaining == pytest.approx(1.0 - spent.cost), "nothing stays reserved"


@pytest.fixture
def judged(make, fake):
    """Two whose long answers only a judge can compare; it is one of them, and says NO to whatever it is asked then."""
    ships = "Ships are held above the waves by the wishes of the sailors on board, who sing to the sea each night. " * 3

    def says(messages):
        return {"content": "NO" if "answer_1" in messages[-1].text else f"Indeed. {ships}"}

    settings = Consulting(judge="large", haste=0.0)
    return make(fake(says=ships), fake(script=says), consulting=settings)


async def test_no_token_of_any_ask_reaches_who_reads_a_stream_of_events(they_disagree, judged):
    for llm, question in ((they_disagree, QUESTION), (judged, "Why do ships float?")):
        heard = [e async for e in llm.astream_events(question, version="v2", **DEMAND)]
        kinds = [e["event"] for e in heard]
        assert "on_chat_model_stream" not in kinds
        assert kinds.count("on_chat_model_start") == kinds.count("on_chat_model_end") >= 1
        said = "".join(e["data"]["chunk"].text for e in heard if e["event"] == "on_chain_stream")
        assert said == llm.invoke(question, **DEMAND).text


async def test_an_agent_s_messages_are_the_accepted_ones(they_disagree, judged):
    for llm, question in ((they_disagree, QUESTION), (judged, "Why do ships float?")):
        agent = create_agent(llm.bind(**DEMAND), [])
        asked = {"messages": [HumanMessage(question)]}
        streams = [
            list(agent.stream(asked, stream_mode="messages")),
            [piece async for piece in agent.astream(asked, stream_mode="messages")],
        ]
        for pieces in streams:
            texts = [message.text for message, _ in pieces if isinstance(message, AIMessage)]
            assert texts == [llm.invoke(question, **DEMAND).text]


CAPITAL = "What is the capital of France?"
SPELT = '<tool_call>{"name": "gas", "arguments": {}}</tool_call>'


async def test_what_is_of_no_use_abstains_and_what_was_broken_off_is_a_failure(server, pool):
    qualities = ConstantPredictor({"small": 0.6, "large": 0.9}, output_tokens=50)
    llm = ChatLeeroo.from_pool(pool, predictor=qualities, consulting=Consulting(policy=in_rounds_of(1)))
    server.behave("small-model", {"text": "Paris"})
    for how, error in (({"text": SPELT}, None), ({"text": "Rome", "finish": "error"}, "bad_answer")):
        server.behave("large-model", how)
        for message in (llm.invoke(CAPITAL, **DEMAND), await llm.ainvoke(CAPITAL, **DEMAND)):
            record = message.response_metadata["leeroo"]
            assert message.text == "Paris"
            assert {one["expert"]: one["error"] for one in record["attempts"]} == {"large": error, "small": None}
            assert asked(record) == ({"small": 0} if error else {"large": None, "small": 0})
            assert all(one["cost"] > 0 for one in record["attempts"])


async def test_the_caller_s_own_functions_see_the_json_of_structured_answers_and_no_tool_calls(make, fake):
    def calls(name):
        return [{"name": "Gas", "args": {"name": name}, "id": name}]

    def same(one, other):
        return json.loads(one)["name"][0] == json.loads(other)["name"][0]

    policy = in_rounds_of(1)
    experts = fake(tool_calls=calls("carbon dioxide")), fake(tool_calls=calls("oxygen"))
    schema = {"type": "object", "properties": {"name": {"enum": ["carbon dioxide"]}}}
    checked = make(*experts, consulting=Consulting(Equivalence(verify=schema), policy=policy))
    compared = make(*experts, consulting=Consulting(Equivalence(equivalent=same), policy=policy))
    form = checked.with_structured_output(Gas, include_raw=True, **DEMAND)
    for found in (form.invoke(QUESTION), await form.ainvoke(QUESTION)):
        assert found["parsed"] == Gas(name="carbon dioxide")
        assert asked(found["raw"].response_metadata["leeroo"]) == {"large": None, "small": 0}
    found = compared.with_structured_output(Gas, include_raw=True, **DEMAND).invoke(QUESTION)
    assert sorted(found["raw"].response_metadata["leeroo"]["consult"]["clusters"]) == [1, 1]
    agent = make(fake(says="", tool_calls=calls("x")), fake(says="", tool_calls=calls("x")),
                 consulting=Consulting(Equivalence(verify=schema), policy=policy))  # fmt: skip
    record = agent.bind_tools([Gas]).invoke("a gas, please", **DEMAND).response_metadata["leeroo"]
    assert record["consult"]["clusters"] == [2]
