"""`from_pool` against a server that speaks OpenAI's protocol: real HTTP, real failures, real usage."""

import asyncio
import json
import pickle

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

import leeroo
from langchain_leeroo import ChatLeeroo
from leeroo import ConfigError, Expert, ExpertsFailed, MissingDependency, Price
from leeroo.prediction.predictor import ConstantPredictor
from tests.langchain.cases import add, record
from tests.langchain.conftest import TEXT

QUALITY = {"small": 0.6, "large": 0.9}


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


@tool
def weather(place: str) -> str:
    """Look up the weather."""
    return "sunny"


@pytest.fixture
def llm(pool):
    return ChatLeeroo.from_pool(pool, predictor=ConstantPredictor(QUALITY, output_tokens=30))


def test_a_pool_file(pool, tmp_path, server):
    server.behave("small-model", {"cached": 4})
    file = tmp_path / "pool.yaml"
    file.write_text(json.dumps(pool))  # JSON is YAML
    llm = ChatLeeroo.from_pool(file, tolerance=0.5, predictor=ConstantPredictor(QUALITY, output_tokens=30))
    assert not llm._models, "nothing is built before the first call"
    message = llm.invoke("hi")
    assert message.text == TEXT
    entry = record(message)
    assert entry["expert"] == "small"
    assert entry["budget"] == {"max_cost": 0.5, "tolerance": 0.5}
    assert entry["cached_tokens"] == 4
    assert message.response_metadata["model_name"] == "small-model"
    sent = server.bodies()[-1]
    assert sent["model"] == "small-model"
    assert sent["max_completion_tokens"] <= 4096


def test_fallbacks_of_structured_output(llm, server, pool):
    other = ChatLeeroo.from_pool(pool, expert="small", predictor=ConstantPredictor(QUALITY, output_tokens=30))
    server.behave("large-model", {"status": 400})
    structured = llm.with_fallbacks([other]).with_structured_output(Joke)
    assert isinstance(structured.invoke("a joke"), Joke)


def test_a_pickled_pool_answers(llm):
    assert pickle.loads(pickle.dumps(llm)).invoke("hi").text == TEXT


