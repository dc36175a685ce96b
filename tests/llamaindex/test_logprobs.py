"""Log-probabilities as evidence through Leeroo: asked for under consult alone, and kept from who did not ask."""

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LogProb
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from leeroo import Expert, Price
from leeroo.consult.logprobs import LEAST_SEEN
from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting
from llamaindex_leeroo import Leeroo
from llamaindex_leeroo.logprobs import may_ask, tokens_of
from tests.disagreeing import DEMAND, NEAR, QUESTION, disagree, says
from tests.llamaindex.conftest import pool_of

ASK = [ChatMessage(role="user", content=QUESTION)]


@pytest.fixture(autouse=True)
def _they_disagree(server):
    disagree(server)


@pytest.fixture
def named(server):
    return Leeroo.from_pool(pool_of(server), predictor=NEAR)


@pytest.fixture
def ready(server):
    """A router over ready LLMs, made with some fields."""

    def build(small="small-model", **fields):
        def expert(model, price):
            made = OpenAILike(
                model=model, api_base=server.url, api_key="x", is_chat_model=True,
                is_function_calling_model=True, context_window=32_000, **fields,
            )  # fmt: skip
            return Expert(model=made, price=Price(input=price, output=2 * price))

        return Leeroo({"small": expert(small, 1), "large": expert("large-model", 10)}, predictor=NEAR)

    return build


def record_of(answer):
    return answer.additional_kwargs["leeroo"]


def evidence(answer):
    return {ask.get("logprob") for ask in record_of(answer)["consult"]["asks"]}


async def every_way(llm, **kwargs):
    """The pieces of each way to ask."""
    return [
        [llm.chat(ASK, **kwargs)],
        [await llm.achat(ASK, **kwargs)],
        [llm.complete(QUESTION, **kwargs)],
        [await llm.acomplete(QUESTION, **kwargs)],
        list(llm.stream_chat(ASK, **kwargs)),
        [piece async for piece in await llm.astream_chat(ASK, **kwargs)],
        list(llm.stream_complete(QUESTION, **kwargs)),
        [piece async for piece in await llm.astream_complete(QUESTION, **kwargs)],
    ]


def shown(pieces):
    return [token["logprob"] for token in tokens_of(pieces)]


async def test_clients_of_ours_and_ready_ones_are_asked_and_the_user_is_not_told(server, named, ready):
    for llm in (named, ready()):
        for pieces in await every_way(llm, **DEMAND):
            assert evidence(pieces[-1]) == {-0.3}
            assert shown(pieces) == []
            assert {piece.logprobs for piece in pieces} == {None}
            assert record_of(pieces[-1])["expert"] == "large"
    assert all(body["logprobs"] is True for body in server.bodies())


async def test_nobody_is_asked_without_consult_or_with_a_certainty_of_nought(server, named):
    await every_way(named)
    settings = Consulting(model=ConsultModel(certainty=0.0))
    Leeroo.from_pool(pool_of(server), predictor=NEAR, consulting=settings).chat(ASK, **DEMAND)
    assert len(server.bodies()) >= 9
    assert not any("logprobs" in body for body in server.bodies())


async def test_who_asks_for_them_gets_them(server, named, ready):
    """As a kwarg, and set on the expert's own LLM."""
    ways = [
        (named, {"logprobs": True}),
        (ready(), {"logprobs": True}),
        (ready(logprobs=True), {}),
        (ready(additional_kwargs={"logprobs": True}), {}),
    ]
    for llm, kwargs in ways:
        for pieces in await every_way(llm, **DEMAND, **kwargs):
            assert shown(pieces) == [-0.3, -0.01]
            assert evidence(pieces[-1]) == {-0.3}


async def test_an_unusually_unsure_answer_is_believed_less(server, named):
    for _ in range(LEAST_SEEN):
        assert named.chat(ASK, **DEMAND).message.content == "B."
    server.behave("large-model", says("B", -4.0))
    for pieces in await every_way(named, **DEMAND):
        assert record_of(pieces[-1])["expert"] == "small"


