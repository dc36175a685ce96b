"""Where an expert is a completion model, has no tools or thinks, it is treated as the bare LLM would be."""

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata, TextBlock, ThinkingBlock
from llama_index.core.llms import MockLLM
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

from leeroo import BudgetExceeded, ExpertsFailed, budget, last_call
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import ADD, PROMPT
from tests.openai_server import OpenAIServer

PRICE = {"input": 1, "output": 4}


def like(server, model="m", **changes):
    return OpenAILike(model=model, api_base=server.url, api_key="x", max_retries=0, **changes)


@pytest.fixture
def plain():
    with OpenAIServer() as running:
        yield running


# -- completion models --


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_pool_of_completion_models_gets_completions(asynchronous, plain, predictor):
    bare = like(plain, is_chat_model=False)
    llm = Leeroo(experts={"a": {"model": bare, "price": PRICE}}, predictor=predictor)
    assert not llm.metadata.is_chat_model
    for each in (bare, llm):
        assert (await each.apredict(PROMPT, place="Rome")) if asynchronous else each.predict(PROMPT, place="Rome")
    first, second = plain.requests
    assert first["path"] == second["path"] == "/v1/completions"
    assert first["body"]["prompt"] == second["body"]["prompt"]


def test_one_chat_model_makes_the_pool_one(plain, predictor):
    experts = {name: {"model": like(plain, is_chat_model=name == "b"), "price": PRICE} for name in "ab"}
    llm = Leeroo(experts=experts, predictor=predictor)
    assert llm.metadata.is_chat_model
    llm.predict(PROMPT, place="Rome")  # the other ones make a prompt of messages by themselves
    llm.with_budget(expert="a").predict(PROMPT, place="Rome")
    assert "/v1/completions" in [r["path"] for r in plain.requests]


# -- tools in words --


@pytest.fixture
def by_text(server, predictor):
    file = pool_of(server)
    for expert in file["experts"].values():
        expert["capabilities"] = ["streaming"]
    return Leeroo.from_pool(file, predictor=predictor, tolerance=0.5)


async def call(asynchronous, llm, tool):
    ask = {"tools": [tool], "user_msg": "add 2 and 3"}
    return await llm.apredict_and_call(**ask) if asynchronous else llm.predict_and_call(**ask)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_experts_without_tools_go_by_react(asynchronous, by_text, server):
    answer = await call(asynchronous, by_text, ADD)
    assert answer.response == "5"
    assert [s.tool_name for s in answer.sources] == ["add"]
    (body,) = server.bodies()
    assert "tools" not in body
    assert "Action Input" in body["messages"][0]["content"]
    record = last_call()
    assert (record["expert"], record["attempts"][0]["error"]) == ("small", None)
    assert record["cost"] > 0


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_react_goes_on_with_the_next_expert_and_fails_with_an_error(asynchronous, by_text, server):
    server.behave("small-model", {"status": 503})
    assert (await call(asynchronous, by_text, ADD)).response == "5"
    assert server.asked() == ["small-model", "large-model"]
    server.behave("large-model", {"status": 503})
    with pytest.raises(ExpertsFailed):
        await call(asynchronous, by_text, ADD)


async def test_reacts_own_prompt_counts(by_text, server):
    with budget(max_cost=0.0024), pytest.raises(BudgetExceeded):
        by_text.predict_and_call([ADD], user_msg="add 2 and 3")
    assert server.requests == []


def test_a_tool_of_react_runs_once_even_if_it_fails(by_text, server):
    ran = []

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        ran.append((a, b))
        raise OSError("the disk is full")

    answer = by_text.predict_and_call([FunctionTool.from_defaults(add)], user_msg="add 2 and 3")
    assert "disk is full" in answer.response
    assert (ran, server.asked()) == ([(2, 3)], ["small-model"])


def test_where_one_expert_has_tools_it_is_asked(server, predictor):
    file = pool_of(server)
    file["experts"]["small"]["capabilities"] = []
    llm = Leeroo.from_pool(file, predictor=predictor, tolerance=0.5)
    assert llm.predict_and_call([ADD], user_msg="add 1 and 1").response == "2"
    assert server.asked() == ["large-model"]


# -- thoughts --


class Thinker(MockLLM):
    """Thinks with a signature, and refuses the signatures of others, as Anthropic does."""

    name: str = ""

    @property
    def metadata(self):
        return LLMMetadata(is_chat_model=True, model_name=self.name)

    def _answer(self, messages):
        for block in (b for m in messages for b in m.blocks if isinstance(b, ThinkingBlock)):
            assert set(block.additional_information) == {"signature"}
            if block.additional_information["signature"] != self.name:
                raise ValueError("messages.1.content.0: Invalid `signature` in `thinking` block")
        HEARD.append(sum(isinstance(b, ThinkingBlock) for m in messages for b in m.blocks))
        thought = ThinkingBlock(content="hm", additional_information={"signature": self.name})
        return ChatResponse(message=ChatMessage(role="assistant", blocks=[thought, TextBlock(text="Yes.")]))

    def chat(self, messages, **kwargs):
        return self._answer(messages)

    async def achat(self, messages, **kwargs):
        return self._answer(messages)

    def stream_chat(self, messages, **kwargs):
        yield self._answer(messages)

    async def astream_chat(self, messages, **kwargs):
        async def pieces():
            yield self._answer(messages)

        return pieces()


HEARD = []


def thinker(name):
    return Thinker().model_copy(update={"name": name})


async def last(way, llm, messages, **kwargs):
    answer = getattr(llm, way)(messages, **kwargs)
    answer = await answer if way.startswith("a") else answer
    if "stream" not in way:
        return answer.message
    pieces = [piece async for piece in answer] if way.startswith("a") else list(answer)
    return pieces[-1].message


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_thoughts_go_back_to_their_author_and_to_nobody_else(way):
    HEARD.clear()
    experts = {name: {"model": thinker(name), "price": PRICE} for name in ("a", "b")}
    llm = Leeroo(experts=experts, predictor=ConstantPredictor())
    history = []
    for expert, thoughts in (("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)):
        history.append(ChatMessage(role="user", content="And now?"))
        history.append(await last(way, llm, history, expert=expert))
        assert HEARD[-1] == thoughts, expert
    # as a chat store keeps them
    kept = [ChatMessage.model_validate_json(message.model_dump_json()) for message in history]
    await last(way, llm, [*kept, ChatMessage(role="user", content="Thanks.")], expert="a")
    assert HEARD[-1] == 3


async def test_thoughts_of_an_unknown_author_are_sent_as_they_are():
    HEARD.clear()
    llm = Leeroo(experts={"a": {"model": thinker("a"), "price": PRICE}}, predictor=ConstantPredictor())
    thought = ThinkingBlock(content="hm", additional_information={"signature": "a"})
    llm.chat([ChatMessage(role="assistant", blocks=[thought]), ChatMessage(role="user", content="Go on.")])
    assert HEARD == [1]
    assert thought.additional_information == {"signature": "a"}