def test_the_key_comes_from_the_environment(pool, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sesame")
    pool["experts"]["large"]["api_key_env"] = "MY_KEY"
    llm = ChatLeeroo.from_pool(pool, predictor=ConstantPredictor(QUALITY, output_tokens=30))
    llm.invoke("hi")
    model = llm._models["large"]
    assert isinstance(model, ChatOpenAI)
    assert model.openai_api_key.get_secret_value() == "sesame"
    assert "sesame" not in repr(model) + repr(llm)


def test_a_provider_without_its_package(pool):
    pool["experts"] = {"llama": {"model": "groq:llama-3.3-70b-versatile"}}
    llm = ChatLeeroo.from_pool(pool, predictor=ConstantPredictor())
    with pytest.raises(MissingDependency, match=r"'llama'.*langchain-groq"):
        llm.invoke("hi")


def test_a_provider_that_does_not_exist(pool):
    pool["experts"] = {"odd": {"model": "nobody:model", "price": {"input": 1, "output": 1}}}
    with pytest.raises(ConfigError, match=r"'odd'.*'nobody'"):
        ChatLeeroo.from_pool(pool, predictor=ConstantPredictor()).invoke("hi")


@pytest.mark.parametrize(
    ("fail", "kind", "charged"),
    [
        ({"status": 500}, "server", False),
        ({"status": 429}, "rate_limit", False),
        ("garbage", None, True),
        ({"raw": "{}"}, "bad_answer", True),
        ("hang", "timeout", True),
    ],
)
def test_a_failing_server_is_passed_over(pool, server, fail, kind, charged):
    server.behave("large-model", fail)
    pool["experts"]["large"]["timeout"] = 0.3
    llm = ChatLeeroo.from_pool(pool, predictor=ConstantPredictor(QUALITY, output_tokens=30))
    with leeroo.budget() as spent:
        entry = record(llm.invoke("hi"))
    first, second = entry["attempts"]
    assert (first["expert"], second["expert"]) == ("large", "small")
    assert kind is None or first["error"] == kind
    assert (first["cost"] > 0) is charged
    assert entry["cost"] == pytest.approx(spent.cost) == pytest.approx(first["cost"] + second["cost"])
    assert len(server.requests) == 2, "no hidden retries"


def test_a_request_that_the_server_refuses_is_raised_with_the_experts_name(llm, server):
    for model in ("small-model", "large-model"):
        server.behave(model, {"status": 400})
    with pytest.raises(ExpertsFailed, match=r"'small'.*HTTP 400") as caught:
        llm.with_structured_output(Joke).invoke("hi")
    assert len(server.requests) == 2
    assert "on demand" in str(caught.value.__cause__)


def test_a_stream_that_dies_half_way(llm, server):
    server.behave("large-model", {"die_after": 6})
    stream = llm.stream("hi")
    got = [next(stream).text for _ in range(3)]
    with pytest.raises(ExpertsFailed, match="after the answer had begun") as caught:
        list(stream)
    assert caught.value.received.text.startswith("".join(got))
    assert caught.value.record["cost"] > 0
    assert len(server.requests) == 1


def test_a_server_without_usage_is_estimated(llm, server):
    server.behave("large-model", "no_usage")
    for message in (llm.invoke("hi"), list(llm.stream("hi"))[-1]):
        entry = record(message)
        assert entry["cost_is_estimate"]
        assert 5 <= entry["output_tokens"] <= 40


def test_streams_report_usage(llm):
    chunks = list(llm.stream("hi"))
    assert "".join(c.text for c in chunks) == TEXT
    entry = record(chunks[-1])
    assert not entry["cost_is_estimate"]
    assert entry["output_tokens"] > 5


def test_stop_and_caps_are_sent(llm, server):
    assert llm.invoke("hi", stop=["answer"]).text == "Hello there, this is an "
    assert llm.invoke("hi", max_tokens=3).text == "Hello there,"
    assert server.bodies()[-1]["max_completion_tokens"] == 3
    assert "stop" not in server.bodies()[-1]


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
async def test_structured_output_by_every_method(llm, method):
    structured = llm.with_structured_output(Joke, method=method, include_raw=True)
    question = "Tell a joke as JSON with 'setup' and 'punchline'"
    whole = structured.invoke(question)
    assert isinstance(whole["parsed"], Joke)
    assert whole["parsing_error"] is None
    assert record(whole["raw"])["expert"] == "large"
    plain = llm.with_structured_output(Joke, method=method)
    assert isinstance(await plain.ainvoke(question), Joke)
    assert isinstance(list(plain.stream(question))[-1], Joke)
    assert leeroo.last_call()["output_tokens"] > 3
    assert not leeroo.last_call()["cost_is_estimate"]
    assert isinstance([piece async for piece in plain.astream(question)][-1], Joke)


def test_structured_streams_grow(llm):
    schema = Joke.model_json_schema()
    pieces = list(llm.with_structured_output(schema).stream("Tell a joke"))
    assert len(pieces) > 1
    assert set(pieces[-1]) == {"setup", "punchline"}


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_structured_output_is_held_to_its_cap(llm, server, method):
    for include_raw in (True, False):
        structured = llm.with_structured_output(Joke, method=method, include_raw=include_raw)
        structured.invoke("JSON with 'setup' and 'punchline'", max_cost=0.01, temperature=0.5)
        assert server.bodies()[-1]["max_completion_tokens"] < 500
        assert server.bodies()[-1]["temperature"] == 0.5
        list(structured.stream("JSON with 'setup' and 'punchline'", max_tokens=77))
        assert server.bodies()[-1]["max_completion_tokens"] == 77


def test_the_callers_timeout_holds(llm, server):
    server.behave("large-model", "hang")
    entry = record(llm.invoke("hi", timeout=0.2))
    assert [a["error"] for a in entry["attempts"]] == ["timeout", None]


def test_the_shipped_predictor(pool):
    entry = record(ChatLeeroo.from_pool(pool).invoke("What is the capital of France?"))
    assert all(0 < c["quality"] < 1 for c in entry["candidates"])


def test_structured_output_keeps_budgets(llm):
    llm.bind(max_cost=0.3).with_structured_output(Joke).invoke("a joke")
    assert leeroo.last_call()["budget"]["max_cost"] == 0.3
    llm.with_structured_output(Joke, tolerance=0.5).invoke("a joke")
    assert leeroo.last_call()["expert"] == "small"
    llm.with_structured_output(Joke).invoke("a joke", max_cost=0.2)
    assert leeroo.last_call()["budget"]["max_cost"] == 0.2


def test_an_answer_that_breaks_the_schema(llm, server):
    for name in ("small-model", "large-model"):
        server.behave(name, {"text": "this is no JSON"})
    structured = llm.with_structured_output(Joke, method="json_mode", include_raw=True)
    whole = structured.invoke("a joke, as JSON")
    assert whole["parsed"] is None
    assert whole["parsing_error"] is not None
    with leeroo.budget() as spent, pytest.raises(OutputParserException, match="schema's form"):
        llm.with_structured_output(Joke, method="json_mode").invoke("a joke, as JSON")
    assert spent.cost > 0, "the answer was paid for, whatever it is worth"


def test_parallel_tool_calls(llm):
    assert len(llm.bind_tools([add, weather]).invoke("add 2 to the weather").tool_calls) == 2
    assert len(llm.bind_tools([add, weather], parallel_tool_calls=False).invoke("add 2 to the weather").tool_calls) == 1
    assert llm.bind_tools([add, weather], tool_choice="weather").invoke("hi").tool_calls[0]["name"] == "weather"
    assert not llm.bind_tools([add], tool_choice="none").invoke("hi").tool_calls


def test_output_version_v1(pool):
    llm = ChatLeeroo.from_pool(pool, output_version="v1", predictor=ConstantPredictor(QUALITY, output_tokens=30))
    assert llm.invoke("hi").content == [{"type": "text", "text": TEXT}]
    whole = None
    for chunk in llm.stream("hi"):
        whole = chunk if whole is None else whole + chunk
    assert whole.content[0]["text"] == TEXT


def test_streaming_inside_invoke(pool):
    class Tokens(BaseCallbackHandler):
        count = 0

        def on_llm_new_token(self, token, **kwargs):
            self.count += 1

    tokens = Tokens()
    llm = ChatLeeroo.from_pool(pool, streaming=True, predictor=ConstantPredictor(QUALITY, output_tokens=30))
    assert llm.invoke("hi", config={"callbacks": [tokens]}).text == TEXT
    assert tokens.count > 5


def test_every_event_loop_has_its_own_connections(llm):
    for _ in range(3):
        entry = record(asyncio.run(llm.ainvoke("hi")))
        assert [a["error"] for a in entry["attempts"]] == [None]


@pytest.mark.parametrize("structured", [False, True])
def test_a_program_that_ends_in_the_middle_of_a_stream_ends_in_silence(llm, caplog, structured):
    asked = llm.with_structured_output(Joke) if structured else llm

    async def first_piece():
        async for _ in asked.astream("hi"):
            break

    for _ in range(5):  # the loop closes its generators in any order
        asyncio.run(first_piece())
    assert [r["attempts"][0]["error"] for r in llm.router.ledger.calls()] == ["cancelled"] * 5
    assert not [r for r in caplog.records if r.levelname == "ERROR"]


async def test_many_at_once(llm):
    messages = await asyncio.gather(*(llm.ainvoke(f"question {i}") for i in range(40)))
    assert all(m.text == TEXT for m in messages)
    assert len({record(m)["call_id"] for m in messages}) == 40


def test_cache_is_the_experts_and_costs_nothing(server):
    from langchain_core.caches import InMemoryCache

    model = ChatOpenAI(model="small-model", base_url=server.url, api_key="none", cache=InMemoryCache())
    llm = ChatLeeroo(experts={"a": Expert(model=model, price=Price(input=1, output=1))}, predictor=ConstantPredictor())
    first, second = llm.invoke("hi"), llm.invoke("hi")
    assert len(server.requests) == 1
    assert second.text == first.text
    assert record(first)["cost"] > 0
    assert record(second)["cost"] == 0
    assert record(first)["call_id"] != record(second)["call_id"]


def test_tight_budget_is_never_passed(llm):
    for cap in (0.0003, 0.001, 0.01):
        entry = record(llm.invoke("a question of some length", max_cost=cap))
        assert entry["cost"] <= cap
        assert entry["remaining"] >= 0


def test_langchain_s_own_proxy_setting_is_respected(pool, monkeypatch):
    monkeypatch.setenv("OPENAI_PROXY", "http://127.0.0.1:9")
    llm = ChatLeeroo.from_pool(pool, predictor=ConstantPredictor(QUALITY))
    with pytest.raises(ExpertsFailed, match="connection"):
        llm.invoke("hi")
