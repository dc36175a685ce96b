"""The cap holds: everything that is forwarded counts, under whatever name, and nothing multiplies the answer unseen."""

import base64

import pytest
from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms import MockLLM
from llama_index.llms.openai_like import OpenAILike

from leeroo import BudgetExceeded, ConfigError, InvalidRequest, budget
from llamaindex_leeroo import Leeroo
from llamaindex_leeroo.queries import to_query
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import HELLO, PROMPT, WAYS, City, call, check

LONG = "a text that is paid for " * 2500
ENOUGH = 0.01
"""USD: pays for a short call of the dearer expert, and for a fifth of what reading LONG may cost at the cheaper one."""


@pytest.fixture
def llm(server, predictor):
    """Experts that read everything."""
    file = pool_of(server)
    for expert in file["experts"].values():
        expert["capabilities"] = ["tools", "structured_output", "streaming", "vision", "documents"]
    return Leeroo.from_pool(file, predictor=predictor, tolerance=0.5)


def said(role="user", text="Hi.", **extra):
    return ChatMessage(role=role, content=text, additional_kwargs=extra)


def blocks(*given, role="user"):
    return ChatMessage(role=role, blocks=[TextBlock(text="Hi."), *given])


CALL = {"id": "1", "type": "function", "function": {"name": "add", "arguments": LONG}}
HIDDEN = {
    "tool calls": said("assistant", tool_calls=[CALL]),
    "a function call": said("assistant", function_call={"name": "add", "arguments": LONG}),
    "beside tool calls": said("assistant", tool_calls=[], name=LONG),
    "a name": said(name=LONG),
    "the id of a call": said("tool", tool_call_id=LONG),
    "deep": said(anything=[{"a": {"b": LONG}}]),
    "thinking": blocks(ThinkingBlock(content=LONG), role="assistant"),
    "what belongs to thinking": blocks(ThinkingBlock(additional_information={"signature": LONG}), role="assistant"),
    "arguments": blocks(ToolCallBlock(tool_name="add", tool_kwargs={"a": LONG}), role="assistant"),
    "the id of a block": blocks(ToolCallBlock(tool_call_id=LONG, tool_name="add"), role="assistant"),
    "a document": blocks(DocumentBlock(data=LONG.encode(), document_mimetype="text/plain")),
    "a document's title": blocks(DocumentBlock(data=b"x", title=LONG, document_mimetype="text/plain")),
    "something to be cited": blocks(CitableBlock(title="t", source="s", content=[TextBlock(text=LONG)])),
    "its title": blocks(CitableBlock(title=LONG, source="s", content=[])),
    "a citation": blocks(
        CitationBlock(cited_content=TextBlock(text=LONG), source="s", title="t", additional_location_info={})
    ),
    "a picture's address that is none": blocks(ImageBlock(url=f"https://example.com/ {LONG}")),
    "a picture's detail": blocks(ImageBlock(url="https://example.com/a.png", detail=LONG)),
}


@pytest.mark.parametrize("place", HIDDEN)
def test_whatever_a_message_carries_counts(place, llm, server):
    with pytest.raises(BudgetExceeded):
        llm.chat([*HELLO, HIDDEN[place]], max_cost=ENOUGH)
    assert server.requests == []


def test_a_document_on_the_disk_counts(llm, server, tmp_path):
    (tmp_path / "a.txt").write_text(LONG)
    with pytest.raises(BudgetExceeded):
        llm.chat([blocks(DocumentBlock(path=tmp_path / "a.txt"))], max_cost=ENOUGH)
    assert server.requests == []


@pytest.mark.parametrize(
    "extra",
    [
        {"extra_body": {"chat_template_kwargs": {"documents": [LONG]}}},
        {"user": LONG},
        {"prediction": {"type": "content", "content": LONG}},
        {"functions": [{"name": "add", "description": LONG}]},
        {"stop": [LONG]},
        {"metadata": {"a": LONG}},
    ],
)
@pytest.mark.parametrize("way", ["chat", "complete", "chat_with_tools", "structured"])
def test_whatever_goes_beside_the_messages_counts(way, extra, llm, server):
    from tests.llamaindex.test_calls import ADD

    asks = {
        "chat": lambda: llm.chat(HELLO, **extra),
        "complete": lambda: llm.complete("Hi.", **extra),
        "chat_with_tools": lambda: llm.chat_with_tools([ADD], user_msg="Hi.", **extra),
        "structured": lambda: llm.structured_predict(City, PROMPT, llm_kwargs=extra, place="Paris"),
    }
    with budget(max_cost=ENOUGH), pytest.raises(BudgetExceeded):
        asks[way]()
    assert server.requests == []


