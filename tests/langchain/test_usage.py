"""What answers cost through LangChain: every part of a usage that has a price of its own, reserved and booked."""

import base64

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from langchain_leeroo import ChatLeeroo
from langchain_leeroo.messages import RawTools, to_query
from langchain_leeroo.usage import running_total, usage_of
from leeroo import BudgetExceeded, Expert, NoEligibleExpert, Price, Query, Router
from leeroo.pool.kinds import Kinds
from leeroo.prediction import ConstantPredictor

PRICE = Price(
    input=3, output=15, cached_input=0.3, cache_write=3.75, cache_write_1h=6, audio_input=32, audio_output=64,
    image_output=30, search=0.01,
    services={"priority": Price(input=6, output=30), "flex": Price(input=1.5, output=7.5)},
)  # fmt: skip
TEXTS = Price(input=3, output=15, cache_write_1h=6, services={"priority": Price(input=6, output=30)})
CAN = {"tools", "structured_output", "streaming", "vision", "audio", "documents"}


def routed(*experts, **fields):
    pool = dict(zip(("a", "b"), experts, strict=False))
    return ChatLeeroo(experts=pool, predictor=ConstantPredictor(dict.fromkeys(pool, 0.9), output_tokens=10), **fields)


@pytest.fixture
def llm(server):
    return routed(Expert(model="openai:m", base_url=server.url, price=PRICE, capabilities=CAN))


def told(taken, given, **more):
    return {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given, **more}


BILLS = {
    "cache writes of minutes": (
        {"claim": told(1000, 100, prompt_tokens_details={"cached_tokens": 300, "cache_write_tokens": 200})},
        (500 * 3 + 300 * 0.3 + 200 * 3.75 + 100 * 15) / 1e6,
    ),
    "sound": (
        {
            "claim": told(
                1000, 100, prompt_tokens_details={"audio_tokens": 600}, completion_tokens_details={"audio_tokens": 40}
            )
        },
        (400 * 3 + 600 * 32 + 60 * 15 + 40 * 64) / 1e6,
    ),
    "priority": ({"claim": told(1000, 100), "service": "priority"}, (1000 * 6 + 100 * 30) / 1e6),
    "flex": ({"claim": told(1000, 100), "service": "flex"}, (1000 * 1.5 + 100 * 7.5) / 1e6),
    "the standard tier": ({"claim": told(1000, 100), "service": "default"}, (1000 * 3 + 100 * 15) / 1e6),
}
WHOLE_ONLY = {
    "an hour of cache": (
        {"claim": told(1000, 100, cache_creation={"ephemeral_1h_input_tokens": 200})},
        (800 * 3 + 200 * 6 + 100 * 15) / 1e6,
    ),
    "pictures": (
        {"claim": told(1000, 100, completion_tokens_details={"image_tokens": 60})},
        (1000 * 3 + 40 * 15 + 60 * 30) / 1e6,
    ),
    "searches": (
        {"claim": told(1000, 100, server_tool_use={"web_search_requests": 2})},
        (1000 * 3 + 100 * 15) / 1e6 + 0.02,
    ),
}
"""What ChatOpenAI passes on of a whole answer, and not of a stream."""


@pytest.mark.parametrize("bill", [*BILLS, *WHOLE_ONLY])
async def test_a_whole_answer_costs_what_its_parts_cost(llm, server, bill):
    how, cost = {**BILLS, **WHOLE_ONLY}[bill]
    server.behave("m", how)
    for answer in (llm.invoke("hi"), await llm.ainvoke("hi")):
        assert answer.response_metadata["leeroo"]["cost"] == pytest.approx(cost, abs=1e-9)


@pytest.mark.parametrize("bill", BILLS)
@pytest.mark.parametrize("running", [False, True], ids=["told once", "told in every piece"])
async def test_a_streamed_answer_costs_the_same(llm, server, bill, running):
    how, cost = BILLS[bill]
    server.behave("m", {**how, "running": running})
    last = list(llm.stream("hi"))[-1]
    alast = [piece async for piece in llm.astream("hi")][-1]
    for piece in (last, alast):
        record = piece.response_metadata["leeroo"]
        assert (record["input_tokens"], record["output_tokens"]) == (1000, 100)
        assert record["cost"] == pytest.approx(cost, abs=1e-9)
        assert record["cost_is_estimate"] is False


class City(BaseModel):
    """A city."""

    name: str


def test_a_structured_stream_that_tells_its_usage_in_every_piece_is_counted_once(llm, server):
    import leeroo

    server.behave("m", {"claim": told(1000, 100), "running": True})
    assert list(llm.with_structured_output(City).stream("Where?"))[-1]
    record = leeroo.last_call()
    assert (record["input_tokens"], record["output_tokens"]) == (1000, 100)


