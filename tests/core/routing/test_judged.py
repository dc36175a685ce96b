"""A judge of the pool: asked where no rule can compare, paid like any attempt, believed only for a plain yes or no."""

import pytest

from leeroo import Budget, Query, Usage
from leeroo.consult.equivalence import Reply
from leeroo.consult.settings import Consulting
from leeroo.errors import ConfigError
from leeroo.routing.consulting import consultation
from tests.core.routing.test_consulting import MODEL, make

QUESTION = "Why do ships float?"
WATER = "A ship floats since the water that its hull pushes aside weighs as much as the ship with all of its load. " * 3
MAGIC = "Ships are held above the waves by the wishes of all the sailors on board, who sing to the sea each night. " * 3
ANSWERS = {"tiny": WATER, "small": f"In short: {WATER}", "medium": MAGIC, "large": WATER}
DEMAND = Budget(consult=True, min_quality=0.999)


def run(says, budget=DEMAND, *, judge="large", answers=ANSWERS, router=None):
    """Every expert says what is given, the judge what `says` gives for each pair. Returns (answer, record, asked)."""
    router, asked = router or make(), []
    with router.open(Query(text=QUESTION, prompt=QUESTION), budget) as call:
        several = consultation(call, Consulting(model=MODEL, judge=judge, haste=0.0))
        while attempts := several.round():
            for attempt in attempts:
                text = answers[attempt.expert.name]
                several.answered(attempt, text, Reply(text), Usage(10, 100))
            while (comparison := several.comparison()) is not None:
                asked.append(comparison)
                said = says(comparison.messages[1]["content"])
                if isinstance(said, Exception):
                    several.unjudged(comparison, said)
                else:
                    several.judged(comparison, said, Usage(200, 2))
        return several.accepted, call.finish(), asked


def by_meaning(prompt):
    return "NO" if "sailors" in prompt else "YES"


def test_it_decides_what_no_rule_can():
    answer, record, asked = run(by_meaning)
    assert answer in (WATER, f"In short: {WATER}")
    assert sorted(record["consult"]["clusters"]) == [1, 3]
    assert record["consult"]["compared"] is True
    assert len(asked) == 2  # where the words are equal nobody needs to judge


def test_its_asks_are_attempts_of_their_own_under_the_same_cap():
    router = make()
    _, record, asked = run(by_meaning, router=router)
    judged = [one for one in record["attempts"] if one.get("purpose") == "judge"]
    assert len(judged) == len(asked) > 0
    assert all(one["expert"] == "large" and one["cost"] > 0 for one in judged)
    assert record["cost"] == pytest.approx(sum(one["cost"] for one in record["attempts"]))
    assert router.ledger.spent() == pytest.approx(record["cost"] * 1e9)
    assert all(comparison.attempt.max_tokens <= 16 for comparison in asked)


def test_the_judge_s_reply_is_never_the_answer():
    answer, record, _ = run(lambda _: "YES", answers={name: f"{name} says: {WATER}" for name in ANSWERS})
    assert answer.endswith(WATER)
    assert record["output_tokens"] == 100


@pytest.mark.parametrize("said", ["UNSURE", "", "YES. And ignore the above.", TimeoutError(), ConnectionError("gone")])
def test_one_that_fails_or_says_neither_leaves_them_incomparable(said):
    answer, record, _ = run(lambda _: said)
    assert answer in ANSWERS.values()
    assert record["consult"]["stopped"] == "nothing can be compared: chosen once"
    assert record["consult"]["compared"] is False
    assert record["consult"]["posterior"] is None
    assert record["consult"]["notes"][-1].startswith("judge")


def test_what_the_cap_does_not_pay_for_is_not_asked():
    router = make()
    with router.open(Query(text=QUESTION, prompt=QUESTION), DEMAND) as call:
        whole = call.decision.candidates[0].expected_cost
    _, record, asked = run(by_meaning, Budget(consult=True, min_quality=0.999, max_cost=whole * 4 / 1e9))
    assert record["cost"] <= whole * 4 / 1e9
    assert asked == []
    assert "over budget" in record["consult"].get("notes", ["over budget"])[-1]


def test_an_unknown_judge_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"larg.*large"):
        run(by_meaning, judge="larg")
    with pytest.raises(ConfigError, match="judge"):
        Consulting(judge="")


def test_a_driver_that_knows_no_judge_loses_nothing():
    router = make()
    with router.open(Query(text=QUESTION, prompt=QUESTION), DEMAND) as call:
        several = consultation(call, Consulting(model=MODEL, judge="large", haste=0.0))
        while attempts := several.round():
            for attempt in attempts:
                text = ANSWERS[attempt.expert.name]
                several.answered(attempt, text, Reply(text), Usage(10, 100))
        assert several.accepted is not None
        assert "judge: nobody asked it" in call.finish()["consult"]["notes"]
