"""Tools: loops stay with their expert, histories are not touched and cross providers, tools run once."""

import json

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    LLMMetadata,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms import MockLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import FunctionTool

from leeroo import Expert, NoEligibleExpert, Price, budget, last_call
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import ADD, PARIS


def result(answer, llm):
    (chosen,) = llm.get_tool_calls_from_response(answer)
    return ChatMessage(role="tool", content="2", additional_kwargs={"tool_call_id": chosen.tool_id})


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_loop_stays_with_its_expert_and_the_next_turn_is_free(streamed, llm, server):
    history = [ChatMessage(role="user", content="add 1 and 1")]

    def turn(**kwargs):
        if streamed:
            return list(llm.stream_chat_with_tools([ADD], chat_history=history, **kwargs))[-1]
        return llm.chat_with_tools([ADD], chat_history=history, **kwargs)

    first = turn(expert="large")
    history += [first.message, result(first, llm)]
    second = turn()
    assert second.message.content == "The tool said 2."
    assert server.asked() == ["large-model", "large-model"], "the router alone would have chosen the small one"
    assert "tool loop" in last_call()["rule"]
    history += [second.message, ChatMessage(role="user", content="thank you")]
    turn()
    assert server.asked()[-1] == "small-model"


def test_the_loop_goes_on_elsewhere_when_its_expert_fails(llm, server):
    history = [ChatMessage(role="user", content="add 1 and 1")]
    first = llm.chat_with_tools([ADD], chat_history=history, expert="large")
    server.behave("large-model", {"status": 500})
    answer = llm.chat_with_tools([ADD], chat_history=[*history, first.message, result(first, llm)])
    assert answer.message.content == "The tool said 2."
    assert server.asked() == ["large-model", "large-model", "small-model"]


@pytest.mark.parametrize("down", [False, True])
def test_the_callers_history_is_not_touched(down, llm, server):
    if down:
        server.behave("small-model", {"status": 500})
    history = [ChatMessage(role="user", content="Hello."), ChatMessage(role="assistant", content="Hi.")]
    before = [m.model_dump() for m in history]
    llm.chat_with_tools([ADD], user_msg="add 1 and 1", chat_history=history)
    list(llm.stream_chat_with_tools([ADD], user_msg="add 1 and 1", chat_history=history))
    assert [m.model_dump() for m in history] == before
    for request in server.bodies():
        assert [m["content"] for m in request["messages"]] == ["Hello.", "Hi.", "add 1 and 1"]


def test_llm_kwargs_are_not_touched(llm):
    from tests.llamaindex.test_calls import PROMPT, City

    kwargs = {"max_cost": 0.01, "temperature": 0.0}
    llm.structured_predict(City, PROMPT, llm_kwargs=kwargs, place="Paris")
    assert kwargs == {"max_cost": 0.01, "temperature": 0.0}


def test_a_tool_is_called_once_even_if_it_fails(llm, server):
    ran = []

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        ran.append((a, b))
        raise OSError("the disk is full")

    tool = FunctionTool.from_defaults(add)
    with pytest.raises(ValueError, match="disk is full"):
        llm.predict_and_call([tool], user_msg="add 1 and 1", error_on_tool_error=True)
    assert len(server.requests) == 1, "the expert has answered: no other is asked"
    assert last_call()["attempts"][0]["error"] is None
    assert ran
    assert "disk is full" in llm.predict_and_call([tool], user_msg="add 1 and 1").response


def test_calls_made_by_a_tool_are_on_the_same_account(llm):
    def add(a: int, b: int) -> str:
        """Add two numbers."""
        return llm.complete("What is the capital of France?").text

    with budget(max_total_cost=0.01) as spent:
        answer = llm.predict_and_call([FunctionTool.from_defaults(add)], user_msg="add 1 and 1")
    assert answer.response == PARIS
    assert spent.calls == 2


def test_an_expert_that_calls_no_tool_though_it_must_is_replaced(llm, server):
    server.behave("small-model", [{"text": "I would rather talk."}])
    answer = llm.predict_and_call([ADD], user_msg="add 1 and 1")
    assert answer.response == "2"
    record = last_call()
    assert [a["error"] is None for a in record["attempts"]] == [False, True]
    assert record["attempts"][0]["cost"] > 0, "it has answered, and is paid for what it reports"
    assert record["cost_is_estimate"] is False


def test_a_structured_answer_that_does_not_fit_the_schema_is_replaced(llm, server):
    from tests.llamaindex.test_calls import PROMPT, City

    server.behave("small-model", [{"text": '{"name": "Paris"}'}])
    assert llm.structured_predict(City, PROMPT, place="Paris") == City(name="Paris", size=1)
    assert [a["expert"] for a in last_call()["attempts"]] == ["small", "large"]
    assert last_call()["cost_is_estimate"] is False


