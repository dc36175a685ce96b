"""Cache writes, sound, pictures, searches and service tiers have prices of their own: in the cost, and in the bound.

Met in Owloops/claude-powerline#104, phuryn/claude-usage#162 and earendil-works/pi#5603 (one-hour writes at the price of
five minutes), BerriAI/litellm#13810 and #31837, langfuse/langfuse#13780 (service tiers, and which one served),
BerriAI/litellm#31316 and langfuse/langfuse#15856 (searches), Wei-Shaw/claude-relay-service#1081 (the rest of a total).
"""

import json

import httpx
import pytest

from leeroo import Budget, Expert, Price, Query, Router
from leeroo.endpoints.chat_format import to_query, usage_of
from leeroo.endpoints.openai_compatible import ask
from leeroo.endpoints.streamed import Streamed
from leeroo.pool.kinds import PLAIN, Kinds, kinds_of
from leeroo.pool.listing import look_up
from leeroo.pool.prices import NO_TERMS, PriceTier, Terms
from leeroo.prediction import ConstantPredictor
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

MILLION = 1_000_000
CLAUDE = Price(
    input=3, output=15, cached_input=0.3, cache_write=3.75, cache_write_1h=6, audio_input=32, audio_output=64,
    image_output=30, search=0.01, services={"priority": Price(input=6, output=30)},
)  # fmt: skip


def usd(tokens_in=0, tokens_out=0, cached=0, **kinds):
    return CLAUDE.cost(tokens_in, tokens_out, cached, Kinds(**kinds)) / 1e9


@pytest.mark.parametrize(
    ("given", "cost"),
    [
        ({"cache_write": MILLION}, 3.75),
        ({"cache_write_1h": MILLION}, 6),
        ({"audio_input": MILLION}, 32),
        ({"cache_write": 400_000, "cache_write_1h": 100_000}, 1.5 + 0.6 + 1.5),
        ({"searches": 3}, 3.03),
        ({"service": "priority"}, 6),
        ({"service": "unheard-of"}, 3),
        ({"cache_write": 5 * MILLION}, 3.75),
    ],
)
def test_every_kind_of_input_has_its_price_and_no_part_is_more_than_the_whole(given, cost):
    assert usd(MILLION, **given) == pytest.approx(cost)


def test_output_in_sounds_and_pictures():
    assert usd(0, MILLION, audio_output=MILLION) == 64
    assert usd(0, MILLION, image_output=500_000) == pytest.approx(15 + 7.5)


def test_prices_that_are_not_stated_fall_back_to_the_plain_ones():
    price = Price(input=1, output=2)
    kinds = Kinds(cache_write=10, cache_write_1h=10, audio_input=10, audio_output=10, image_output=10)
    assert price.cost(1000, 1000, 0, kinds) == price.cost(1000, 1000)
    hour = Price(input=1, output=2, cache_write=1.25).cost(MILLION, 0, 0, Kinds(cache_write_1h=MILLION))
    assert hour == 1_250_000_000


def test_the_listing_has_them_all():
    claude = look_up(Expert(model="anthropic:claude-sonnet-4-5")).price
    assert (claude.cache_write, claude.cache_write_1h, claude.search) == (3.75, 6, 0.01)
    assert claude.tiers[0].cache_write_1h == 12
    assert claude.services["batch"].input == 1.5
    mini = look_up(Expert(model="openai:gpt-5-mini")).price
    assert mini.services["priority"].output > mini.output > mini.services["flex"].output
    assert look_up(Expert(model="openai:gpt-audio")).price.audio_output == 64
    assert look_up(Expert(model="google_genai:gemini-2.5-flash-image")).price.image_output == 30


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ({"prompt_tokens": 9}, PLAIN),
        ({"cache_creation_input_tokens": 70}, Kinds(cache_write=70)),
        (
            {
                "cache_creation_input_tokens": 70,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 40},
            },
            Kinds(cache_write=30, cache_write_1h=40),
        ),
        ({"cache_creation": {"ephemeral_1h_input_tokens": 40}}, Kinds(cache_write_1h=40)),
        ({"prompt_tokens_details": {"cache_write_tokens": 5, "audio_tokens": 7}}, Kinds(cache_write=5, audio_input=7)),
        ({"completion_tokens_details": {"audio_tokens": 7, "image_tokens": 8}}, Kinds(audio_output=7, image_output=8)),
        ({"server_tool_use": {"web_search_requests": 2}}, Kinds(searches=2)),
        ({"num_search_queries": 3}, Kinds(searches=3)),
        ({"service_tier": "priority"}, Kinds(service="priority")),
        ({"service_tier": "standard"}, PLAIN),
        ({"cache_creation_input_tokens": -4, "server_tool_use": "no", "service_tier": 7}, PLAIN),
        (None, PLAIN),
        ("garbage", PLAIN),
    ],
)
def test_a_reported_usage_tells_them(reported, expected):
    assert kinds_of(reported) == expected


