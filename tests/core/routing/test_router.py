import json
import time

import pytest

import leeroo
from leeroo import Budget, BudgetExceeded, ConfigError, Latency, NoEligibleExpert, Pool, PriceTier, Query, Router, Usage
from leeroo.prediction import ConstantPredictor
from leeroo.routing.failures import Failure
from leeroo.routing.health import Health

SECRET_TEXT = "the mole is in Vienna"


def ineligible(call_or_decision):
    decision = getattr(call_or_decision, "decision", call_or_decision)
    return {c.expert.name: c.ineligible for c in decision.candidates if c.ineligible}


def chosen(router, query=None, **budget):
    return router.open(query or Query(text="hi"), Budget(**budget)).decision.expert.name


def test_the_rules_of_a_budget_choose(make_router):
    router = make_router()
    assert chosen(router) == "large"
    assert chosen(router, tolerance=0.25) == "medium"
    assert chosen(router, min_quality=0.5) == "small"
    assert chosen(router, willingness_to_pay=0) == "small"
    assert chosen(router, expert="medium") == "medium"
    assert chosen(router, expert="medium-model") == "medium"


def test_a_router_says_once_of_whom_it_knows_nothing_but_the_price(caplog):
    one = {"base_url": "http://127.0.0.1:9/v1", "price": {"input": 1, "output": 2}}
    router = Router({"known": {"model": "openai:gpt-5-mini"}, "mine": {"model": "zzz", **one}})
    for _ in range(2):
        router.open(Query(text="hi"))
    (warning,) = [r.getMessage() for r in caplog.records if r.name == "leeroo"]
    assert "Nothing but the price is known of mine," in warning
    assert "leeroo experts add" in warning
    caplog.clear()
    Router({"known": {"model": "openai:gpt-5-mini"}, "too": {"model": "openai:gpt-5"}}).open(Query(text="hi"))
    assert not caplog.records
    Router({"a": {"model": "yyy", **one}, "b": {"model": "zzz", **one}}).open(Query(text="hi"))
    assert "of any expert of this pool (a, b)" in caplog.text


def test_nearest_budget_wins_call_then_ambient_then_defaults(make_router):
    router = make_router(budget=Budget(expert="small"))
    assert chosen(router) == "small"
    with leeroo.budget(expert="medium"):
        assert chosen(router) == "medium"
        assert chosen(router, expert="large") == "large"
    assert router.open(Query(text="hi"), defaults=Budget(expert="large")).decision.expert.name == "large"


def test_an_unknown_expert_is_refused_with_the_nearest(make_router):
    with pytest.raises(ConfigError, match=r"'smal'.*'small'"):
        make_router().open(Query(text="hi"), Budget(expert="smal"))
    with pytest.raises(ConfigError, match=r"'smal'.*'small'"):
        make_router(budget=Budget(expert="smal"))


def test_missing_capabilities_make_ineligible(make_router, make_expert):
    experts = {"blind": make_expert("blind"), "sees": make_expert("sees", 9, 9, capabilities={"vision", "streaming"})}
    router = make_router(experts)
    call = router.open(Query(text="what is this?", media=1, needs=frozenset({"vision"})))
    assert call.decision.expert.name == "sees"
    assert ineligible(call) == {"blind": "cannot do vision"}
    with pytest.raises(NoEligibleExpert, match=r"blind: cannot do audio.*sees: cannot do audio"):
        router.open(Query(text="x", needs=frozenset({"audio"})))


def test_a_full_context_window_makes_ineligible_and_a_nearly_full_one_lowers_the_cap(make_router, make_expert):
    experts = {"short": make_expert("short", context_window=500), "long": make_expert("long", 9, 9)}
    router = make_router(experts, quality={})
    assert "context window 500" in ineligible(router.open(Query(text="x", prompt="x" * 5000)))["short"]
    candidate = router.open(Query(text="x", prompt="x" * 1400)).decision.candidates[0]
    assert candidate.ineligible is None
    assert candidate.max_tokens == 500 - candidate.input_tokens


