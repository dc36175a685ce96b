"""What a pool would have cost: sums, moves, and what is not known."""

import pytest

from leeroo import Budget, Expert, Price
from leeroo.outcomes.formats import Skipped
from leeroo.outcomes.found import NotACall
from leeroo.outcomes.traffic import Logged, Prices
from leeroo.outcomes.whatif import NOBODY, Replay

GIVEN = Prices({"old": (10.0, 20.0), "small-model": (1.0, 2.0)})


def call(model="old", line=1, **fields):
    fields = {"input_tokens": 1000, "output_tokens": 100, **fields}
    return Logged("log", line, ({"role": "user", "content": f"Question {line}?"},), model, **fields)


def replay(make_router, calls, budget=None, **options):
    router = make_router(quality={"small": 0.8, "medium": 0.7, "large": 0.9})
    return Replay(router, budget or Budget(min_quality=0.75), GIVEN).run(calls, **options)


def test_sums_are_of_the_same_tokens_at_the_price_of_who_would_answer(make_router):
    found = replay(make_router, [call(), call(cost=0.5), NotACall(), Skipped("log", 3, "torn")])
    assert found.paid == pytest.approx(0.012 + 0.5)
    assert found.would == pytest.approx(2 * (1000 * 1.0 + 100 * 2.0) / 1e6)
    assert found.saved == pytest.approx(1 - found.would / found.paid)
    assert (found.calls, found.read, found.moved, found.others, found.left_out) == (2, 2, 2, 1, 1)
    assert found.qualities == (pytest.approx(1.6), 2)


def test_the_budget_decides(make_router):
    assert {f.expert for f in replay(make_router, [call()], Budget(min_quality=0.85)).flows.values()} == {"large"}
    refused = replay(make_router, [call(), call(model="")], Budget(max_cost=1e-9))
    assert {f.expert for f in refused.flows.values()} == {NOBODY}
    assert (refused.paid, refused.would, refused.saved, refused.moved) == (0, 0, None, 0)


def test_the_same_model_under_another_name_has_not_moved_and_keeps_its_cache(make_router):
    pool = {"a": Expert(model="openai:gpt-4o-mini", price=Price(input=1.0, output=1.0, cached_input=0.1))}
    router = make_router(pool, quality={"a": 0.9})
    logged = [
        call(m, cached_tokens=1000, output_tokens=0) for m in ("gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", "a")
    ]
    found = Replay(router, Budget(), Prices()).run(logged)
    assert found.moved == 0
    assert sum(f.would + f.would_unpriced for f in found.flows.values()) == pytest.approx(3 * 1000 * 0.1 / 1e6)
    moved = Replay(router, Budget(), Prices()).run([call("gpt-4o", cached_tokens=1000, output_tokens=0)])
    assert moved.moved == 1
    assert moved.would == pytest.approx(1000 * 1.0 / 1e6)


def test_unknown_costs_are_told_apart_and_missing_tokens_counted(make_router):
    found = replay(make_router, [call("nobody-knows"), call(""), call(input_tokens=None, output_tokens=None)])
    assert found.paid > 0
    assert sum(f.would_unpriced for f in found.flows.values()) == pytest.approx(2 * 0.0012)
    assert found.flows["", "small"].moved is False
    assert found.flows["old", "small"].would > 0


def test_calls_with_nothing_to_answer_are_left_out(make_router):
    empty = Logged("log", 9, ({"role": "user", "content": " "},), "old")
    odd = Logged("log", 10, ({"role": "user", "content": ["x"]},), "old")
    found = replay(make_router, [empty, odd, call()])
    assert (found.calls, found.left_out, [s.line for s in found.skipped]) == (1, 2, [9, 10])


def test_a_sample_is_even_repeatable_and_holds_only_its_calls(make_router):
    lines = []
    for _ in range(2):
        seen = []
        found = replay(make_router, (call(line=n) for n in range(500)), sample=50, each=seen.append)
        assert (found.read, found.calls) == (500, 50)
        lines.append([one.call.line for one in seen])
    assert lines[0] == lines[1]
    assert 15 <= sum(line < 250 for line in lines[0]) <= 35
    assert replay(make_router, [call()], sample=50).calls == 1


def test_who_is_only_guessed_is_named():
    from leeroo import Router

    pool = {"new": Expert(model="acme-9000", price=Price(input=1.0, output=1.0))}
    found = Replay(Router(pool), Budget(), GIVEN).run([call("gpt-4-1106-preview"), call("https://a:b@c/d")])
    assert found.guessed == {"new"}
    quality, count, other = found.before
    assert count == 1
    assert 0 < quality < 1
    assert 0 < other < 1
