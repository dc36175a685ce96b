"""Endpoints that go on writing past the output cap they were sent, through the core and both adapters."""

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from langchain_leeroo import ChatLeeroo
from leeroo import Budget, Expert, LeerooError, Router
from leeroo.endpoints.streamed import Streamed
from leeroo.prediction import ConstantPredictor
from leeroo.routing.written import Written
from llamaindex_leeroo import Leeroo
from tests.attacks.conftest import PRICE

LONG = "word " * 3000
QUESTION = "What is the capital of France?"
CAP, ENOUGH = 20, 0.001
MOST = 60
"""Words of which some are past the cap: by a tenth and 16 tokens, and what was on its way."""
REFUSES = "wrote past the output cap|put aside"


class City(BaseModel):
    """A city."""

    name: str


@pytest.fixture
def pool(liar):
    fields = {"base_url": liar.url, "price": {"input": 1.0, "output": 2.0}, "max_output_tokens": 200,
              "capabilities": ["tools", "structured_output", "streaming"]}  # fmt: skip
    return {"experts": {"model": {"model": "model", **fields}}}


@pytest.fixture
def predictor():
    return ConstantPredictor({"model": 0.9}, output_tokens=10)


@pytest.fixture
def chat(pool, predictor):
    return ChatLeeroo.from_pool(pool, predictor=predictor)


@pytest.fixture
def llm(pool, predictor):
    return Leeroo.from_pool(pool, predictor=predictor)


def collected(steps):
    """What an async stream gives, in a loop of its own."""
    import asyncio

    async def run():
        return [piece async for piece in await steps] if hasattr(steps, "__await__") else [p async for p in steps]

    return asyncio.run(run())


LANGCHAIN = {
    "stream": lambda chat, **more: list(chat.stream(QUESTION, **more)),
    "astream": lambda chat, **more: collected(chat.astream(QUESTION, **more)),
}
HELLO = [ChatMessage(role="user", content=QUESTION)]
LLAMAINDEX = {
    "stream_chat": lambda llm, **more: list(llm.stream_chat(HELLO, **more)),
    "stream_complete": lambda llm, **more: list(llm.stream_complete(QUESTION, **more)),
    "astream_chat": lambda llm, **more: collected(llm.astream_chat(HELLO, **more)),
    "astream_complete": lambda llm, **more: collected(llm.astream_complete(QUESTION, **more)),
}


@pytest.mark.parametrize("way", LANGCHAIN)
@pytest.mark.parametrize("how", [{"text": LONG}, {"tool_calls": (("f", {"x": LONG}),)}], ids=["text", "tool"])
def test_langchain_cuts_a_stream_that_ignores_its_cap(chat, liar, way, how):
    liar.behave("model", {"heeds_cap": False, **how})
    pieces = LANGCHAIN[way](chat, max_tokens=CAP, max_cost=ENOUGH)
    said = "".join(piece.content + "".join(c["args"] or "" for c in piece.tool_call_chunks) for piece in pieces)
    assert 0 < len(said.split()) < (MOST if "text" in how else len(LONG))
    assert pieces[-1].response_metadata["finish_reason"] == "length"
    record = pieces[-1].response_metadata["leeroo"]
    assert record["over_cap"]
    assert record["cost_is_estimate"]
    with pytest.raises(LeerooError, match=REFUSES):
        chat.invoke(QUESTION, max_tokens=CAP, max_cost=ENOUGH)
    assert chat.invoke(QUESTION).response_metadata["leeroo"]["expert"] == "model"  # no cap to keep


def test_langchain_cuts_a_structured_stream(chat, liar):
    text = '{"name": "' + LONG + '"}'
    liar.behave("model", {"heeds_cap": False, "text": text})
    bound = chat.with_structured_output(City, method="json_mode")
    pieces = list(bound.stream(f"{QUESTION} JSON", max_tokens=CAP, max_cost=ENOUGH))
    assert len(str(pieces[-1])) < 5 * MOST
    with pytest.raises(LeerooError, match=REFUSES):
        chat.invoke(QUESTION, max_tokens=CAP, max_cost=ENOUGH)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_langchain_books_a_whole_answer_as_it_is(chat, liar, way):
    import asyncio

    liar.behave("model", {"heeds_cap": False, "text": LONG})
    given = {"max_tokens": CAP, "max_cost": ENOUGH}
    answer = chat.invoke(QUESTION, **given) if way == "invoke" else asyncio.run(chat.ainvoke(QUESTION, **given))
    record = answer.response_metadata["leeroo"]
    assert record["over_cap"]
    assert record["cost"] > ENOUGH
    with pytest.raises(LeerooError, match=REFUSES):
        chat.invoke(QUESTION, **given)