def reported(*rows):
    return [None if row is None else dict(zip(("input_tokens", "output_tokens", "total_tokens"), row, strict=True))
            for row in rows]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ([(10, 1, 11), (10, 2, 12), (10, 5, 15)], 5),
        ([(0, 0, 0), (10, 5, 15)], 5),
        ([(10, 1, 11), None, (10, 1, 11)], 1),
        ([(10, 0, 10), (0, 5, 5)], None),
        ([(10, 3, 13), (0, 4, 4)], None),
        ([(10, 5, 15)], None),
        ([], None),
    ],
)
def test_sums_so_far_never_fall_and_parts_do(rows, last):
    found = running_total(reported(*rows))
    assert (None if found is None else found["output_tokens"]) == last


def used(message, sent=200_000):
    router = Router({"a": Expert(model="openai:m", price=PRICE)}, predictor=ConstantPredictor({}, output_tokens=10))
    query = Query(text="x", prompt="x " * (sent // 2))
    attempt = next(router.open(query).attempts())
    try:
        return usage_of(message, query, attempt)
    finally:
        attempt.cancelled()


def answer(taken=(), given=(), content="Paris.", **metadata):
    usage = {
        "input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100,
        "input_token_details": dict(taken), "output_token_details": dict(given),
    }  # fmt: skip
    return AIMessage(content, usage_metadata=usage, response_metadata=metadata)


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        # as langchain-anthropic has them
        (
            answer({"cache_creation": 0, "ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30}),
            Kinds(cache_write=20, cache_write_1h=30),
        ),
        (answer({"cache_creation": 50}), Kinds(cache_write=50)),
        (answer(usage={"server_tool_use": {"web_search_requests": 3}, "service_tier": "batch"}),
         Kinds(searches=3, service="batch")),
        (answer(content=[{"type": "server_tool_use", "name": "web_search", "id": "1", "input": {}},
                         {"type": "text", "text": "so"}]), Kinds(searches=1)),
        # as langchain-openai has them
        (answer({"flex": 1000, "flex_cache_creation": 5}, {"flex": 100}), Kinds(cache_write=5, service="flex")),
        (answer(content=[{"type": "web_search_call", "id": "1"}, {"type": "web_search_call", "id": "2"}]),
         Kinds(searches=2)),
        (answer(service_tier="priority"), Kinds(service="priority")),
        (answer({"audio": 7}, {"audio": 8, "image": 9}), Kinds(audio_input=7, audio_output=8, image_output=9)),
        (answer({"audio": -3}, service_tier=5, token_usage="no"), Kinds()),
    ],
)  # fmt: skip
def test_kinds_in_every_integrations_form(message, kinds):
    assert used(message).kinds == kinds


def test_cached_tokens_of_another_tier_are_read():
    assert used(answer({"flex_cache_read": 70, "flex": 930}, {"flex": 100})).cached_tokens == 70


def test_what_cannot_be_right_is_counted_here():
    """LangChain passes on whatever its integrations read."""
    for wrong in ({"input_tokens": -5}, {"output_tokens": -(10**9)}, {"input_tokens": 10**18}):
        message = answer()
        message.usage_metadata.update(wrong)
        usage = used(message)
        assert usage.estimated
        assert usage.is_sound
        assert usage.output_tokens >= 1


def test_thinking_outside_the_output_is_paid_for(llm, server):
    server.behave("m", {"claim": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 315,
                                  "completion_tokens_details": {"reasoning_tokens": 300}}})  # fmt: skip
    record = llm.invoke("hi").response_metadata["leeroo"]
    assert (record["output_tokens"], record["cost_is_estimate"]) == (305, False)


# What is asked for is reserved


def query(messages, tools=None, **sent):
    router = Router({"a": Expert(model="openai:m", price=PRICE)}, predictor=ConstantPredictor({}, output_tokens=10))
    given = [HumanMessage(messages)] if isinstance(messages, str) else messages
    return to_query(given, router, tools=RawTools(tools) if tools else None, sent=sent)


def marked(**ttl):
    return [HumanMessage([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", **ttl}}])]


def test_a_request_says_what_has_a_price_of_its_own():
    assert query("hi").cache_writes is None
    assert query(marked()).cache_writes == "5m"
    assert query(marked(ttl="1h")).cache_writes == "1h"
    assert query("hi", cache_control={"type": "ephemeral"}).cache_writes == "5m"
    assert query("hi", service_tier="priority").service == "priority"
    assert query("hi", service_tier="unheard-of").unpriced == ("service_tier",)
    search = query("hi", [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}])
    assert search.searches == 3
    assert search.unpriced, "what a search finds is input that nobody has counted"
    assert query("hi", [{"google_search": {}}]).unpriced
    assert query("hi", n=3).unpriced == ("n",)
    assert not query("hi", [{"name": "f", "description": "d", "input_schema": {"type": "object"}}]).unpriced


def test_the_reservation_pays_for_what_was_asked(server):
    llm = routed(Expert(model="openai:m", base_url=server.url, price=TEXTS))

    def worst(messages, **sent):
        record = llm.invoke(messages, max_cost=1, max_tokens=50, **sent).response_metadata["leeroo"]
        return record["candidates"][0]["worst_cost"]

    text = "x" * 4000
    plain = worst(text)
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    cached = worst([HumanMessage([{"type": "text", "text": text, **mark}])])
    assert cached > 1.8 * plain
    assert worst(text, service_tier="priority") > 1.9 * plain


def test_what_has_no_price_is_refused_under_a_cap_by_name(server):
    plain = routed(Expert(model="openai:m", base_url=server.url, price=Price(input=3, output=15)))
    with pytest.raises(NoEligibleExpert, match=r"service_tier \(priority\)"):
        plain.invoke("hi", max_cost=1, service_tier="priority")
    assert not server.requests


@pytest.mark.parametrize("way", ["the model's own", "bound to it"])
def test_the_tier_that_an_experts_own_model_asks_for_is_reserved(server, way):
    model = ChatOpenAI(model="m", base_url=server.url, api_key="x", stream_usage=True)
    given = (
        model.bind(service_tier="priority")
        if way == "bound to it"
        else model.model_copy(update={"service_tier": "priority"})
    )
    chosen, standard = (
        routed(Expert(model=one, price=TEXTS)).invoke("hi", max_cost=1, max_tokens=50).response_metadata["leeroo"]
        for one in (given, model)
    )
    assert server.bodies()[0]["service_tier"] == "priority"
    assert chosen["candidates"][0]["worst_cost"] == pytest.approx(2 * standard["candidates"][0]["worst_cost"], rel=0.01)
    assert chosen["expected_cost"] > 1.9 * standard["expected_cost"]


LONG = "read me, too: " * 1500
ASK = HumanMessage("What is the capital of France?")
HIDDEN = {
    "a name": [HumanMessage("hi", name=LONG)],
    "a function call": [AIMessage("so", additional_kwargs={"function_call": {"name": "f", "arguments": LONG}}), ASK],
    "tool calls in OpenAI's form": [
        AIMessage("so", additional_kwargs={"tool_calls": [{"id": "1", "function": {"arguments": LONG}}]}),
        ASK,
    ],
    "invalid tool calls": [
        AIMessage("so", invalid_tool_calls=[{"name": "f", "args": LONG, "id": "1", "error": None}]),
        ASK,
    ],
    "a part of an unknown type": [HumanMessage([{"type": "thing", "thing": {"x": LONG}}])],
    "beside a part's text": [HumanMessage([{"type": "text", "text": "hi", "content": LONG}])],
    "beside a picture": [HumanMessage([{"type": "image_url", "image_url": {"url": "https://e.org/a.png"}, "x": LONG}])],
    "a tool call's id": [
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}]),
        ToolMessage("5", tool_call_id=LONG),
    ],
    "thinking": [AIMessage([{"type": "thinking", "thinking": LONG, "signature": "s"}, {"type": "text", "text": "x"}]),
                 ASK],
}  # fmt: skip


