import asyncio
import contextvars
import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import leeroo
from leeroo import Budget, BudgetExceeded, ConfigError, Spent
from leeroo.budget import BUDGET_KWARGS, FIELDS, RULES, ambient, split_kwargs
from leeroo.errors import LeerooError

NUMBERS = ("max_cost", "min_quality", "tolerance", "willingness_to_pay", "max_latency")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "bad", [-0.001, float("nan"), float("-inf"), True, "0.5", [1], 10**400, -(10**400)], ids=lambda v: str(v)[:6]
)
def test_bad_numbers_are_refused_by_name(name, bad):
    with pytest.raises(ConfigError, match=name):
        Budget(**{name: bad})


@pytest.mark.parametrize("name", ["min_quality", "tolerance"])
def test_probabilities_end_at_one(name):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Budget(**{name: 1.01})
    assert getattr(Budget(**{name: 1}), name) == 1


def test_only_a_cap_may_be_infinite_and_zero_latency_is_refused():
    assert Budget(max_cost=float("inf")).to_dict() == {}
    for kwargs in ({"willingness_to_pay": float("inf")}, {"max_latency": float("inf")}, {"max_latency": 0}):
        with pytest.raises(ConfigError, match=next(iter(kwargs))):
            Budget(**kwargs)


@pytest.mark.parametrize("name", ["scope", "expert"])
@pytest.mark.parametrize("bad", ["", "  ", 3, True])
def test_names_are_non_empty_strings(name, bad):
    with pytest.raises(ConfigError, match=f"{name} is"):
        Budget(**{name: bad})


def test_two_rules_at_once_contradict_each_other():
    with pytest.raises(ConfigError, match="min_quality and tolerance are different rules"):
        Budget(min_quality=0.8, tolerance=0.1)


def test_nearest_wins_and_the_rest_is_filled_from_farther():
    merged = (
        Budget(max_cost=1).over(Budget(max_cost=2, scope="a")).over(Budget(scope="b", max_latency=3, tolerance=0.1))
    )
    assert merged == Budget(max_cost=1, scope="a", max_latency=3, tolerance=0.1)


@pytest.mark.parametrize("near", RULES)
@pytest.mark.parametrize("far", RULES)
def test_a_nearer_rule_replaces_a_farther_one(near, far):
    merged = Budget(**{near: 0.3}).over(Budget(**{far: 0.7}, max_cost=1))
    assert merged.to_dict() == {near: 0.3, "max_cost": 1}


@given(
    st.fixed_dictionaries(
        {}, optional={"max_cost": st.floats(0, 9), "scope": st.just("s"), "tolerance": st.floats(0, 1)}
    )
)
def test_an_empty_budget_changes_nothing(fields):
    budget = Budget(**fields)
    assert Budget().over(budget) == budget == budget.over(Budget())
    assert json.loads(json.dumps(budget.to_dict())) == fields


def test_unknown_keys_get_the_nearest():
    with pytest.raises(ConfigError, match=r"'max_costs'.*'max_cost'"):
        Budget.of({"max_costs": 1})


def test_split_kwargs_parts_budget_from_what_is_the_experts():
    budget, rest = split_kwargs({"max_cost": 1, "temperature": 0, "max_tokens": 5, "stop": ["x"]})
    assert budget == Budget(max_cost=1)
    assert rest == {"temperature": 0, "max_tokens": 5, "stop": ["x"]}


@pytest.mark.parametrize(
    "miss", ["max_costs", "maxcost", "min_qualty", "tolerence", "max_latancy", "willingnes_to_pay"]
)
def test_near_misses_are_refused_instead_of_ignored(miss):
    with pytest.raises(ConfigError, match=f"'{miss}'. Did you mean"):
        split_kwargs({miss: 1})


def test_ambient_budgets_nest_and_end():
    with leeroo.budget(max_cost=1, tolerance=0.1) as outer:
        with leeroo.budget(max_cost=2, min_quality=0.5) as inner:
            assert ambient().budget == Budget(max_cost=2, min_quality=0.5)
            assert ambient().accounts == (outer, inner)
        assert ambient().budget == Budget(max_cost=1, tolerance=0.1)
        assert ambient().accounts == (outer,)
    assert ambient().accounts == ()


def test_ambient_ends_with_an_error_too():
    with pytest.raises(ZeroDivisionError), leeroo.budget(max_cost=1):
        raise ZeroDivisionError
    assert ambient().budget == Budget()


