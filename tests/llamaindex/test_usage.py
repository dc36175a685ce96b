"""Usage as experts report it: one number of input tokens, whether the cached ones are within or beside."""

from types import SimpleNamespace

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    ChatResponse,
    ImageBlock,
    TextBlock,
)
from llama_index.llms.openai_like import OpenAILike
from openai.types import CompletionUsage
from pydantic import BaseModel

from leeroo import Expert, NoEligibleExpert, Price, Usage, budget, last_call
from leeroo.pool.kinds import PLAIN, Kinds
from llamaindex_leeroo import Leeroo
from llamaindex_leeroo.queries import to_query
from llamaindex_leeroo.usage import Tally, kinds_in
from tests.llamaindex.conftest import pool_of
from tests.llamaindex.test_calls import WAYS, call


class Anthropics(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


OPENAI = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
WITHIN = {**OPENAI, "prompt_tokens_details": {"cached_tokens": 60}}


def read(reported, raw=lambda usage: {"usage": usage}, said="Paris."):
    tally = Tally(Expert(name="a", model="m", price=Price(input=1, output=1)), 90, 200)
    tally.see(ChatResponse(message=ChatMessage(role="assistant", content=said), raw=raw(reported)))
    return tally.usage()


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (OPENAI, Usage(100, 7)),
        (WITHIN, Usage(100, 7, cached_tokens=60)),
        (CompletionUsage(**OPENAI), Usage(100, 7)),
        (CompletionUsage(**WITHIN), Usage(100, 7, cached_tokens=60)),
        (
            {"input_tokens": 100, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 60}},
            Usage(100, 7, cached_tokens=60),
        ),
        (Anthropics(input_tokens=30, output_tokens=7), Usage(30, 7)),
        (
            Anthropics(input_tokens=30, output_tokens=7, cache_read_input_tokens=60, cache_creation_input_tokens=10),
            Usage(100, 7, cached_tokens=60, kinds=Kinds(cache_write=10)),
        ),
        (SimpleNamespace(prompt_token_count=100, candidates_token_count=7), Usage(100, 7)),
    ],
)
def test_usage_of_a_response(reported, expected):
    assert read(reported) == read(reported, lambda usage: SimpleNamespace(usage=usage)) == expected


THOUGHT = {"completion_tokens_details": {"reasoning_tokens": 280}}


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        # OpenAI's: within the output
        ({**OPENAI, "completion_tokens": 300, "total_tokens": 400, **THOUGHT}, Usage(100, 300)),
        # xAI's: beside it
        ({**OPENAI, "total_tokens": 387, **THOUGHT}, Usage(100, 287)),
        ({"prompt_tokens": 100, "completion_tokens": 7, **THOUGHT}, Usage(100, 287)),
        (
            {"input_tokens": 100, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 280}},
            Usage(100, 287),
        ),
        # Gemini's endpoint in OpenAI's form: in the total alone; and its own form
        ({**OPENAI, "total_tokens": 387}, Usage(100, 287, estimated=True)),
        (
            SimpleNamespace(
                prompt_token_count=100, candidates_token_count=7, thoughts_token_count=280, total_token_count=387
            ),
            Usage(100, 287),
        ),
    ],
)
def test_thinking_is_paid_for_wherever_it_is_counted(reported, expected):
    assert read(reported) == expected


@pytest.mark.parametrize(
    "reported",
    [
        None,
        {},
        {"prompt_tokens": 100},
        {"prompt_tokens": -5, "completion_tokens": 7},
        {"prompt_tokens": 100, "completion_tokens": "7"},
        {"prompt_tokens": 10**400, "completion_tokens": 7},
        {"prompt_tokens": float("nan"), "completion_tokens": 7},
        {"prompt_tokens": 10**7, "completion_tokens": 7},
    ],
)
def test_what_cannot_be_right_is_counted_here(reported):
    usage = read(reported)
    assert usage.estimated
    assert usage.input_tokens in (90, 100)
    assert 1 <= usage.output_tokens <= 7


