import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo import Budget, Expert, Price
from leeroo.selection.selector import Candidate, select


def candidate(name, quality, cost, ineligible=None):
    expert = Expert(model=f"test:{name}", name=name, price=Price(input=1, output=1))
    return Candidate(expert, quality, "constant", 10, 20, 30, cost, 2 * cost, 100, None, ineligible)


THREE = (candidate("small", 0.6, 10), candidate("medium", 0.7, 50), candidate("large", 0.9, 1000))


def order(candidates, **budget):
    return [c.expert.name for c in select(candidates, Budget(**budget)).order]


def test_tolerance_takes_the_cheapest_near_the_best():
    assert order(THREE, tolerance=0) == ["large", "medium", "small"]
    assert order(THREE, tolerance=0.2) == ["medium", "large", "small"]
    assert order(THREE, tolerance=1) == ["small", "medium", "large"]


def test_the_default_rule_is_a_tolerance_of_two_points():
    near = (candidate("a", 0.90, 100), candidate("b", 0.885, 10), candidate("c", 0.87, 1))
    assert order(near) == ["b", "a", "c"]
    assert select(near, Budget()).rule == "cheapest within 0.02 of the best"


def test_min_quality_takes_the_cheapest_that_is_good_enough():
    found = select(THREE, Budget(min_quality=0.65))
    assert [c.expert.name for c in found.order] == ["medium", "large", "small"]
    assert found.adequate
    assert [found.is_adequate(c) for c in found.order] == [True, True, False]


def test_none_good_enough_gives_the_best_and_says_so():
    found = select(THREE, Budget(min_quality=0.95))
    assert [c.expert.name for c in found.order] == ["large", "medium", "small"]
    assert not found.adequate
    assert not any(found.is_adequate(c) for c in found.order)
    assert "none, so the best" in found.rule


def test_willingness_to_pay_weighs_quality_against_cost():
    assert order(THREE, willingness_to_pay=0) == ["small", "medium", "large"]
    assert order(THREE, willingness_to_pay=1e-6)[0] == "medium"
    assert order(THREE, willingness_to_pay=1) == ["large", "medium", "small"]


def test_a_pin_has_no_fallback():
    pinned = [c if c.expert.name == "small" else candidate(c.expert.name, c.quality, 1, "pinned away") for c in THREE]
    assert order(pinned, expert="small") == ["small"]
    assert not select([candidate("small", 0.5, 1, "down")], Budget(expert="small")).adequate


def test_float32_quality_meets_its_decimal_threshold():
    assert select([candidate("a", 0.79999995, 1)], Budget(min_quality=0.8)).adequate


def test_ties_go_to_the_better_then_to_the_first_of_the_pool():
    assert order((candidate("a", 0.7, 5), candidate("b", 0.71, 5))) == ["b", "a"]
    assert order((candidate("a", 0.7, 5), candidate("b", 0.7, 5))) == ["a", "b"]
    assert order((candidate("b", 0.7, 5), candidate("a", 0.7, 5)), willingness_to_pay=1) == ["b", "a"]
    assert order((candidate("dear", 0.7, 9), candidate("cheap", 0.7, 5)), min_quality=0.9) == ["cheap", "dear"]


def test_none_eligible():
    found = select([candidate("a", 1, 1, "down")], Budget())
    assert (found.order, found.adequate) == ((), False)


RULES = st.one_of(
    st.builds(Budget),
    st.builds(Budget, tolerance=st.floats(0, 1)),
    st.builds(Budget, min_quality=st.floats(0, 1)),
    st.builds(Budget, willingness_to_pay=st.floats(0, 10)),
)
POOLS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**9), st.booleans()), min_size=1, max_size=8)


@given(POOLS, RULES)
def test_the_chosen_one_is_the_cheapest_adequate(rows, budget):
    candidates = [candidate(str(i), q, cost, None if up else "down") for i, (q, cost, up) in enumerate(rows)]
    found = select(candidates, budget)
    eligible = [c for c in candidates if c.ineligible is None]
    assert sorted(c.expert.name for c in found.order) == sorted(c.expert.name for c in eligible)
    if not eligible:
        return
    chosen = found.order[0]
    if budget.willingness_to_pay is not None:
        value = [c.quality * budget.willingness_to_pay * 1e9 - c.expected_cost for c in eligible]
        assert max(value) == pytest.approx(
            chosen.quality * budget.willingness_to_pay * 1e9 - chosen.expected_cost, abs=1e-3
        )
    elif found.adequate:
        assert chosen.expected_cost == min(c.expected_cost for c in eligible if found.is_adequate(c))
    else:
        assert chosen.quality == max(c.quality for c in eligible)