def test_latency_over_the_limit_makes_ineligible_once_it_is_known(make_router, make_expert):
    experts = {
        "slow": make_expert("slow", latency=Latency(first_token=1, per_token=0.05)),
        "unknown": make_expert("unknown", 9, 9),
    }
    router = make_router(experts)
    assert ineligible(router.open(Query(text="hi"), Budget(max_latency=2))) == {
        "slow": "about 6.00 s, over max_latency=2"
    }
    assert ineligible(router.open(Query(text="hi"), Budget(max_latency=7))) == {}
    router.health.succeeded(router.pool["unknown"], 10.0, 100)
    with pytest.raises(NoEligibleExpert, match="over max_latency=2"):
        router.open(Query(text="hi"), Budget(max_latency=2))


def test_a_cap_excludes_experts_whose_expected_answer_it_cannot_pay(make_router):
    router = make_router()
    # large: 26 upper input tokens x 50 + 100 x 100 = 0.0113; medium: 26 x 5 + 100 x 10 = 0.00113
    call = router.open(Query(text="hi"), Budget(max_cost=0.005))
    assert call.decision.expert.name == "medium"
    assert ineligible(call)["large"].startswith("over budget")


def test_the_output_cap_is_lowered_to_what_the_cap_pays(make_router):
    router = make_router()
    call = router.open(Query(text="hi"), Budget(max_cost=0.005, expert="medium"))
    attempt = next(call.attempts())
    worst = attempt.expert.price.cost(call.decision.chosen.input_upper, attempt.max_tokens)
    assert attempt.max_tokens == 487
    assert worst <= 5_000_000 < attempt.expert.price.cost(call.decision.chosen.input_upper, attempt.max_tokens + 1)
    assert call.decision.chosen.worst_cost == worst


def test_without_cap_or_wish_no_output_cap_is_sent(make_router):
    router = make_router()
    assert next(router.open(Query(text="hi")).attempts()).max_tokens is None
    assert next(router.open(Query(text="hi", max_tokens=7)).attempts()).max_tokens == 7
    assert next(router.open(Query(text="hi", max_tokens=10**6)).attempts()).max_tokens == 1000
    assert next(router.open(Query(text="hi"), Budget(max_cost=float("inf"))).attempts()).max_tokens is None


def test_no_expert_fits_the_cap_and_nothing_is_spent(make_router):
    router = make_router()
    with pytest.raises(BudgetExceeded, match=r"cheapest, 'small'.*cap is 0.000001 USD.*Raise max_cost") as caught:
        router.open(Query(text=SECRET_TEXT), Budget(max_cost=0.000001))
    record = caught.value.record
    assert (record["cost"], record["attempts"], record["expert"], record["adequate"]) == (0, [], None, False)
    assert len(record["candidates"]) == 3
    assert router.ledger.calls() == []
    assert SECRET_TEXT not in json.dumps(record) + str(caught.value)


def test_a_cap_of_zero_admits_free_experts_only(make_router, make_expert):
    free = make_expert("free", 0, 0)
    call = make_router({"free": free, "paid": make_expert("paid")}).open(Query(text="hi"), Budget(max_cost=0))
    assert call.decision.expert.name == "free"
    assert next(call.attempts()).max_tokens == 1000
    with pytest.raises(BudgetExceeded):
        make_router({"paid": make_expert("paid")}).open(Query(text="hi"), Budget(max_cost=0))


def test_ambient_totals_lower_the_cap_of_each_call(make_router):
    router = make_router()
    with leeroo.budget(max_total_cost=0.005) as spent:
        with router.open(Query(text="hi"), Budget(max_cost=1)) as call:
            assert call.decision.expert.name == "medium"
            next(call.attempts()).succeeded(Usage(10, 100))
        assert spent.cost == call.record["cost"] == 0.00105
        with router.open(Query(text="hi")) as call:
            assert call.record["remaining"] == 0.00395


def test_long_tiers_are_part_of_the_worst_case(make_router, make_expert):
    tiered = make_expert("tiered")
    price = tiered.price.model_copy(update={"tiers": (PriceTier(above=1000, input=100, output=200),)})
    price = type(price)(**price.model_dump())
    router = make_router({"tiered": tiered.model_copy(update={"price": price})})
    short = router.open(Query(text="x", prompt="x" * 900)).decision.chosen
    long = router.open(Query(text="x", prompt="x" * 1100)).decision.chosen
    assert long.worst_cost > 80 * short.worst_cost