def test_pieces_of_a_stream_that_each_tell_a_part_are_put_together():
    tally = Tally(Expert(name="a", model="m", price=Price(input=1, output=1)), 90, 200)
    message = ChatMessage(role="assistant", content="Paris.")
    start = SimpleNamespace(message=SimpleNamespace(usage=Anthropics(input_tokens=30, output_tokens=1)))
    for raw in (start, {"type": "delta"}, {"usage": {"output_tokens": 5}}, {"usage": {"output_tokens": 7}}):
        tally.see(ChatResponse(message=message, raw=raw))
    assert tally.usage() == Usage(30, 7)


@pytest.mark.parametrize("make", [dict, lambda **fields: CompletionUsage(**fields)])
def test_cached_tokens_under_two_names_are_counted_once(make):
    """LiteLLM gives Anthropic's numbers in OpenAI's form and repeats the cached ones under Anthropic's names."""
    reported = make(**WITHIN, cache_read_input_tokens=60, cache_creation_input_tokens=10)
    assert read(reported) == Usage(100, 7, cached_tokens=60, kinds=Kinds(cache_write=10))


@pytest.mark.parametrize("way", WAYS)
async def test_thinking_beside_the_output_is_on_the_record(way, llm, server, monkeypatch):
    told = {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 348, **THOUGHT}
    told["completion_tokens_details"] = {"reasoning_tokens": 300}
    monkeypatch.setattr(server, "usage", lambda *_: told)
    await call(way, llm)
    record = last_call()
    assert (record["input_tokens"], record["output_tokens"], record["cost_is_estimate"]) == (40, 308, False)


PRICE = {
    "input": 3, "output": 15, "cached_input": 0.3, "cache_write": 3.75, "cache_write_1h": 6, "audio_input": 32,
    "audio_output": 64, "image_output": 30, "search": 0.01, "services": {"priority": {"input": 6, "output": 30}},
}  # fmt: skip


def told(**more):
    return {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, **more}


BILLS = {
    "cache writes": (
        {
            "claim": told(
                cache_creation={"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
                prompt_tokens_details={"cached_tokens": 300},
            )
        },
        (400 * 3 + 300 * 0.3 + 200 * 3.75 + 100 * 6 + 100 * 15) / 1e6,
    ),
    "sounds and pictures": (
        {
            "claim": told(
                prompt_tokens_details={"audio_tokens": 600},
                completion_tokens_details={"audio_tokens": 40, "image_tokens": 20},
            )
        },
        (400 * 3 + 600 * 32 + 40 * 15 + 40 * 64 + 20 * 30) / 1e6,
    ),
    "searches": ({"claim": told(server_tool_use={"web_search_requests": 2})}, (1000 * 3 + 100 * 15) / 1e6 + 0.02),
    "priority": ({"claim": told(), "service": "priority"}, (1000 * 6 + 100 * 30) / 1e6),
    "the standard tier": ({"claim": told(), "service": "default"}, (1000 * 3 + 100 * 15) / 1e6),
}


@pytest.fixture
def priced(server, predictor):
    file = pool_of(server)
    file["experts"] = {"small": {**file["experts"]["small"], "price": PRICE}}
    return Leeroo.from_pool(file, predictor=predictor)


@pytest.mark.parametrize("bill", BILLS)
@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat", "complete", "structured_predict"])
async def test_an_answer_costs_what_its_parts_cost(way, bill, priced, server):
    how, cost = BILLS[bill]
    server.behave("small-model", how)
    await call(way, priced)
    assert last_call()["cost"] == pytest.approx(cost, abs=1e-9)
    assert last_call()["cost_is_estimate"] is False


async def test_usage_so_far_in_every_piece_is_counted_once(priced, server):
    server.behave("small-model", {"claim": told(), "running": True, "service": "priority"})
    await call("stream_chat", priced)
    assert last_call()["cost"] == pytest.approx((1000 * 6 + 100 * 30) / 1e6)


def test_two_answers_of_one_call_are_added_with_their_kinds():
    one = Usage(10, 5, 2, kinds=Kinds(cache_write=3, searches=1, service="flex"))
    assert one.plus(one) == Usage(20, 10, 4, kinds=Kinds(cache_write=6, searches=2, service="flex"))


def test_searches_that_responses_tell_one_by_one():
    output = [SimpleNamespace(type="web_search_call"), SimpleNamespace(type="message")]
    answer = ChatResponse(message=ChatMessage(content="x"), raw=SimpleNamespace(output=output, usage=None))
    assert kinds_in(answer) == Kinds(searches=1)
    assert kinds_in(ChatResponse(message=ChatMessage(content="x"), raw=None)) == PLAIN


def asked(*blocks, **kwargs):
    return to_query([ChatMessage(role="user", blocks=[TextBlock(text="Hi."), *blocks])], kwargs)


def test_a_request_says_what_has_a_price_of_its_own():
    assert asked().cache_writes is None
    assert asked(CachePoint(cache_control=CacheControl(type="ephemeral"))).cache_writes == "5m"
    assert asked(CachePoint(cache_control=CacheControl(type="ephemeral", ttl="1h"))).cache_writes == "1h"
    mark = {"cache_control": {"type": "ephemeral"}}
    assert to_query([ChatMessage(content="Hi.", additional_kwargs=mark)], {}).cache_writes == "5m"
    assert asked(service_tier="priority").service == "priority"
    assert asked(extra_body={"service_tier": "flex"}).service == "flex"
    assert asked(service_tier="unheard-of").unpriced == ("service_tier",)
    search = asked(tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}])
    assert (search.searches, bool(search.unpriced)) == (3, True)