def test_parallel_tool_calls_come_through(llm, server):
    server.behave("small-model", {"tool_calls": [("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})]})
    both = llm.chat_with_tools([ADD], user_msg="add", allow_parallel_tool_calls=True)
    assert [c.tool_kwargs["a"] for c in llm.get_tool_calls_from_response(both)] == [1, 3]
    one = llm.chat_with_tools([ADD], user_msg="add")
    assert len(llm.get_tool_calls_from_response(one)) == 1


def test_no_tool_call_is_an_error_or_none_as_asked(llm):
    answer = llm.chat([ChatMessage(content="Hello.")])
    assert llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="at least one tool call"):
        llm.get_tool_calls_from_response(answer)
    with pytest.raises(ValueError, match="at least one tool call"):
        llm.get_tool_calls_from_response(ChatResponse(message=ChatMessage(role="assistant", content="x")))


class Talker(MockLLM):
    """An LLM without tools."""


def test_only_experts_with_tools_get_tools(server):
    file = pool_of(server)["experts"]
    quality = ConstantPredictor({"talker": 0.99, "small": 0.5, "large": 0.6}, output_tokens=20)
    talker = Expert(model=Talker(), price=Price(input=0.01, output=0.01))
    llm = Leeroo(experts={"talker": talker, **file}, predictor=quality, tolerance=0.5)
    assert llm.metadata.is_function_calling_model
    assert llm.chat([ChatMessage(content="Hi.")]).additional_kwargs["leeroo"]["expert"] == "talker"
    assert llm.chat_with_tools([ADD], user_msg="add 1 and 1").additional_kwargs["leeroo"]["expert"] == "small"
    assert llm.chat_with_tools([], user_msg="Hi.").additional_kwargs["leeroo"]["expert"] == "talker"
    alone = Leeroo(experts={"talker": talker}, predictor=quality)
    assert not alone.metadata.is_function_calling_model
    with pytest.raises(NoEligibleExpert, match="cannot do tools"):
        alone.chat_with_tools([ADD], user_msg="add 1 and 1")


class Other(MockFunctionCallingLLM):
    """An LLM of another provider: arguments as dicts, thinking with a signature; it remembers what it was sent."""

    @property
    def metadata(self):
        return LLMMetadata(is_function_calling_model=True, is_chat_model=True, model_name="other")

    def chat_with_tools(self, tools, user_msg=None, chat_history=None, **kwargs):
        SENT.append(list(chat_history or []))
        blocks = [
            ThinkingBlock(content="hm", additional_information={"signature": "only mine"}),
            ToolCallBlock(tool_call_id="other_1", tool_name="add", tool_kwargs={"a": 1, "b": 1}),
        ]
        return ChatResponse(message=ChatMessage(role="assistant", blocks=blocks))


SENT = []


def test_histories_cross_providers(server):
    SENT.clear()
    other = Expert(model=Other(), price=Price(input=2, output=2))
    llm = Leeroo(experts={"other": other, **pool_of(server)["experts"]}, predictor=ConstantPredictor())
    history = [ChatMessage(role="user", content="add 1 and 1")]
    # from OpenAI's form to the other's
    first = llm.chat_with_tools([ADD], chat_history=history, expert="small")
    assert isinstance(first.message.blocks[-1].tool_kwargs, str)
    llm.chat_with_tools([ADD], chat_history=[*history, first.message, result(first, llm)], expert="other")
    (call,) = [b for m in SENT[-1] for b in m.blocks if isinstance(b, ToolCallBlock)]
    assert call.tool_kwargs == {"a": 1, "b": 1}
    assert all("tool_calls" not in m.additional_kwargs for m in SENT[-1])
    # and back
    second = llm.chat_with_tools([ADD], chat_history=history, expert="other")
    llm.chat_with_tools([ADD], chat_history=[*history, second.message, result(second, llm)], expert="large")
    sent = server.bodies()[-1]["messages"][1]
    assert json.loads(sent["tool_calls"][0]["function"]["arguments"]) == {"a": 1, "b": 1}
    assert "only mine" not in json.dumps(server.bodies()[-1])
    # its own history an expert gets as it was
    llm.chat_with_tools([ADD], chat_history=[*history, second.message, result(second, llm)], expert="other")
    assert any(isinstance(b, ThinkingBlock) for m in SENT[-1] for b in m.blocks)
    assert TextBlock not in {type(b) for b in SENT[-1][1].blocks}
