"""Every method of a LlamaIndex LLM: routed once, delegated whole, recorded, and carried on when an expert is down."""

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from leeroo import BudgetExceeded, ExpertsFailed, budget, last_call
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import READ, WRITTEN, pool_of
from tests.llamaindex.replies import PARIS

COST_SMALL = (READ * 1.0 + WRITTEN * 4.0) / 1e6
COST_LARGE = COST_SMALL * 10
PROMPT = PromptTemplate("Where is {place}?")
HELLO = [ChatMessage(role="user", content="What is the capital of France?")]


class City(BaseModel):
    """A city."""

    name: str
    size: int


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ADD = FunctionTool.from_defaults(add)


async def collect(stream):
    return [item async for item in await stream]


WAYS = {
    "chat": lambda llm: llm.chat(HELLO),
    "complete": lambda llm: llm.complete("What is the capital of France?"),
    "stream_chat": lambda llm: list(llm.stream_chat(HELLO))[-1],
    "stream_complete": lambda llm: list(llm.stream_complete("What is the capital of France?"))[-1],
    "achat": lambda llm: llm.achat(HELLO),
    "acomplete": lambda llm: llm.acomplete("What is the capital of France?"),
    "astream_chat": lambda llm: collect(llm.astream_chat(HELLO)),
    "astream_complete": lambda llm: collect(llm.astream_complete("What is the capital of France?")),
    "chat_with_tools": lambda llm: llm.chat_with_tools([ADD], user_msg="add 1 and 1"),
    "achat_with_tools": lambda llm: llm.achat_with_tools([ADD], user_msg="add 1 and 1"),
    "stream_chat_with_tools": lambda llm: list(llm.stream_chat_with_tools([ADD], user_msg="add 1 and 1"))[-1],
    "astream_chat_with_tools": lambda llm: collect(llm.astream_chat_with_tools([ADD], user_msg="add 1 and 1")),
    "predict_and_call": lambda llm: llm.predict_and_call([ADD], user_msg="add 1 and 1"),
    "apredict_and_call": lambda llm: llm.apredict_and_call([ADD], user_msg="add 1 and 1"),
    "structured_predict": lambda llm: llm.structured_predict(City, PROMPT, place="Paris"),
    "astructured_predict": lambda llm: llm.astructured_predict(City, PROMPT, place="Paris"),
    "stream_structured_predict": lambda llm: list(llm.stream_structured_predict(City, PROMPT, place="Paris"))[-1],
    "astream_structured_predict": lambda llm: collect(llm.astream_structured_predict(City, PROMPT, place="Paris")),
    "as_structured_llm": lambda llm: llm.as_structured_llm(City).chat(HELLO).raw,
    "predict": lambda llm: llm.predict(PROMPT, place="Paris"),
    "apredict": lambda llm: llm.apredict(PROMPT, place="Paris"),
    "stream": lambda llm: "".join(llm.stream(PROMPT, place="Paris")),
    "astream": lambda llm: collect(llm.astream(PROMPT, place="Paris")),
}


async def call(way, llm):
    answer = WAYS[way](llm)
    answer = await answer if hasattr(answer, "__await__") else answer
    if way == "astream":
        return "".join(answer)
    return answer[-1] if isinstance(answer, list) else answer


def check(way, llm, answer):
    if "structured" in way:
        assert City.model_validate(answer.model_dump()) == City(name="Paris", size=1)
    elif "and_call" in way:
        assert answer.response == "2"
    elif "with_tools" in way:
        chosen = llm.get_tool_calls_from_response(answer)
        assert [(c.tool_name, c.tool_kwargs) for c in chosen] == [("add", {"a": 1, "b": 1})]
    elif isinstance(answer, str):
        assert answer == PARIS
    else:
        assert str(answer).removeprefix("assistant: ") == PARIS
        assert answer.additional_kwargs["leeroo"] == last_call()