@pytest.mark.parametrize(
    "bad", [{"max_total_cost": -1}, {"max_total_cost": float("nan")}, {"max_total_cost": "1"}, {"max_cots": 1}]
)
def test_bad_ambient_budgets_are_refused(bad):
    with pytest.raises(ConfigError), leeroo.budget(**bad):
        pass


def test_plain_threads_see_it_through_copy_context_only():
    found = {}

    def look(key):
        found[key] = ambient().budget.max_cost

    with leeroo.budget(max_cost=3):
        context = contextvars.copy_context()
        threads = [
            threading.Thread(target=look, args=("plain",)),
            threading.Thread(target=context.run, args=(look, "copied")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {"plain": None, "copied": 3}


async def test_tasks_do_not_see_each_others_budgets():
    async def one(cost):
        with leeroo.budget(max_cost=cost):
            await asyncio.sleep(0.005)
            return ambient().budget.max_cost, await asyncio.create_task(child())

    async def child():
        return ambient().budget.max_cost

    assert await asyncio.gather(*(one(c) for c in range(1, 20))) == [(c, c) for c in range(1, 20)]
    assert ambient().budget.max_cost is None


def test_an_account_counts_and_refuses_past_its_total():
    spent = Spent(max_total_cost=0.000_001)
    spent.reserve(600)
    with pytest.raises(BudgetExceeded, match="max_total_cost=1e-06"):
        spent.reserve(401)
    spent.settle(600, 250, "a")
    spent.reserve(750)
    assert spent.remaining == 0
    spent.settle(750, 0, "b")
    assert (spent.cost, spent.by_expert, spent.remaining) == (2.5e-07, {"a": 2.5e-07}, 7.5e-07)
    assert Spent().remaining is None


def test_64_threads_never_pass_the_total():
    spent = Spent(max_total_cost=0.000_05)  # 50,000 nano-dollars
    passed = []

    def work(seed):
        for i in range(60):
            worst = 40 + (seed * 7 + i * 13) % 100
            try:
                spent.reserve(worst)
            except BudgetExceeded:
                continue
            if spent._nano + spent._reserved > 50_000:
                passed.append(seed)
            spent.settle(worst, worst - i % 3, f"e{seed % 4}")

    with ThreadPoolExecutor(64) as threads:
        list(threads.map(work, range(64)))
    assert not passed
    assert spent._reserved == 0
    assert 49_800 <= spent._nano <= 50_000
    assert round(sum(spent.by_expert.values()) * 1e9) == spent._nano


def test_budget_errors_are_no_value_errors():
    assert issubclass(BudgetExceeded, LeerooError)
    for error in (BudgetExceeded, ConfigError, leeroo.InvalidRequest, leeroo.ExpertsFailed, leeroo.NoEligibleExpert):
        assert issubclass(error, RuntimeError)
        assert not issubclass(error, (ValueError, TypeError))


def test_every_kwarg_is_a_field():
    assert BUDGET_KWARGS == (
        "max_cost",
        "min_quality",
        "tolerance",
        "confidence",
        "willingness_to_pay",
        "max_latency",
        "scope",
        "expert",
        "consult",
        "max_calls",
    )


@pytest.mark.parametrize(
    ("given", "several"),
    [
        ({}, False),
        ({"consult": True}, True),
        ({"consult": False, "max_calls": 3}, False),
        ({"max_calls": 3}, True),
        ({"max_calls": 1}, False),
        ({"consult": True, "max_calls": 1}, False),
    ],
)
def test_when_several_experts_may_be_asked(given, several):
    assert Budget(**given).consults is several


@pytest.mark.parametrize("given", [{"consult": 1}, {"consult": "yes"}, {"max_calls": 0}, {"max_calls": True}])
def test_consult_and_max_calls_of_the_wrong_kind(given):
    with pytest.raises(ConfigError, match=next(iter(given))):
        Budget(**given)


def test_a_nearer_no_to_consulting_wins():
    assert not Budget(consult=False).over(Budget(max_calls=3)).consults


def test_each_field_is_defined_once_with_its_type_and_its_words():
    assert tuple(FIELDS) == BUDGET_KWARGS == tuple(f.name for f in dataclasses.fields(Budget))
    assert {name for name, field in FIELDS.items() if field.type is str} == {"scope", "expert"}
    assert (FIELDS["consult"].type, FIELDS["max_calls"].type) == (bool, int)
    assert FIELDS["max_cost"].description == "USD, hard cap of the call with all its retries and fallbacks."
    assert all(field.description.endswith(".") for field in FIELDS.values())