@pytest.mark.parametrize("way", LLAMAINDEX)
def test_llamaindex_cuts_a_stream_that_ignores_its_cap(llm, liar, way):
    liar.behave("model", {"heeds_cap": False, "text": LONG})
    pieces = LLAMAINDEX[way](llm, max_tokens=CAP, max_cost=ENOUGH)
    assert 0 < len("".join(piece.delta or "" for piece in pieces).split()) < MOST
    record = pieces[-1].additional_kwargs["leeroo"]
    assert record["over_cap"]
    assert record["cost_is_estimate"]
    with pytest.raises(LeerooError, match=REFUSES):
        llm.chat(HELLO, max_tokens=CAP, max_cost=ENOUGH)
    assert llm.complete(QUESTION).text  # no cap to keep


@pytest.mark.parametrize("way", ["chat", "achat"])
def test_llamaindex_books_a_whole_answer_as_it_is(llm, liar, way):
    import asyncio

    liar.behave("model", {"heeds_cap": False, "text": LONG})
    given = {"max_tokens": CAP, "max_cost": ENOUGH}
    answer = llm.chat(HELLO, **given) if way == "chat" else asyncio.run(llm.achat(HELLO, **given))
    record = answer.additional_kwargs["leeroo"]
    assert record["over_cap"]
    assert record["cost"] > ENOUGH
    with pytest.raises(LeerooError, match=REFUSES):
        llm.chat(HELLO, **given)


def test_the_cores_own_stream_is_cut(make_router, liar):
    liar.behave("model", {"heeds_cap": False, "text": LONG})
    asked = Streamed(make_router(), [{"role": "user", "content": QUESTION}], Budget(max_cost=ENOUGH), max_tokens=CAP)
    assert 0 < len("".join(asked).split()) < MOST
    assert asked.record["over_cap"]


def test_letters_are_no_tokens(predictor):
    """A model may write letter by letter: an answer within its cap is never cut."""
    text = "The capital of France is Paris, and has been so for a long time by now, as everybody knows."
    model = Letters(messages=iter([AIMessage(content=text)]))
    chat = ChatLeeroo(experts={"model": Expert(model=model, price=PRICE, max_output_tokens=200)}, predictor=predictor)
    pieces = list(chat.stream(QUESTION, max_cost=(30 + 30 * 2) / 1e6 + 0.00002))
    assert "".join(piece.content for piece in pieces) == text
    assert not pieces[-1].response_metadata["leeroo"]["over_cap"]


class Letters(GenericFakeChatModel):
    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        from langchain_core.messages import AIMessageChunk
        from langchain_core.outputs import ChatGenerationChunk

        message = next(self.messages)
        for letter in message.content:
            yield ChatGenerationChunk(message=AIMessageChunk(content=letter))


@pytest.mark.parametrize("piece", ["a", "word ", "word " * 50, "漢字", "x" * 4000])
@pytest.mark.parametrize("sure", [True, False])
def test_whatever_the_size_of_the_pieces_a_flood_is_cut(predictor, piece, sure):
    router = Router({"model": Expert(model="openai:m", price=PRICE, max_output_tokens=200)}, predictor=predictor)
    from leeroo import Query

    with router.open(Query(text="Hi", prompt="Hi", max_tokens=CAP), Budget(max_cost=1)) as call:
        (attempt,) = (one for one in [next(iter(call.attempts()))])
        written = Written(token_a_piece=sure)
        taken = 0
        while not written.passes(attempt):
            written.add(piece)
            taken += 1
            assert taken < 1000
        assert attempt.over_cap(written.usage(attempt).output_tokens)
        assert len(written.text) <= 8.5 * 1.05 * (CAP + 40) + 2 * len(piece)
        attempt.cancelled()


@pytest.mark.parametrize("way", [*LANGCHAIN, *LLAMAINDEX])
def test_a_stream_that_never_ends_has_its_seconds_as_a_whole(pool, predictor, liar, way):
    """Each piece comes in time, and all of them never do."""
    liar.behave("model", {"heeds_cap": False, "text": LONG, "pace": 0.05})
    pool["experts"]["model"]["timeout"] = 0.5
    make, ways = (ChatLeeroo, LANGCHAIN) if way in LANGCHAIN else (Leeroo, LLAMAINDEX)
    llm = make.from_pool(pool, predictor=predictor)
    with pytest.raises(LeerooError, match="timeout"):
        ways[way](llm)
    assert liar.requests
