"""Why an expert was chosen, as a person reads it."""

import pytest

from leeroo import Budget, Expert, Price
from leeroo.cli.reasons import explained, likeness
from leeroo.prediction import load
from leeroo.routing.decision import Decision
from leeroo.selection.selector import Candidate, select


def candidate(name, quality, cost, doubt=0.0, model="openai:gpt-5-mini"):
    expert = Expert(model=model, name=name, price=Price(input=1, output=2))
    return Candidate(expert, quality, "learned", 10, 12, 100, cost, cost, 1000, doubt=doubt, grounds="170 outcomes")


def reasons(*candidates, kinds=(), **budget):
    given = Budget(**budget)
    return explained(Decision(select(candidates, given), candidates, given, 0.0, 0.0, kinds), load())


@pytest.mark.parametrize(
    ("small", "large", "budget", "words"),
    [
        # Nothing is hidden: 0.04 is more than the tolerance, and doubt makes it count as alike.
        ((0.80, 0.10), (0.84, 0.07), {}, ["small is cheaper than large", "0.04 worse", "up to 0.05", "not known"]),
        ((0.79, 0.0), (0.80, 0.0), {}, ["small is cheaper than large", "0.01 worse than large: up to 0.02"]),
        # The gap tips it, not the doubt.
        ((0.62, 0.09), (0.80, 0.06), {}, ["small would be cheaper, but", "0.18 worse than large: up to 0.05"]),
        ((0.79, 0.09), (0.80, 0.09), {"confidence": 0.9}, ["too little is known of the two"]),
        # Numbers that differ look different.
        ((0.777, 0.0), (0.80, 0.0), {}, ["small would be cheaper, but", "0.023 worse than large: up to 0.020"]),
        ((0.699, 0.0), (0.90, 0.0), {"min_quality": 0.7}, ["does not reach", "0.699 of 0.700"]),
        ((0.60, 0.0), (0.90, 0.0), {"min_quality": 0.5}, ["reaches the quality", "0.60 of 0.50"]),
        ((0.60, 0.0), (0.90, 0.0), {"min_quality": 0.7}, ["does not reach", "0.60 of 0.70"]),
        ((0.60, 0.0), (0.90, 0.0), {"willingness_to_pay": 1e-9}, ["0.30 worse", "weighs against the price"]),
        ((0.90, 0.0), (0.80, 0.0), {}, ["small is expected to be the best and the cheapest"]),
    ],
)
def test_what_tipped_the_choice_is_what_the_rule_did(small, large, budget, words):
    found = reasons(candidate("small", small[0], 10, small[1]), candidate("large", large[0], 100, large[1]), **budget)
    assert all(word in found[-1] for word in words), found[-1]


def test_kinds_whose_names_hold_commas_are_told_apart():
    criticism = "political criticism in English, Chinese, Finnish"
    kinds = ((criticism, 0.7), ("tool calls", 0.2), ("long analyst work", 0.01))
    found = reasons(candidate("a", 0.8, 10), candidate("b", 0.9, 100), kinds=kinds)
    assert found[0] == (
        f"Of the work that outcomes are known of, the request is most like: {criticism} (70%); tool calls (20%)."
    )


def test_what_is_far_from_all_that_was_seen_is_not_said_to_be_of_a_kind():
    kinds = (("tool calls", 0.2), ("Japanese chat", 0.1))
    words = "The request is unlike the work that outcomes are known of; the nearest is: tool calls (20%)."
    assert likeness(kinds, 0.7) == (words, True)
    assert likeness(kinds, 0.0) == (words, True)  # most of its share is spread over all kinds
    both = (("Japanese chat", 0.3), ("Japanese chat, strict judge", 0.3))
    assert "is most like: Japanese chat (30%); Japanese chat, strict judge (30%)." in likeness(both, 0.0)[0]
    assert likeness(kinds[1:], 0.7) == ("The request is like no work that outcomes are known of.", False)


def test_what_looks_like_no_kind_is_compared_on_none():
    found = reasons(candidate("a", 0.8, 10), candidate("b", 0.9, 100), kinds=(("Japanese chat", 0.09),))
    assert found[0] == "The request is like no work that outcomes are known of."
    assert found[1].startswith("a: estimated from 170 outcomes")


def test_it_is_said_who_has_no_outcomes_on_the_kind():
    kinds = (("Japanese chat", 0.9),)
    known, other = candidate("a", 0.8, 10), candidate("b", 0.9, 100, model="anthropic:claude-sonnet-4-5")
    found = reasons(known, other, kinds=kinds)
    assert "outcomes on Japanese chat; estimated from" in found[1]
    assert found[2].startswith("b: no outcomes on Japanese chat; estimated from 170 outcomes")
    found = reasons(other, candidate("c", 0.9, 100, model="zzz"), kinds=kinds)
    assert found[1] == "None of these experts has outcomes on Japanese chat: how they do on other work counts."