def test_an_expert_that_is_cooling_down_is_left_out_unless_pinned(make_router):
    health = Health()
    router = make_router(health=health)
    for _ in range(3):
        health.failed(router.pool["large"], Failure("server"))
    call = router.open(Query(text="hi"))
    assert call.decision.expert.name == "medium"
    assert "cooling down" in ineligible(call)["large"]
    assert chosen(router, expert="large") == "large"


def test_a_tool_loop_stays_with_its_expert_while_it_can(make_router):
    router = make_router()
    router.tool_calls.remember(router.pool["small"], ("t1", "t2"))
    assert router.expert_of_tool_call("t1") == "small"
    assert router.expert_of_tool_call("t9") is None
    call = router.open(Query(text="hi", sticky="small"))
    assert [c.expert.name for c in call.decision.selection.order] == ["small", "large", "medium"]
    assert "tool loop" in call.decision.selection.rule
    assert chosen(router, Query(text="hi", sticky="gone")) == "large"
    assert chosen(router, Query(text="hi", sticky="small"), expert="medium") == "medium"
    for _ in range(3):
        router.health.failed(router.pool["small"], Failure("server"))
    assert chosen(router, Query(text="hi", sticky="small")) == "large"


def test_tool_calls_are_forgotten_after_a_while(make_router, monkeypatch):
    monkeypatch.setattr("leeroo.routing.tool_calls.REMEMBERED_TOOL_CALLS", 2)
    router = make_router()
    router.tool_calls.remember(router.pool["small"], ("t1", "t2", "t3"))
    assert [router.expert_of_tool_call(t) for t in ("t1", "t2", "t3")] == [None, "small", "small"]


def test_cached_history_makes_the_last_expert_cheaper(make_router, make_expert):
    pricey = make_expert("b", 10, 10)
    price = type(pricey.price)(input=10, output=10, cached_input=1)
    router = make_router({"b": pricey.model_copy(update={"price": price})})
    fresh = router.open(Query(text="x", prompt="x" * 4000)).decision.chosen
    warm = router.open(Query(text="x", prompt="x" * 4000, last_expert="b", cached_tokens=1000)).decision.chosen
    assert fresh.expected_cost - warm.expected_cost == 1000 * 9_000
    assert fresh.worst_cost == warm.worst_cost


def test_a_pool_of_one_answers_everything(make_router, make_expert):
    router = make_router({"only": make_expert("only")})
    call = router.open(Query(text="hi"), Budget(min_quality=0.99))
    assert (call.decision.expert.name, call.record["adequate"]) == ("only", False)
    with pytest.raises(ConfigError, match="at least one"):
        Router({})


def test_200_000_tokens_are_routed_fast_to_who_can_read_them(make_router, make_expert):
    experts = {"short": make_expert("short", context_window=128_000), "long": make_expert("long", 9, 9)}
    router = make_router(experts)
    text = "word " * 200_000
    began = time.perf_counter()
    call = router.open(Query(text=text, prompt=text))
    assert time.perf_counter() - began < 0.5
    assert call.decision.expert.name == "long"
    assert "context window" in ineligible(call)["short"]
    assert len(json.dumps(call.record)) < 5_000


def test_media_without_text_is_predicted_too(make_router, make_expert):
    router = make_router({"a": make_expert("a", capabilities={"vision"})})
    assert chosen(router, Query(text="", media=1, needs=frozenset({"vision"}))) == "a"


def test_the_predictor_is_loaded_once_at_first_use(pool, monkeypatch):
    loads = []

    def load():
        loads.append(1)
        return ConstantPredictor()

    monkeypatch.setattr("leeroo.prediction.load", load)
    router = Router(pool)
    assert loads == []
    router.open(Query(text="a"))
    router.open(Query(text="b"))
    assert loads == [1]


def test_decide_writes_and_reserves_nothing(make_router):
    router = make_router()
    decision = router.decide(Query(text="hi"), Budget(), cap=5_000_000)
    assert decision.expert.name == "medium"
    assert decision.seconds > 0
    assert (router.ledger.calls(), router.ledger._reserved) == ([], {})


def test_a_pool_may_be_given_as_a_mapping(make_expert):
    router = Router({"a": make_expert("a")}, predictor=ConstantPredictor())
    assert isinstance(router.pool, Pool)
