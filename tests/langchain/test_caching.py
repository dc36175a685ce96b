"""Marks to cache a prompt reach the expert that is asked, in its own form, and are paid for as it reports them."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price
from leeroo.prediction import ConstantPredictor
from tests.anthropic_server import AnthropicServer, marks_of
from tests.langchain.conftest import Fake

PRICE = Price(input=3.0, output=15.0, cached_input=0.3, cache_write=3.75, cache_write_1h=6.0)
MARK = {"type": "ephemeral"}
LONG = "You know the weather of every city. " * 100


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"18 degrees in {city}"


class Recording(Fake):
    """A fake that keeps what it was sent."""

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.metadata = {"messages": messages, "kwargs": kwargs}
        return super()._generate(messages, stop, run_manager, **kwargs)


class ChatBedrockConverse(Recording):
    """Named as langchain-aws' class."""


class ChatFireworks(Recording):
    """Named as langchain-fireworks' class."""


def routed(model, kept="5m", **more):
    expert = Expert(model=model, price=PRICE, prompt_cache=kept)
    return ChatLeeroo(experts={"a": expert}, predictor=ConstantPredictor({"a": 0.9}, output_tokens=20), **more)


def over(server, **more):
    return ChatOpenAI(base_url=server.url, model="m", api_key="x", max_retries=0, **more)


def contents(server):
    return [message["content"] for message in server.bodies()[-1]["messages"]]


def text(of, **mark):
    return [{"type": "text", "text": of, "cache_control": {**MARK, **mark}}]


# -- gateways in OpenAI's format --


def test_instructions_and_newest_message_are_marked(server):
    routed(over(server), "1h").invoke([SystemMessage("Be brief."), HumanMessage("Hi."), HumanMessage("Well?")])
    assert contents(server) == [text("Be brief.", ttl="1h"), "Hi.", text("Well?", ttl="1h")]


def test_marks_of_the_callers_own_are_not_added_to(server):
    routed(over(server)).invoke([SystemMessage("Be brief."), HumanMessage(text("Hi."))])
    assert contents(server) == ["Be brief.", text("Hi.")]


def test_the_kwarg_of_anthropics_model_marks_the_newest_message(server):
    llm = routed(over(server), None)
    llm.invoke([SystemMessage("Be brief."), HumanMessage("Hi.")], cache_control=MARK)
    assert contents(server) == ["Be brief.", text("Hi.")]
    assert "cache_control" not in server.bodies()[-1]


def test_no_mark_goes_to_who_refuses_it(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)  # which speaks for OpenAI
    llm = routed(ChatOpenAI(model="gpt-5-nano", api_key="x"))
    llm.invoke([SystemMessage(text("Be brief.")), HumanMessage("Hi.")], cache_control=MARK)
    assert contents(server) == [[{"type": "text", "text": "Be brief."}], "Hi."]
    assert "cache_control" not in server.bodies()[-1]
    llm.invoke("Hi.")
    assert contents(server) == ["Hi."]


# -- by the chat model's own kwarg --


def test_bedrock_is_told_by_its_kwarg_alone():
    model = ChatBedrockConverse(model_name="claude")
    routed(model).bind_tools([weather]).invoke([SystemMessage("Be brief."), HumanMessage("Hi.")])
    assert model.metadata["kwargs"]["cache_control"] == MARK
    assert [message.content for message in model.metadata["messages"]] == ["Be brief.", "Hi."]


def test_a_thread_of_fireworks_stays_at_one_cache():
    model = ChatFireworks(model_name="kimi")
    llm, config = routed(model), {"configurable": {"thread_id": "thread-ü"}}
    llm.invoke("Hi.", config)
    key = model.metadata["kwargs"]["prompt_cache_key"]
    assert len(key) == 64
    assert model.metadata["kwargs"]["extra_headers"] == {"x-session-affinity": key}
    assert [message.content for message in model.metadata["messages"]] == ["Hi."]
    llm.invoke("Hi.", config, prompt_cache_key="mine")
    assert model.metadata["kwargs"]["prompt_cache_key"] == "mine"
    llm.invoke("Hi.")
    assert "prompt_cache_key" not in model.metadata["kwargs"]
    routed(model, None).invoke("Hi.", config)
    assert "prompt_cache_key" not in model.metadata["kwargs"]


# -- Anthropic's chat model --


@pytest.fixture
def claude():
    """A server that calls the tool twice and then answers."""

    def answer(body):
        turns = sum(message["role"] == "assistant" for message in body["messages"])
        return ("weather", {"city": f"Paris {turns}"}) if turns < 2 else "18 degrees."

    with AnthropicServer(answer) as running:
        yield running


def anthropic(server):
    made = pytest.importorskip("langchain_anthropic").ChatAnthropic
    return made(base_url=server.url, model="claude-sonnet-4-5", api_key="x", max_retries=0)


def loop(llm, **kwargs):
    """A tool loop as an agent makes it; the records of its calls."""
    bound = llm.bind_tools([weather], **kwargs)
    messages = [SystemMessage(LONG), HumanMessage("How is the weather?")]
    records = []
    while True:
        answer = bound.invoke(messages)
        records.append(answer.response_metadata.get("leeroo"))
        messages.append(answer)
        if not answer.tool_calls:
            return records
        messages += [ToolMessage("18 degrees", tool_call_id=call["id"]) for call in answer.tool_calls]


