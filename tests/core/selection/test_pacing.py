"""The price of paced limits: what it does to each rule, and that a budget lasts its window and buys quality."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeroo import Budget, Expert, Price
from leeroo.selection.pacing import BOUND, FEWEST_CALLS, Meter, Pacer, pressure
from leeroo.selection.selector import Candidate, Toll, select

EXPERTS = [Expert(name=name, model=f"test:{name}", price=Price(input=1, output=1)) for name in "abcdef"]
qualities = st.floats(0, 1, allow_nan=False, width=32)
candidates = st.lists(st.tuples(qualities, st.integers(0, 10**9)), min_size=1, max_size=6).map(
    lambda rows: [candidate(i, quality, cost) for i, (quality, cost) in enumerate(rows)]
)
rules = st.one_of(
    st.builds(Budget, tolerance=qualities),
    st.builds(Budget, min_quality=qualities),
    st.builds(Budget, willingness_to_pay=st.floats(0, 10)),
)
prices = st.floats(1e-15, 1, allow_nan=False)


def candidate(place, quality, cost, tokens=10):
    return Candidate(
        expert=EXPERTS[place], quality=quality, source="learned", input_tokens=tokens, input_upper=tokens,
        output_tokens=0, expected_cost=cost, worst_cost=cost, max_tokens=10,
    )  # fmt: skip


def meter(used, elapsed, amount=1000, window=0, key=1, unit="usd"):
    return Meter(key, window, unit, amount, used, elapsed)


@given(candidates, rules, prices, prices)
def test_a_higher_price_never_buys_a_dearer_expert(found, budget, one, other):
    low, high = sorted((one, other))
    cheap, dear = (select(found, budget, Toll(price)).order[0] for price in (high, low))
    assert cheap.expected_cost <= dear.expected_cost


@given(candidates, rules, prices)
def test_pacing_never_makes_a_call_dearer_than_its_rule_nor_loses_a_fallback(found, budget, price):
    plain, paced = select(found, budget), select(found, budget, Toll(price))
    if plain.adequate:
        assert paced.order[0].expected_cost <= plain.order[0].expected_cost
    assert {c.expert.name for c in paced.order} == {c.expert.name for c in plain.order}
    assert paced.rule.startswith("paced, a right answer is worth")
    assert paced.adequate <= plain.adequate


@given(candidates, rules)
def test_free_money_leaves_every_rule_as_it_is(found, budget):
    plain, paced = select(found, budget), select(found, budget, Toll(0.0))
    if budget.willingness_to_pay is None:
        best = paced.order[0]
        assert paced.adequate == plain.adequate
        assert best.expected_cost <= plain.order[0].expected_cost or best.quality >= plain.order[0].quality - 1e-6
    else:
        worth = [
            c.quality * budget.willingness_to_pay * 1e9 - c.expected_cost for c in (plain.order[0], paced.order[0])
        ]
        assert worth[0] == pytest.approx(worth[1], abs=1e-3)


def test_a_willingness_is_shaded_like_a_bid():
    found = [candidate(0, 0.4, 100), candidate(1, 0.8, 500)]
    budget = Budget(willingness_to_pay=2e-6)  # 2,000 nano-dollars a right answer: 0.4 more is worth 800 > 400
    assert select(found, budget).order[0].expert.name == "b"
    assert select(found, budget, Toll(1 / 3000)).order[0].expert.name == "b"  # 1 / (1/2000 + 1/3000) = 1200: 480
    assert select(found, budget, Toll(1 / 1500)).order[0].expert.name == "a"  # 857: 343 < 400


def test_tokens_have_a_price_of_their_own():
    found = [candidate(0, 0.4, 100, tokens=10), candidate(1, 0.8, 100, tokens=1000)]
    assert select(found, Budget(), Toll(0.0, 1e-5)).order[0].expert.name == "b"
    assert select(found, Budget(), Toll(0.0, 1e-3)).order[0].expert.name == "a"
    assert "1e+03 tokens" in select(found, Budget(), Toll(0.0, 1e-3)).rule


def test_a_pin_stays_a_pin():
    found = [candidate(0, 0.4, 100)]
    assert select(found, Budget(expert="a"), Toll(1.0)).rule == "pinned to a"


@given(st.integers(0, 2000), st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_pressure_rises_with_spend_and_falls_with_time(used, more, elapsed, later):
    assert -BOUND <= pressure(used, 1000, elapsed) <= pressure(used + more, 1000, elapsed) <= BOUND
    assert pressure(used, 1000, max(elapsed, later)) <= pressure(used, 1000, min(elapsed, later))


@given(st.lists(st.integers(0, 20), max_size=40))
def test_the_price_depends_on_the_sum_spent_alone(costs):
    """The ascent's steps telescope: however the spending went, and whichever process saw it, the price is the same."""
    found = [candidate(0, 0.4, 100), candidate(1, 0.8, 500)]
    followed, fresh = Pacer(), Pacer()
    spent = 0
    for n, cost in enumerate(costs):
        followed.toll([meter(spent, n / 80)], found)
        spent += cost
    last = [meter(spent, 0.5)]
    assert followed.toll(last, found).nano == pytest.approx(fresh.toll(last, found).nano)


def test_on_schedule_a_typical_call_finds_its_best_and_cheapest_worth_the_same():
    found = [candidate(0, 0.4, 100), candidate(1, 0.8, 500)]
    assert Pacer().toll([meter(500, 0.5)], found) == Toll(pytest.approx(0.4 / 400), 0.0)
    assert Pacer().toll([], found) is None
    assert Pacer().toll([meter(500, 0.5)], found[:1]) == Toll(0.0, 0.0)
    both = Pacer().toll([meter(500, 0.5), meter(500, 0.5, key=2)], found)
    assert both.nano == pytest.approx(2 * 0.4 / 400)


def test_the_next_window_starts_from_the_mean_price_of_the_last():
    found = [candidate(0, 0.4, 100), candidate(1, 0.8, 500)]
    pacer = Pacer()
    ahead = [pacer.toll([meter(600, 0.5)], found).nano for _ in range(FEWEST_CALLS)][-1]
    assert pacer.toll([meter(0, 0.0, window=1)], found).nano == pytest.approx(ahead)
    pacer.toll([meter(0, 0.0, window=2)], found)  # a single call in window 1: its price is no measure
    assert pacer.toll([meter(0, 0.0, window=2)], found).nano == pytest.approx(ahead)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.15, 0.7))
def test_a_budget_lasts_and_is_used_up_whatever_it_is(seed, share_of_dear):
    """2,000 calls over a window, three experts: 95-100% of a budget between cheapest and dearest is spent, never more,
    and the last tenth of the calls is served as well as the first."""
    rng = np.random.default_rng(seed)
    pacer, count = Pacer(), 2000
    amount = int(count * (10 + share_of_dear * 90))
    spent, bought = 0, []
    for n in range(count):
        ease = rng.random()
        found = [candidate(0, 0.3 + 0.5 * ease, 10), candidate(1, 0.6 + 0.3 * ease, 40), candidate(2, 0.95, 100)]
        toll = pacer.toll([meter(spent, n / count, amount)], found)
        fitting = [c for c in select(found, Budget(tolerance=0.0), toll).order if c.expected_cost <= amount - spent]
        if fitting:
            spent += fitting[0].expected_cost
            bought.append(fitting[0].quality)
    assert 0.95 * amount <= spent <= amount
    assert len(bought) >= 0.99 * count
    assert abs(np.mean(bought[:200]) - np.mean(bought[-200:])) < 0.2