def test_the_tier_that_served_counts_and_not_the_one_that_was_asked_for():
    expert = Expert(model="openai:m", price=CLAUDE)
    reported = {"prompt_tokens": MILLION, "completion_tokens": 0}
    served = usage_of(reported, "", "", expert, "default")
    assert CLAUDE.cost(served.input_tokens, 0, 0, served.kinds) == 3_000_000_000
    served = usage_of(reported, "", "", expert, "priority")
    assert CLAUDE.cost(served.input_tokens, 0, 0, served.kinds) == 6_000_000_000


@pytest.mark.parametrize("way", ["asked", "streamed", "served", "served as a stream"])
def test_the_tier_that_served_is_in_the_last_piece_of_a_stream_too(way):
    with OpenAIServer() as server:
        server.behave("m", {"service": "priority", "claim": {"prompt_tokens": 1000, "completion_tokens": 100}})
        router = Router({"c": Expert(model="openai:m", base_url=server.url, price=CLAUDE)},
                        predictor=ConstantPredictor({}, output_tokens=10))  # fmt: skip
        if way == "asked":
            record = ask(router, "hi").record
        elif way == "streamed":
            stream = Streamed(router, [{"role": "user", "content": "hi"}])
            assert "".join(stream)
            record = stream.record
        else:
            asked = {"messages": [{"role": "user", "content": "hi"}], "stream": way == "served as a stream"}
            with running(router) as url:
                answer = httpx.post(f"{url}/v1/chat/completions", json={"model": "leeroo", **asked})
            record = json.loads(answer.text.split("\n\n")[-3][6:] if asked["stream"] else answer.text)["leeroo"]
    assert record["cost"] == pytest.approx((1000 * 6 + 100 * 30) / 1e6)


TERMS = [
    (Terms(writes="5m"), {"cache_write": 1000}),
    (Terms(writes="1h"), {"cache_write_1h": 1000}),
    (Terms(audio=True), {"audio_input": 1000}),
    (Terms(searches=4), {"searches": 4}),
    (Terms(service="priority"), {"service": "priority"}),
    (Terms(service="priority"), {}),
    (NO_TERMS, {"audio_output": 500}),
    (NO_TERMS, {"image_output": 500}),
    (NO_TERMS, {}),
]


@pytest.mark.parametrize(("terms", "used"), TERMS)
def test_the_bound_counts_them(terms, used):
    bound = CLAUDE.bounding(terms)
    assert bound is CLAUDE.bounding(terms)
    assert CLAUDE.cost(1000, 500, 0, Kinds(**used)) <= bound.worst_cost(1000, 500)


@pytest.mark.parametrize(("taken", "given"), [(100_000, 1), (1, 100_000), (0, 0), (300_000, 10)])
@pytest.mark.parametrize("service", ["priority", "odd"])
def test_the_bound_of_a_tier_is_one_for_long_prompts_and_for_long_answers(taken, given, service):
    odd = Price(input=9, output=1, tiers=(PriceTier(above=200_000, input=20, output=2),))
    price = CLAUDE.model_copy(update={"services": {**CLAUDE.services, "odd": odd}})
    bound = price.bounding(Terms(service=service)).worst_cost(taken, given)
    assert bound >= price.cost(taken, given, 0, Kinds(service=service))
    assert bound >= price.worst_cost(taken, given)


def test_who_asks_for_none_of_it_is_not_bounded_dearer():
    price = Price(input=3, output=15, cached_input=0.3, cache_write=3.75, cache_write_1h=6, audio_input=32)
    assert price.bounding(NO_TERMS) is price
    assert price.worst_cost(1000, 500) == price.cost(1000, 500)


def test_a_request_says_what_it_asks_for_and_the_call_reserves_it():
    router = Router(
        {"c": Expert(model="openrouter:m", price=Price(input=3, output=15, cache_write_1h=6, search=0.01))},
        predictor=ConstantPredictor({}, output_tokens=10),
    )
    cached = {"type": "text", "text": "x" * 4000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = {"messages": [{"role": "user", "content": [cached]}], "max_tokens": 50}
    query = to_query(body, router)
    assert (query.cache_writes, query.searches, query.service) == ("1h", 0, None)
    plain = to_query({**body, "messages": [{"role": "user", "content": "x" * 4000}]}, router)
    worst = [router.open(q, Budget(max_cost=1)).decision.chosen.worst_cost for q in (plain, query)]
    assert worst[1] > 1.5 * worst[0]
    tools = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]
    query = to_query({**body, "tools": tools, "service_tier": "flex"}, router)
    assert (query.searches, query.service) == (3, "flex")
    assert to_query({**body, "web_search_options": {}}, router).searches == 10
    reserved = next(router.open(Query(text="hi", searches=3), Budget(max_cost=1)).attempts()).reserved
    assert reserved > 30_000_000