@pytest.mark.parametrize("way", [w for w in WAYS if "predict" in w or "structured" in w or w in ("stream", "astream")])
async def test_an_experts_own_system_prompt_counts_where_it_is_added(way, server, predictor):
    given = OpenAILike(
        model="small-model",
        api_base=server.url,
        api_key="x",
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        system_prompt=LONG,
    )
    llm = Leeroo(experts={"small": {"model": given, "price": {"input": 1, "output": 4}}}, predictor=predictor)
    if way.endswith("predict_and_call"):
        check(way, llm, await call(way, llm))
        assert LONG not in str(server.bodies())
        return
    with budget(max_cost=ENOUGH), pytest.raises(BudgetExceeded):
        await call(way, llm)
    assert server.requests == []


def test_what_an_expert_sends_with_every_request_counts(server, predictor):
    own = {"extra_body": {"chat_template_kwargs": {"documents": [LONG]}}}
    given = OpenAILike(model="m", api_base=server.url, api_key="x", is_chat_model=True, additional_kwargs=own)
    llm = Leeroo(experts={"a": {"model": given, "price": {"input": 1, "output": 4}}}, predictor=predictor)
    with pytest.raises(BudgetExceeded):
        llm.chat(HELLO, max_cost=ENOUGH)
    assert server.requests == []


def test_short_calls_and_media_pass(llm, server):
    picture = ImageBlock(image=base64.b64encode(b"\x89PNG" * 50_000))
    call_block = ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs={"a": 1})
    ordinary = blocks(picture, call_block, CachePoint.model_construct())
    query = to_query([*HELLO, ordinary], {"temperature": 0.5, "seed": 3})
    assert query.media == 1
    assert len(query.rest) < 100
    llm.chat(HELLO, max_cost=ENOUGH, temperature=0.5, user="a")
    assert server.asked() == ["small-model"]


@pytest.mark.parametrize("name", ["n", "best_of"])
@pytest.mark.parametrize("inside", [False, True])
async def test_several_answers_are_refused_by_name(name, inside, llm, server):
    many, one = ({"extra_body": {name: value}} if inside else {name: value} for value in (3, 1))
    with pytest.raises(InvalidRequest, match=f"{name}=3"):
        llm.chat(HELLO, **many)
    with pytest.raises(InvalidRequest, match=f"{name}=3"):
        await llm.achat(HELLO, **many)
    assert server.requests == []
    if inside or name == "n":  # the openai SDK's chat takes no best_of
        llm.chat(HELLO, **one)


@pytest.mark.parametrize("where", [{"n": 2}, {"extra_body": {"best_of": 2}}])
def test_an_expert_of_several_answers_is_refused_at_construction(where, server):
    given = OpenAILike(model="m", api_base=server.url, api_key="x", is_chat_model=True, additional_kwargs=where)
    with pytest.raises(ConfigError, match=r"'many'.*=2"):
        Leeroo(experts={"many": {"model": given, "price": {"input": 1, "output": 4}}})


NAMES = ["max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("capped", [False, True])
def test_an_output_cap_holds_and_is_lowered_whatever_its_name(name, inside, capped, llm, server):
    for asked, sent in ((20, 20), (10**6, 500)):
        given = {"extra_body": {name: asked, "other": 1}} if inside else {name: asked}
        llm.chat(HELLO, **given, **({"max_cost": 1.0} if capped else {}))
        body = server.bodies()[-1]
        assert {n: body[n] for n in NAMES if n in body} == {"max_tokens": sent}
        assert body.get("other") == (1 if inside else None)


def test_an_experts_own_extra_body_does_not_lift_the_cap(server, predictor):
    own = {"extra_body": {"max_tokens": 10**6}, "max_completion_tokens": 10**6}
    given = OpenAILike(model="m", api_base=server.url, api_key="x", is_chat_model=True, additional_kwargs=own)
    llm = Leeroo(experts={"a": {"model": given, "price": {"input": 1, "output": 4}}}, predictor=predictor)
    llm.chat(HELLO, max_cost=0.001)
    (body,) = server.bodies()
    assert max(body[n] for n in NAMES if n in body) < 250
    assert given.additional_kwargs == own | {"extra_body": {"max_tokens": 10**6}}


class Uncapped(MockLLM):
    """An LLM with no field for a cap; it remembers what it was sent."""

    def chat(self, messages, **kwargs):
        SENT.append(kwargs)
        return super().chat(messages)


SENT = []


def test_all_caps_are_lowered_where_the_llm_has_no_field_for_one(predictor):
    SENT.clear()
    llm = Leeroo(experts={"a": {"model": Uncapped(), "price": {"input": 1, "output": 4}}}, predictor=predictor)
    llm.chat(HELLO, max_tokens=10**6, max_completion_tokens=10**6, max_cost=0.001)
    assert all(value < 250 for value in SENT[0].values())
    assert set(SENT[0]) == {"max_tokens", "max_completion_tokens"}