@pytest.mark.parametrize("kept", ["5m", "1h"])
def test_a_loop_is_written_once_and_read_from_then_on_at_those_prices(claude, kept):
    records = loop(routed(anthropic(claude), kept))
    assert [marks_of(body) for body in claude.bodies] == [[("tools", kept), ("system", kept), ("top", kept)]] * 3
    field = "cache_write" if kept == "5m" else "cache_write_1h"
    for record, used in zip(records, claude.usages, strict=True):
        read, written = used["cache_read_input_tokens"], used["cache_creation_input_tokens"]
        total = used["input_tokens"] + read + written
        assert (record["input_tokens"], record["cached_tokens"]) == (total, read)
        usd = used["input_tokens"] * 3 + read * 0.3 + written * getattr(PRICE, field) + used["output_tokens"] * 15
        assert record["cost"] == pytest.approx(usd / 1e6, abs=1e-9)
        assert not record["cost_is_estimate"]
    assert records[0]["cached_tokens"] == 0 < records[1]["cached_tokens"] < records[2]["cached_tokens"]


def test_without_the_setting_nothing_is_cached_and_more_is_paid(claude):
    plain = loop(routed(anthropic(claude), None))
    assert not any(map(marks_of, claude.bodies))
    assert sum(r["cost"] for r in plain) > 1.5 * sum(r["cost"] for r in loop(routed(anthropic(claude))))


@pytest.mark.parametrize("kept", ["5m", "1h"])
async def test_streams_and_async_calls_are_marked_and_priced_alike(claude, kept):
    llm = routed(anthropic(claude), kept).bind_tools([weather])
    llm.invoke("Hi.")  # what they share is in the cache from now on: the tools
    costs = []
    for at, how in enumerate(("invoke", "ainvoke", "stream", "astream")):
        asked = [SystemMessage(f"{at} {LONG}"), HumanMessage("How is the weather?")]
        for _ in range(2):
            if how == "astream":
                answers = [piece async for piece in llm.astream(asked)]
            else:
                found = getattr(llm, how)(asked)
                answers = [await found] if how == "ainvoke" else list(found) if how == "stream" else [found]
            records = [a.response_metadata["leeroo"] for a in answers if "leeroo" in a.response_metadata]
            costs.append([(record["cached_tokens"], record["cost"]) for record in records])
    assert [marks_of(body) for body in claude.bodies[1:]] == [[("tools", kept), ("system", kept), ("top", kept)]] * 8
    (first,), (second,) = costs[:2]
    assert first[0] < second[0]
    assert first[1] > second[1]
    assert costs == [[first], [second]] * 4


def test_a_callers_kwarg_goes_to_anthropics_model_as_it_is(claude):
    loop(routed(anthropic(claude), None), cache_control={**MARK, "ttl": "1h"})
    assert [marks_of(body) for body in claude.bodies] == [[("top", "1h")]] * 3


def test_only_the_expert_that_is_asked_is_sent_its_marks(claude, server):
    experts = {
        "a": Expert(model=anthropic(claude), price=PRICE, prompt_cache="5m"),
        "b": Expert(model=over(server), price=PRICE),
    }
    llm = ChatLeeroo(experts=experts, predictor=ConstantPredictor({"a": 0.9, "b": 0.1}))
    asked = [SystemMessage("Be brief."), HumanMessage("Hi."), AIMessage("Yes?"), HumanMessage("Well?")]
    llm.invoke(asked, expert="b")
    assert contents(server) == ["Be brief.", "Hi.", "Yes?", "Well?"]
    llm.invoke(asked, expert="a")
    assert marks_of(claude.bodies[-1]) == [("system", "5m"), ("top", "5m")]
    assert [message.content for message in asked] == ["Be brief.", "Hi.", "Yes?", "Well?"]


def test_a_mark_on_a_tool_of_the_callers_is_priced_too(claude):
    marked = weather.model_copy(update={"extras": {"cache_control": {**MARK, "ttl": "1h"}}})
    llm = routed(anthropic(claude), None)
    record = llm.bind_tools([marked]).invoke("Hi " * 2000, max_tokens=10).response_metadata["leeroo"]
    assert marks_of(claude.bodies[-1]) == [("tools", "1h")]
    plain = llm.bind_tools([weather]).invoke("Hi " * 2000, max_tokens=10).response_metadata["leeroo"]
    assert record["candidates"][0]["worst_cost"] > 1.5 * plain["candidates"][0]["worst_cost"]


@pytest.mark.parametrize(("kept", "goes_to"), [("5m", "b"), (None, "a")])
def test_the_next_turn_of_the_user_goes_where_the_history_is_cached(kept, goes_to):
    with AnthropicServer() as a, AnthropicServer() as b:
        experts = {
            name: Expert(model=anthropic(one), price=PRICE, prompt_cache=kept) for name, one in (("a", a), ("b", b))
        }
        llm = ChatLeeroo(experts=experts, predictor=ConstantPredictor({"a": 0.9, "b": 0.9}, output_tokens=20))
        messages = [SystemMessage(LONG * 3), HumanMessage("How is the weather?")]
        messages += [llm.invoke(messages, expert="b"), HumanMessage("And what will it be tomorrow?")]
        record = llm.invoke(messages).response_metadata["leeroo"]
        assert record["expert"] == goes_to
        assert (record["cached_tokens"] > 1000) is (kept is not None)