@pytest.mark.parametrize("streamed", [False, True])
async def test_who_refuses_them_is_asked_once_more_at_no_charge_and_remembered(server, ready, named, streamed):
    for model in ("small-model", "large-model"):
        server.behave(model, says("B", refuses=("logprobs",)))
    for llm in (ready(), named):
        server.requests.clear()
        if streamed:
            answers = [list(llm.stream_chat(ASK, **DEMAND))[-1]]
            answers += [[piece async for piece in await llm.astream_chat(ASK, **DEMAND)][-1]]
        else:
            answers = [llm.chat(ASK, **DEMAND), await llm.achat(ASK, **DEMAND)]
        for answer in answers:
            assert {attempt["error"] for attempt in record_of(answer)["attempts"]} == {None}
            assert evidence(answer) == {None}
            assert record_of(answer)["cost"] == pytest.approx(
                sum(ask["cost"] for ask in record_of(answer)["consult"]["asks"])
            )
        for model in ("small-model", "large-model"):
            bodies = server.bodies(model)
            assert ["logprobs" in body for body in bodies] == ([True] + [False] * len(bodies))[: len(bodies)]
        assert any("logprobs" in body for body in server.bodies())


def test_a_request_that_is_refused_either_way_is_the_expert_s_failure(server, named):
    server.behave("large-model", {"status": 400})
    record = record_of(named.chat(ASK, **DEMAND))
    assert {a["expert"]: a["error"] for a in record["attempts"]} == {"small": None, "large": "bad_request"}
    server.behave("large-model", says("B"))
    named.chat(ASK, **DEMAND)
    assert server.bodies("large-model")[-1]["logprobs"] is True  # it was not that parameter


def test_models_that_think_and_plain_completions_are_not_asked(server, ready):
    server.behave("o3-mini", says("A"))
    ready("o3-mini").chat(ASK, **DEMAND)
    assert not any("logprobs" in body for body in server.bodies("o3-mini"))
    assert all("logprobs" in body for body in server.bodies("large-model"))
    plain = OpenAILike(model="m", api_base=server.url, api_key="x", is_chat_model=False)
    assert not may_ask(plain, {})
    assert not may_ask(ready().llm_of("small"), {"use_chat_completions": False})


class Gas(BaseModel):
    """A gas."""

    name: str


async def test_structured_answers_and_tool_calls_bring_them_too(server, ready):
    for model in ("small-model", "large-model"):
        server.behave(model, {"tool_calls": [("Gas", {"name": "x"})], "logprobs": [("{", -0.4)]})
    llm, prompt = ready(), PromptTemplate("a gas, please")
    with_budget = llm.with_budget(**DEMAND)
    assert with_budget.structured_predict(Gas, prompt) == Gas(name="x")
    assert await with_budget.astructured_predict(Gas, prompt) == Gas(name="x")
    for record in llm.router.ledger.calls():
        assert {ask["logprob"] for ask in record["consult"]["asks"]} == {-0.4}
    tool = FunctionTool.from_defaults(lambda name: name, name="Gas", description="A gas.")
    assert evidence(llm.chat_with_tools([tool], "a gas, please", **DEMAND)) == {-0.4}
    assert all(body["logprobs"] is True for body in server.bodies())


def test_what_other_integrations_show_is_read():
    likeliest = [
        [LogProb(token="A", logprob=-2.0), LogProb(token="B", logprob=-0.2)],
        [LogProb(token=".", logprob=-1.0)],
    ]
    for answer in (
        ChatResponse(message=ChatMessage(role="assistant", content="B."), logprobs=likeliest),
        CompletionResponse(text="B.", logprobs=likeliest),
    ):
        assert [(one["token"], one["logprob"]) for one in tokens_of([answer])] == [("B", -0.2), (".", -1.0)]
