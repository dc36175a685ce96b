"""A reasoning model is billed for what it thinks, out of the same cap: a cap made for answers leaves nothing to say.

Met in langchain-ai/langchain#32477, vercel/ai#8237, jsboige/CoursIA#8454 and covan-ai/covan#112 (about 1,400 tokens of
thought before 120 of answer, at caps of 400 to 1,000: empty, finished by length, and billed).
"""

import pytest

import leeroo
from leeroo import Budget, Expert, Pool, Price, Query, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.pool.limits import output_limit
from leeroo.pool.thinking import thought_of, with_thought
from leeroo.pool.thought_measured import MEASURED
from leeroo.prediction import ConstantPredictor
from tests.openai_server import OpenAIServer

MINI = Price(input=0.25, output=2.0)


def router(experts, quality=None, said=100):
    return Router(experts, predictor=ConstantPredictor(quality or {}, output_tokens=said))


def test_half_a_dollar_of_gpt_5_mini_gives_an_answer():
    with OpenAIServer() as server:
        server.behave("gpt-5-mini", {"thinks": 6_000})
        answer = ask(
            router({"mini": Expert(model="gpt-5-mini", base_url=server.url, price=MINI)}), "Why?", Budget(max_cost=0.5)
        )
        sent = server.requests[-1]["body"]["max_tokens"]
    assert answer.text
    assert sent == 128_000, "what the money pays for is more than the model can give"
    assert answer.record["cost"] <= 0.5


def test_the_cap_is_what_the_money_pays_for_and_no_more():
    with OpenAIServer() as server:
        experts = {"mini": Expert(model="gpt-5-mini", base_url=server.url, price=MINI)}
        ask(router(experts), "Why?", Budget(max_cost=0.02))
        sent = server.requests[-1]["body"]["max_tokens"]
    assert 9_900 < sent <= 10_000


def test_money_that_others_share_is_not_held_by_one_call():
    """16,384 tokens are room to think; 128,000 would keep a team's calls from each other."""
    chooses = router({"mini": Expert(model="openai:gpt-5-mini", price=MINI)})
    with leeroo.budget(max_total_cost=0.1):
        calls = [chooses.open(Query(text="hi")) for _ in range(3)]
        attempts = [next(call.attempts()) for call in calls]
        assert [attempt.max_tokens for attempt in attempts] == [16_384, 16_384, 16_384]
        for attempt in attempts:
            attempt.cancelled()
    with leeroo.budget(max_total_cost=0.3, max_cost=0.05):
        assert next(chooses.open(Query(text="hi")).attempts()).max_tokens > 24_000
    declared = router({"mini": Expert(model="openai:gpt-5-mini", price=MINI, max_output_tokens=30_000)})
    with leeroo.budget(max_total_cost=1):
        assert next(declared.open(Query(text="hi")).attempts()).max_tokens == 30_000


def test_money_that_pays_for_the_answer_but_not_for_the_thought_goes_to_somebody_else():
    experts = {"thinker": Expert(model="openai:gpt-5-mini", price=MINI), "plain": Expert(model="openai:m", price=MINI)}
    chooses = router(experts, {"thinker": 0.9, "plain": 0.5})
    assert chooses.open(Query(text="hi"), Budget(max_cost=0.01)).decision.expert.name == "thinker"
    decision = chooses.open(Query(text="hi"), Budget(max_cost=0.001)).decision
    assert decision.expert.name == "plain"
    assert "over budget" in next(c.ineligible for c in decision.candidates if c.expert.name == "thinker")


def test_a_callers_own_cap_without_room_to_think_goes_to_somebody_else_but_not_to_nobody():
    experts = {"thinker": Expert(model="openai:gpt-5-mini", price=MINI), "plain": Expert(model="openai:m", price=MINI)}
    query = Query(text="hi", max_tokens=400)
    quality = {"thinker": 0.9, "plain": 0.5}
    decision = router(experts, quality).open(query).decision
    assert decision.expert.name == "plain"
    assert "thinks first" in next(c.ineligible for c in decision.candidates if c.expert.name == "thinker")
    alone = router({"thinker": experts["thinker"]}).open(query).decision
    assert (alone.expert.name, alone.chosen.max_tokens) == ("thinker", 400)