@pytest.mark.parametrize("way", WAYS)
async def test_one_call_to_the_cheapest_adequate_expert(way, llm, server):
    check(way, llm, await call(way, llm))
    assert server.asked() == ["small-model"]
    record = last_call()
    assert (record["expert"], record["model"]) == ("small", "small-model")
    assert (record["input_tokens"], record["output_tokens"]) == (READ, WRITTEN)
    assert record["cost"] == pytest.approx(COST_SMALL, abs=2e-9)
    assert record["cost_is_estimate"] is False
    assert [c["expert"] for c in record["candidates"]] == ["small", "large"]


@pytest.mark.parametrize("way", WAYS)
async def test_goes_on_with_the_next_expert_when_one_is_down(way, llm, server):
    server.behave("small-model", {"status": 503})
    check(way, llm, await call(way, llm))
    assert server.asked() == ["small-model", "large-model"]
    record = last_call()
    assert record["expert"] == "large"
    assert [(a["expert"], a["error"], a["status"]) for a in record["attempts"]] == [
        ("small", "server", 503),
        ("large", None, None),
    ]
    assert record["cost"] == pytest.approx(COST_LARGE, abs=2e-9)
    bodies = [{k: v for k, v in r.items() if k != "model"} for r in server.bodies()]
    assert bodies[0] == bodies[1], "the second expert is asked exactly what the first was"


@pytest.mark.parametrize("way", WAYS)
async def test_all_down_is_one_clear_error(way, llm, server):
    server.behave("small-model", {"status": 500})
    server.behave("large-model", {"status": 429})
    with pytest.raises(ExpertsFailed, match="small: server; large: rate_limit") as caught:
        await call(way, llm)
    assert caught.value.record["cost"] == 0
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("status", [401, 404, 429, 500])
@pytest.mark.parametrize("way", WAYS)
async def test_the_experts_own_exception_is_the_cause_with_all_that_it_knows(way, status, llm, server):
    """What retries look at: its type, and how long the provider asks to wait."""
    server.behave("small-model", {"status": status, "retry_after": 7})
    with budget(max_latency=3.0, expert="small"), pytest.raises(ExpertsFailed) as caught:
        await call(way, llm)
    cause = caught.value.__cause__
    assert cause.status_code == status
    assert cause.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("way", WAYS)
async def test_a_budget_that_no_expert_fits_reaches_no_expert(way, llm, server):
    with budget(max_cost=1e-9), pytest.raises(BudgetExceeded):
        await call(way, llm)
    assert server.requests == []


@pytest.mark.parametrize("way", WAYS)
async def test_the_output_cap_is_lowered_to_what_the_budget_pays_for(way, llm, server):
    with budget(max_cost=0.0015, expert="small") as spent:
        await call(way, llm)
    (request,) = server.bodies()
    assert 50 <= request["max_tokens"] < 500
    assert spent.cost <= 0.0015
    assert last_call()["remaining"] == pytest.approx(0.0015 - spent.cost)


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat", "structured_predict"])
async def test_a_server_that_hangs_is_given_up(way, server, predictor):
    file = pool_of(server)
    for expert in file["experts"].values():
        expert["timeout"] = 0.3
    server.behave("small-model", "hang")
    llm = Leeroo.from_pool(file, predictor=predictor, tolerance=0.5)
    check(way, llm, await call(way, llm))
    assert [a["error"] for a in last_call()["attempts"]] == ["timeout", None]
    assert last_call()["cost_is_estimate"] is True, "what hangs may have been billed: it counts at its worst case"


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat", "structured_predict"])
async def test_garbage_is_no_answer(way, llm, server):
    server.behave("small-model", "garbage")
    check(way, llm, await call(way, llm))
    assert last_call()["expert"] == "large"


def test_settings_of_the_constructor_go_to_the_expert(server, predictor):
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, temperature=0.3, max_tokens=40)
    llm.chat(HELLO)
    llm.complete("Hello", max_tokens=20, temperature=0)
    "".join(r.delta or "" for r in llm.stream_chat(HELLO))
    sent = [(r["temperature"], r["max_tokens"]) for r in server.bodies()]
    assert sent == [(0.3, 40), (0, 20), (0.3, 40)]


@pytest.mark.parametrize("value", [0, -1, "many"])
def test_a_bad_output_cap_is_refused_at_construction(server, value):
    with pytest.raises(ValueError, match="max_tokens"):
        Leeroo.from_pool(pool_of(server), max_tokens=value)