def test_the_reservation_pays_for_what_was_asked(server, predictor):
    file = pool_of(server)
    price = {"input": 3, "output": 15, "services": {"priority": {"input": 6, "output": 30}}}
    file["experts"] = {"small": {**file["experts"]["small"], "price": price}}
    llm = Leeroo.from_pool(file, predictor=predictor)

    def worst(**kwargs):
        with budget(max_cost=1):
            llm.complete("x" * 4000, max_tokens=50, **kwargs)
        return last_call()["candidates"][0]["worst_cost"]

    assert worst(service_tier="priority") == pytest.approx(2 * worst(), rel=0.01)
    with pytest.raises(NoEligibleExpert, match=r"cache_control"):
        llm.chat([ChatMessage(content="Hi.", additional_kwargs={"cache_control": {"type": "ephemeral"}})], max_cost=1)


def test_the_tier_that_an_experts_own_llm_asks_for_is_reserved(server, predictor):
    price = Price(input=3, output=15, services={"priority": Price(input=6, output=30)})
    costs = []
    for own in ({"service_tier": "priority"}, {}):
        model = OpenAILike(model="m", api_base=server.url, api_key="x", is_chat_model=True, additional_kwargs=own)
        llm = Leeroo(experts={"small": Expert(model=model, price=price)}, predictor=predictor)
        llm.complete("Hi.", max_cost=1, max_tokens=50)
        costs.append(last_call()["candidates"][0]["worst_cost"])
    assert server.bodies()[0]["service_tier"] == "priority"
    assert costs[0] > 1.9 * costs[1]


def test_media_count_by_their_providers_rule_and_what_has_none_is_refused_under_a_cap(server, predictor):
    def of(model, **more):
        expert = {"model": model, "base_url": server.url, "price": {"input": 3, "output": 15}, "max_output_tokens": 50}
        able = ["vision", "audio", "streaming"]
        return Leeroo.from_pool({"experts": {"a": {**expert, "capabilities": able, **more}}}, predictor=predictor)

    block = ImageBlock(image=b"\x89PNG\r\n\x1a\n" + bytes(99))
    picture = ChatMessage(role="user", blocks=[TextBlock(text="What?"), block])
    of("openai:gpt-4o-mini").chat([picture], max_cost=1)
    assert last_call()["candidates"][0]["worst_cost"] > 25_000 * 3 / 1e6
    with pytest.raises(NoEligibleExpert, match="state media_tokens"):
        of("my-own").chat([picture], max_cost=1)
    of("my-own", media_tokens={"vision": 2000}).chat([picture], max_cost=1)
    sound = asked(AudioBlock(audio=b"ID3" + bytes(50_000), format="mp3")).attachments[0]
    assert (sound.kind, sound.seconds) == ("audio", pytest.approx(50.003))
