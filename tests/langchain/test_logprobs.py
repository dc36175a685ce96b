"""Log-probabilities as evidence through ChatLeeroo: asked for under consult alone, and kept from who did not ask."""

import pytest
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from langchain_leeroo import ChatLeeroo
from langchain_leeroo.logprobs import may_ask
from leeroo import Expert, Price
from leeroo.consult.logprobs import LEAST_SEEN
from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting
from tests.disagreeing import DEMAND, NEAR, QUESTION, disagree, says


@pytest.fixture(autouse=True)
def _they_disagree(server):
    disagree(server)


@pytest.fixture
def ready(server):
    """A router over ready ChatOpenAI objects, made with some fields."""

    def build(small="small-model", **fields):
        def expert(model, price):
            made = ChatOpenAI(model=model, base_url=server.url, api_key=SecretStr("x"), max_retries=0, **fields)
            return Expert(model=made, price=Price(input=price, output=2 * price))

        experts = {"small": expert(small, 1), "large": expert("large-model", 10)}
        return ChatLeeroo(experts=experts, predictor=NEAR)

    return build


@pytest.fixture
def named(pool):
    return ChatLeeroo.from_pool(pool, predictor=NEAR)


def evidence(message):
    return [ask.get("logprob") for ask in message.response_metadata["leeroo"]["consult"]["asks"]]


async def every_way(llm, **kwargs):
    chunks = list(llm.stream(QUESTION, **kwargs))
    achunks = [chunk async for chunk in llm.astream(QUESTION, **kwargs)]
    return [
        llm.invoke(QUESTION, **kwargs),
        await llm.ainvoke(QUESTION, **kwargs),
        sum(chunks[1:], chunks[0]),
        sum(achunks[1:], achunks[0]),
        *llm.batch([QUESTION], **kwargs),
    ]


@pytest.mark.parametrize("streaming", [False, True])
async def test_clients_of_ours_and_ready_ones_are_asked_and_the_user_is_not_told(server, named, ready, streaming):
    for llm in (named.model_copy(update={"streaming": streaming}), ready(streaming=streaming)):
        for message in await every_way(llm, **DEMAND):
            assert set(evidence(message)) == {-0.3}
            assert message.response_metadata.get("logprobs") is None
    assert all(body["logprobs"] is True for body in server.bodies())


async def test_nobody_is_asked_without_consult_or_with_a_certainty_of_nought(server, named):
    for message in await every_way(named):
        assert "consult" not in message.response_metadata["leeroo"]
    named.consulting = Consulting(model=ConsultModel(certainty=0.0))
    await named.ainvoke(QUESTION, **DEMAND)
    assert len(server.bodies()) >= 6
    assert not any("logprobs" in body for body in server.bodies())


async def test_who_asks_for_them_gets_them(server, named, ready):
    """As a kwarg, bound, and set on the expert's own model."""
    ways = [
        (named, {"logprobs": True}),
        (ready(), {"logprobs": True}),
        (ready(logprobs=True), {}),
        (ready(extra_body={"logprobs": True}), {}),
    ]
    for llm, kwargs in ways:
        for message in await every_way(llm, **DEMAND, **kwargs):
            assert message.response_metadata["logprobs"]["content"][0]["logprob"] == -0.3
            assert set(evidence(message)) == {-0.3}
    bound = ready().bind(logprobs=True, **DEMAND).invoke(QUESTION)
    assert bound.response_metadata["logprobs"]["content"][0]["token"] == "B"
    assert ready(logprobs=False).invoke(QUESTION, **DEMAND).response_metadata["logprobs"] is None
    assert server.bodies()[-1]["logprobs"] is False


async def test_an_unusually_unsure_answer_is_believed_less(server, ready):
    llm = ready()
    for _ in range(LEAST_SEEN):
        assert llm.invoke(QUESTION, **DEMAND).text == "B."
    server.behave("large-model", says("B", -4.0))
    for message in (llm.invoke(QUESTION, **DEMAND), await llm.ainvoke(QUESTION, **DEMAND)):
        assert message.text == "A."
        assert message.response_metadata["leeroo"]["expert"] == "small"


async def test_who_refuses_them_is_asked_once_more_at_no_charge_and_remembered(server, ready, named):
    for llm in (ready(), named):
        server.requests.clear()
        for model in ("small-model", "large-model"):
            server.behave(model, says("B", refuses=("logprobs",)))
        for message in (await llm.ainvoke(QUESTION, **DEMAND), llm.invoke(QUESTION, **DEMAND)):
            record = message.response_metadata["leeroo"]
            assert {attempt["error"] for attempt in record["attempts"]} == {None}
            assert set(evidence(message)) == {None}
            assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in record["consult"]["asks"]))
        for model in ("small-model", "large-model"):
            bodies = server.bodies(model)
            assert ["logprobs" in body for body in bodies] == ([True] + [False] * len(bodies))[: len(bodies)]
        assert any("logprobs" in body for body in server.bodies())


def test_a_request_that_is_refused_either_way_is_the_expert_s_failure(server, ready):
    server.behave("large-model", {"status": 400})
    llm = ready()
    record = llm.invoke(QUESTION, **DEMAND).response_metadata["leeroo"]
    assert {a["expert"]: a["error"] for a in record["attempts"]} == {"small": None, "large": "bad_request"}
    server.behave("large-model", says("B"))
    llm.invoke(QUESTION, **DEMAND)
    assert server.bodies("large-model")[-1]["logprobs"] is True  # it was not that parameter


def test_models_that_think_and_other_kinds_of_models_are_not_asked(server, ready, make, fake):
    server.behave("o3-mini", says("A"))
    ready("o3-mini").invoke(QUESTION, **DEMAND)
    assert not any("logprobs" in body for body in server.bodies("o3-mini"))
    assert all("logprobs" in body for body in server.bodies("large-model"))
    experts = fake(says="A."), fake(says="B.")
    make(*experts).invoke(QUESTION, **DEMAND)
    assert not any("logprobs" in seen for expert in experts for seen in expert.seen)


def test_openai_s_responses_do_not_take_the_parameter():
    model = ChatOpenAI(model="gpt-4o", api_key=SecretStr("x"))
    assert may_ask(model, {})
    assert not may_ask(model, {"tools": [{"type": "web_search"}]})
    assert not may_ask(ChatOpenAI(model="gpt-4o", api_key=SecretStr("x"), use_responses_api=True), {})


class Gas(BaseModel):
    """A gas."""

    name: str


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
async def test_structured_answers_and_tool_calls_bring_them_too(server, ready, method):
    for model in ("small-model", "large-model"):
        if method == "function_calling":
            server.behave(model, {"tool_calls": [("Gas", {"name": "x"})], "logprobs": [("{", -0.4)]})
        else:
            server.behave(model, {"text": '{"name": "x"}', "logprobs": [("{", -0.4)]})
    form = ready().with_structured_output(Gas, method=method, include_raw=True, **DEMAND)
    for found in (form.invoke("a JSON gas, please"), await form.ainvoke("a JSON gas, please")):
        assert found["parsed"] == Gas(name="x")
        assert set(evidence(found["raw"])) == {-0.4}
        assert found["raw"].response_metadata.get("logprobs") is None
    tooled = ready().bind_tools([Gas]).invoke("a gas, please", **DEMAND)
    assert set(evidence(tooled)) == {-0.4}
    assert all(body["logprobs"] is True for body in server.bodies())