@pytest.mark.parametrize("place", HIDDEN)
def test_no_text_is_forwarded_that_the_cap_does_not_pay_for(llm, server, place):
    with pytest.raises(BudgetExceeded):
        llm.invoke(HIDDEN[place], max_cost=0.01)
    assert not server.requests


@pytest.mark.parametrize("sent", [{"extra_body": {"prompt": LONG}}, {"stop": [LONG]}, {"user": LONG}])
def test_nor_beside_the_messages(llm, server, sent):
    with pytest.raises(BudgetExceeded):
        llm.invoke("hi", max_cost=0.01, **sent)
    assert not server.requests


def test_pictures_count_by_their_providers_rule_and_documents_without_one_are_refused(server):
    mini = routed(Expert(model="openai:gpt-4o-mini", base_url=server.url, price=PRICE, capabilities=CAN))
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(2000)).decode()
    picture = [HumanMessage([{"type": "image", "base64": data, "mime_type": "image/png"}])]
    record = mini.invoke(picture, max_cost=1).response_metadata["leeroo"]
    assert record["candidates"][0]["worst_cost"] > 25_000 * 3 / 1e6
    paper = [HumanMessage([{"type": "file", "base64": data, "mime_type": "application/pdf"}])]
    with pytest.raises(NoEligibleExpert, match="state media_tokens"):
        mini.invoke(paper, max_cost=1)
    assert mini.invoke(paper).text, "nobody asks for a cap"


def test_what_is_said_twice_counts_once():
    calls = [{"name": "f", "args": {"x": "y" * 4000}, "id": "1"}]
    plain = query([AIMessage("so", tool_calls=calls), ToolMessage("5", tool_call_id="1")])
    doubled = query([
        AIMessage(
            [{"type": "text", "text": "so"}, {"type": "tool_use", "id": "1", "name": "f", "input": calls[0]["args"]}],
            tool_calls=calls,
        ),
        ToolMessage("5", tool_call_id="1"),
    ])  # fmt: skip
    assert len(doubled.prompt) == len(plain.prompt)
