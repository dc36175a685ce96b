"""A turn that goes to another expert leaves out what only its author can read; the author gets it back untouched."""

import operator
from functools import reduce

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price
from leeroo.prediction import ConstantPredictor
from tests.anthropic_server import AnthropicServer
from tests.langchain.cases import add

THOUGHT = [
    {"type": "thinking", "thinking": "hm", "signature": "of-large"},
    {"type": "redacted_thinking", "data": "xxxx"},
    {"type": "text", "text": "It is 3.", "extras": {"signature": "of-large"}},
]


@pytest.fixture
def strict(fake, http_error):
    """A model that refuses thinking that it did not sign, as Anthropic's and Google's servers do."""

    class Strict(fake):
        def _note(self, messages, stop, kwargs):
            super()._note(messages, stop, kwargs)
            said = str([(m.content, m.additional_kwargs) for m in messages])
            if ("signature" in said or "thinking" in said or "reasoning" in said) and f"of-{self.says}" not in said:
                raise http_error(400)

    return Strict


def history(expert=None, *, content=THOUGHT, provider=None, **fields):
    said = {"leeroo": {"expert": expert}} if expert else {}
    if provider:
        said["model_provider"] = provider
    return [HumanMessage("1+2?"), AIMessage(content, response_metadata=said, **fields), HumanMessage("sure?")]


@pytest.fixture
def llm(make, strict):
    def of(says):
        return Expert(model=strict(says=says), price=Price(input=1, output=1))

    return make(experts={"small": of("small"), "large": of("large")})


def sent(llm, expert):
    return llm.router.pool[expert].model.seen[-1]["messages"]


@pytest.mark.parametrize("stream", [False, True])
async def test_another_expert_gets_the_words_without_the_thoughts(llm, stream):
    messages = history("large")
    if stream:
        list(llm.stream(messages, expert="small"))
        assert [c async for c in llm.astream(messages, expert="small")]
    else:
        llm.invoke(messages, expert="small")
        await llm.ainvoke(messages, expert="small")
    assert sent(llm, "small")[1].content == [{"type": "text", "text": "It is 3.", "extras": {}}]
    assert messages[1].content == THOUGHT, "the caller's own history is not touched"


def test_the_author_gets_its_own_back(llm):
    messages = history("large")
    llm.invoke(messages, expert="large")
    assert sent(llm, "large")[1].content == THOUGHT


def test_the_next_expert_after_a_failure(make, strict, http_error):
    small, large = strict(says="small"), strict(says="large", error=http_error(503))
    assert make(small, large).invoke(history("large")).content == "small"


def test_a_history_from_elsewhere_is_known_by_its_provider(make, strict):
    class Anthropics(strict):
        def _get_ls_params(self, stop=None, **kwargs):
            return {**super()._get_ls_params(stop, **kwargs), "ls_provider": "anthropic"}

    llm = make(experts={"a": Expert(model=Anthropics(says="large"), price=Price(input=1, output=1))})
    llm.invoke(history(provider="anthropic"))
    assert sent(llm, "a")[1].content == THOUGHT
    llm.invoke(history(provider="google_genai"))
    assert [block["type"] for block in sent(llm, "a")[1].content] == ["text"]


def test_reasoning_beside_the_content_and_tool_calls_that_stay(llm):
    calls = [{"name": "add", "args": {"a": 1}, "id": "c1", "type": "tool_call"}]
    aside = {"reasoning_content": "hm", "__gemini_function_call_thought_signatures__": {"c1": "of-large"}}
    first, answer, _ = history("large", content="", tool_calls=calls, additional_kwargs=aside)
    llm.invoke([first, answer, ToolMessage("3", tool_call_id="c1"), HumanMessage("so?")], expert="small")
    message = sent(llm, "small")[1]
    assert message.additional_kwargs == {}
    assert message.tool_calls == calls


# -- real servers' strictness, by Anthropic's own SDK --


@pytest.fixture
def signers():
    """Two servers that think, sign, and refuse what the other one signed; the first message asks for a tool."""

    def answer(body):
        return "It is 3." if body["messages"][-1]["content"] != "1+2?" else ("add", {"a": 1, "b": 2})

    with AnthropicServer(answer, signature="of-a") as a, AnthropicServer(answer, signature="of-b") as b:
        yield {"a": a, "b": b}


@pytest.fixture
def claudes(signers):
    made = pytest.importorskip("langchain_anthropic").ChatAnthropic
    thinking = {"type": "enabled", "budget_tokens": 1024}
    experts = {
        name: Expert(
            model=made(base_url=one.url, model="claude-sonnet-4-5", api_key="x", max_retries=0, max_tokens=2000,
                       thinking=thinking),
            price=Price(input=1, output=2),
        )
        for name, one in signers.items()
    }  # fmt: skip
    return ChatLeeroo(experts=experts, predictor=ConstantPredictor({"a": 0.9, "b": 0.8}, output_tokens=20))


def thoughts(body):
    parts = [part for message in body["messages"] for part in message["content"] if isinstance(part, dict)]
    return [part["signature"] for part in parts if part["type"] == "thinking"]


@pytest.mark.parametrize("how", ["invoke", "stream"])
def test_a_tool_loop_goes_back_to_its_author_with_its_thoughts_and_to_another_without(claudes, signers, how):
    def ask(messages, **kwargs):
        if how == "invoke":
            return claudes.bind_tools([add]).invoke(messages, **kwargs)
        pieces = list(claudes.bind_tools([add]).stream(messages, **kwargs))
        return reduce(operator.add, pieces)

    messages = [HumanMessage("1+2?")]
    messages.append(ask(messages))
    messages.append(ToolMessage("3", tool_call_id=messages[-1].tool_calls[0]["id"]))
    assert ask(messages).text == "It is 3."
    assert (thoughts(signers["a"].bodies[-1]), signers["b"].bodies) == (["of-a"], [])
    signers["a"].overloaded = True  # in the middle of its loop
    messages.append(ask(messages))
    assert messages[-1].response_metadata["leeroo"]["expert"] == "b"
    assert thoughts(signers["b"].bodies[-1]) == []
    signers["a"].overloaded = False
    messages.append(HumanMessage("sure?"))
    for name in "ab":
        assert ask(messages, expert=name).text == "It is 3."
        assert thoughts(signers[name].bodies[-1]) == [f"of-{name}"]