def test_thought_is_in_the_expected_cost():
    plain, thinker = (
        router({"e": Expert(model=f"openai:{model}", price=MINI)}).open(Query(text="hi")).decision.chosen
        for model in ("gpt-4o-mini", "gpt-5-mini")
    )
    assert (plain.output_tokens, thinker.output_tokens) == (100, 100 + 1_024)
    assert thinker.expected_cost > 10 * plain.expected_cost


@pytest.mark.parametrize(
    ("model", "less", "more"),
    [
        ("gpt-5.2-low", 0, "gpt-5.2-high"),
        ("gpt-5.1-none", -1, "gpt-5.1-high"),
        ("claude-sonnet-4-5", -1, "claude-sonnet-4-5-thinking"),
        ("gpt-4o", -1, "o3"),
        ("gpt-5-chat-latest", -1, "gpt-5"),
    ],
)
def test_more_effort_is_more_thought(model, less, more):
    fewer, many = (with_thought(Expert(model=f"openai:{name}"), 500) for name in (model, more))
    assert 500 + less < fewer < many


@pytest.mark.parametrize(
    ("model", "factor"),
    [("gpt-5", 2.6), ("openai/gpt-5-high", 5.4), ("o3", 1.8), ("gemini-2.5-pro", 9.2), ("grok-4-0709", 7.4),
     ("claude-sonnet-4-20250514-thinking", 1.9), ("claude-sonnet-4", 0.0), ("gpt-5-mini", 3.0)],
)  # fmt: skip
def test_what_was_measured_of_a_model_wins_over_what_its_effort_makes_likely(model, factor):
    assert thought_of(Expert(model=model)).factor == pytest.approx(factor, abs=0.06)


def test_measured_factors_agree_with_those_by_effort():
    for effort, factor in (("low", 1), ("medium", 3), ("high", 6)):
        assert MEASURED["gpt-5", effort] == pytest.approx(factor, rel=0.2)
    assert all(model and 0 < factor < 20 for (model, _), factor in MEASURED.items())


class Model:
    def __init__(self, **fields):
        self.__dict__.update(model_name="gpt-5-mini", **fields)


def test_the_effort_of_a_ready_object_counts_and_a_declared_factor_wins():
    asked = [thought_of(Expert(model=Model(reasoning_effort=effort))).factor for effort in ("minimal", "low", "high")]
    assert asked == sorted(set(asked))
    assert thought_of(Expert(model=Model(reasoning={"effort": "low"}))) == thought_of(
        Expert(model=Model(reasoning_effort="low"))
    )
    assert thought_of(Expert(model="openai:gpt-5-mini", thinking=0)).least == 0
    assert with_thought(Expert(model="openai:my-own", thinking=9), 100) == 1_000


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-5-mini", 128_000),
        ("openai/gpt-5.2-high", 128_000),
        ("gpt-5-chat-latest", 16_384),
        ("o3-mini-2025-01-31", 100_000),
        ("gpt-4.1-nano", 32_768),
        ("gpt-4o-mini", 16_384),
        ("ft:gpt-4o-mini-2024-07-18:acme::x", 16_384),
        ("gpt-3.5-turbo", 4_096),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-opus-4-5", 64_000),
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-20241022", 8_192),
        ("gemini-2.5-pro", 65_536),
        ("never-heard-of", 4_096),
        ("deepseek/deepseek-r1:free", 16_384),
    ],
)
def test_a_models_own_limit_is_known_by_its_name(model, tokens):
    assert output_limit(model) == tokens


def test_what_a_pool_says_of_the_limit_holds():
    expert = {"model": "openai:gpt-5-mini", "price": {"input": 1, "output": 2}}
    assert Pool({"a": expert})["a"].max_output_tokens == 128_000
    assert Pool({"a": {**expert, "max_output_tokens": 2_000}})["a"].max_output_tokens == 2_000
