"""Who is sent a mark to cache, and what that is expected to cost."""

import pytest

from leeroo import Budget, Expert, NoEligibleExpert, Price, Usage
from leeroo.endpoints.chat_format import to_query
from leeroo.pool.caching import needs_marks, takes_marks, writes_of
from leeroo.pool.kinds import Kinds

OWN = "http://127.0.0.1:8000/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
PRICE = Price(input=3.0, output=15.0, cached_input=0.3, cache_write=3.75, cache_write_1h=6.0)
MARKED = [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}]


class ChatOpenAI:
    def __init__(self, base=None, model="claude-sonnet-4-5"):
        self.openai_api_base = base
        self.model_name = model


class ChatAnthropic:
    anthropic_api_url = "https://api.anthropic.com"
    model = "claude-sonnet-4-5"


def expert(model="openrouter:anthropic/claude-sonnet-4.5", **more):
    return Expert(model=model, name="x", price=PRICE, **more)


@pytest.mark.parametrize(
    ("one", "takes"),
    [
        (expert("gpt-5-nano"), False),
        (expert("openai:gpt-5-nano"), False),
        (expert("groq:llama-3.3-70b"), False),
        (expert("google_genai:gemini-3-pro"), False),
        (expert("x", base_url="https://api.cerebras.ai/v1"), False),
        (expert("x", base_url=OWN), True),
        (expert("claude", base_url=OPENROUTER), True),
        (expert("anthropic:claude-sonnet-4-5"), True),
        (expert(ChatOpenAI()), False),
        (expert(ChatOpenAI("https://api.openai.com/v1")), False),
        (expert(ChatOpenAI(OWN)), True),
        (expert(ChatOpenAI(OPENROUTER)), True),
        (expert(ChatAnthropic()), True),
    ],
)
def test_who_takes_marks(one, takes):
    assert takes_marks(one) is takes
    assert writes_of(one, "1h") == ("1h" if takes else None)


def test_a_requests_own_marks_win_over_the_experts_setting():
    one = expert(prompt_cache="5m")
    assert (writes_of(one, None), writes_of(one, "1h"), writes_of(expert(), None)) == ("5m", "1h", None)


@pytest.mark.parametrize("model", ["fireworks:kimi-k2", "deepseek:deepseek-chat", "xai:grok-4", "openai:gpt-5-nano"])
def test_who_caches_by_itself_is_not_asked_by_the_setting(model):
    assert writes_of(expert(model, prompt_cache="5m"), None) is None


@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-5", "openrouter:anthropic/claude-opus-4.1"])
def test_claude_caches_nothing_without_a_mark(model):
    assert needs_marks(expert(model))
    assert not needs_marks(expert("openai:gpt-5-nano"))


def judged(make_router, one, messages=None, **query):
    router = make_router({"x": one}, {"x": 0.9})
    body = {"messages": messages or [{"role": "user", "content": "word " * 2000}]}
    asked = to_query(body, router)
    asked = type(asked)(**{**{name: getattr(asked, name) for name in asked.__slots__}, **query})
    with router.open(asked, Budget(max_cost=1)) as call:
        return call.decision.candidates[0]


def test_the_setting_is_priced_as_marks_in_the_request_are(make_router):
    plain, five, hour = (judged(make_router, expert(prompt_cache=kept)) for kept in (None, "5m", "1h"))
    written = plain.input_tokens / 1e6
    assert five.expected_cost - plain.expected_cost == pytest.approx(written * 0.75e9, rel=0.001)
    assert hour.expected_cost - plain.expected_cost == pytest.approx(written * 3e9, rel=0.001)
    assert plain.worst_cost < five.worst_cost < hour.worst_cost


def test_a_mark_that_is_left_out_is_not_priced(make_router):
    one = expert("openai:gpt-5-nano").model_copy(update={"price": Price(input=1.0, output=2.0)})
    assert judged(make_router, one, MARKED).ineligible is None


def test_a_price_that_is_missing_is_named_with_the_remedy(make_router):
    one = expert(base_url=OWN).model_copy(update={"price": Price(input=1.0, output=2.0)})
    with pytest.raises(NoEligibleExpert, match=r"writing to a cache.*state it in the expert's price, 0 included"):
        judged(make_router, one, MARKED)
    priced = one.model_copy(update={"price": Price(input=1.0, output=2.0, cache_write=0.0)})
    assert judged(make_router, priced, MARKED).ineligible is None


def test_what_is_read_back_is_cheap_only_where_it_was_asked_to_be_kept(make_router):
    before = {"last_expert": "x", "cached_tokens": 1500}
    kept, lost = (judged(make_router, expert(prompt_cache=one), **before) for one in ("5m", None))
    assert kept.expected_cost < lost.expected_cost == judged(make_router, expert()).expected_cost
    # What is new is written.
    new = kept.input_tokens - 1500
    assert kept.expected_cost == pytest.approx(PRICE.cost(1500 + new, kept.output_tokens, 1500) + new * 750, abs=5)


def test_what_another_expert_has_cached_does_not_spare_this_one_the_writing(make_router):
    elsewhere = judged(make_router, expert(prompt_cache="5m"), last_expert="y", cached_tokens=1500)
    assert elsewhere.expected_cost == judged(make_router, expert(prompt_cache="5m")).expected_cost


@pytest.mark.parametrize(
    ("kept", "told", "usd"),
    [
        ("1h", Kinds(cache_write=1000), 6.0),  # as streams and gateways tell it: not how long
        ("1h", Kinds(cache_write_1h=1000), 6.0),
        ("1h", Kinds(cache_write=400, cache_write_1h=600), 0.4 * 3.75 + 0.6 * 6.0),
        ("5m", Kinds(cache_write=1000), 3.75),
    ],
)
def test_what_was_written_is_booked_by_how_long_it_was_asked_to_be_kept(make_router, kept, told, usd):
    router = make_router({"x": expert(prompt_cache=kept)}, {"x": 0.9})
    with router.open(to_query({"messages": [{"role": "user", "content": "hi"}]}, router)) as call:
        next(call.attempts()).succeeded(Usage(1000, 0, kinds=told))
    assert call.record["cost"] == pytest.approx(usd * 1000 / 1e6)
