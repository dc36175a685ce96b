"""One expert asked several times in a call: which draws are made, booked, and on the record."""

import json

import pytest

from leeroo import Budget, ConfigError, Expert, Price, Query, Router, Usage
from leeroo.consult.asking import Step
from leeroo.consult.equivalence import Reply
from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting
from leeroo.prediction import ConstantPredictor
from leeroo.query import Sampling
from leeroo.routing.consulting import consultation
from leeroo.routing.decision import least_cost
from leeroo.routing.own_consulting import OwnConsulting

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium\nD. Neon\nE. Argon\nF. Xenon"
PRICES = {"small": 0.1, "large": 10.0}
LOOSE = ConsultModel(repeat_correlation=0.1)
WORTH = Budget(consult=True, willingness_to_pay=0.05)


def make(names=tuple(PRICES), model=None, **kwargs):
    experts = {
        name: Expert(model=(model or {}).get(name, name), price=Price(input=PRICES[name], output=PRICES[name]))
        for name in names
    }
    quality = {"small": 0.6, "large": 0.65}
    return Router(experts, predictor=ConstantPredictor(quality, output_tokens=100), **kwargs)


def run(router, script, budget=WORTH, *, sampling=None, **settings):
    """Every expert says what the script has next for it, or raises it. Returns (answer, record)."""
    left = {name: list(said) for name, said in script.items()}
    query = Query(text=QUESTION, prompt=QUESTION, sampling=sampling or Sampling())
    with router.open(query, budget) as call:
        several = consultation(call, Consulting(**{"model": LOOSE, "repeats": 3, **settings}))
        while several is not None and (attempts := several.round()):
            for attempt in attempts:
                said = left[attempt.expert.name].pop(0)
                if isinstance(said, Exception):
                    several.failed(attempt, said)
                else:
                    several.answered(attempt, said, Reply(said), Usage(10, len(said)))
        return (None if several is None else several.accepted), call.finish()


def asked(record):
    return [(ask["expert"], ask.get("draw", 1)) for ask in record["consult"]["asks"]]


B = {"small": ["B", "B.", "(B)"], "large": ["B"] * 3}


def test_a_cheap_expert_is_asked_again_in_place_of_a_dear_one_and_every_draw_is_booked():
    router = make()
    reserved = []
    reserve = router.ledger.reserve
    router.ledger.reserve = lambda *args, **kwargs: reserved.append(kwargs["expert"]) or reserve(*args, **kwargs)
    _, record = run(router, B)
    assert asked(record) == [("small", 1), ("small", 2), ("small", 3)]
    assert reserved == ["small"] * 3 == [one["expert"] for one in record["attempts"]]
    assert record["consult"]["clusters"] == [3]
    assert record["consult"]["repeats"] == 3
    assert record["consult"]["asked_once"] == {}
    assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in record["consult"]["asks"]))
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_each_is_asked_once_unless_somebody_says_otherwise():
    _, record = run(make(), B, repeats=None)
    assert len(set(asked(record))) == len(asked(record)) == len({name for name, _ in asked(record)})
    assert "repeats" not in record["consult"]


def test_two_draws_may_be_asked_at_once():
    budget = Budget(consult=True, willingness_to_pay=1.0)
    _, at_once = run(make(("small",)), B, budget)
    _, one_by_one = run(make(("small",)), B, budget, haste=0.0)
    assert at_once["consult"]["rounds"] < one_by_one["consult"]["rounds"]
    assert asked(at_once)[:2] == [("small", 1), ("small", 2)]


def test_draws_that_say_nothing_new_are_not_made():
    _, record = run(make(), B, model=ConsultModel(repeat_correlation=1.0))
    assert all(draw == 1 for _, draw in asked(record))


@pytest.mark.parametrize(
    ("sampling", "why"),
    [
        (Sampling(temperature=0), "temperature is 0"),
        (Sampling(temperature=0.7, seed=7), "a seed is set"),
        (Sampling(top_k=1), "top_k is 1"),
        (Sampling(top_p=0.0), "top_p is 0"),
    ],
)
def test_who_would_say_the_same_again_is_asked_once_and_the_record_says_why(sampling, why):
    _, record = run(make(), B, sampling=sampling)
    assert all(draw == 1 for _, draw in asked(record))
    assert record["consult"]["asked_once"] == {"small": why, "large": why}


class Model:
    """A framework's model object."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"temperature": 0.0}, "temperature is 0"),
        ({"temperature": 0.5, "model_kwargs": {"seed": 3}}, "a seed is set"),
        ({"additional_kwargs": {"seed": 3}}, "a seed is set"),
        ({"seed": -1, "temperature": 0.5}, None),
        ({"temperature": True}, None),
    ],
)
def test_an_expert_s_own_settings_count_where_the_request_says_nothing(fields, why):
    router = make(model={"small": Model(model_name="m", **fields)})
    _, record = run(router, B)
    assert record["consult"]["asked_once"] == ({} if why is None else {"small": why})
    _, warm = run(router, B, sampling=Sampling(temperature=1.0))
    assert warm["consult"]["asked_once"].get("small") in (None, "a seed is set")


@pytest.mark.parametrize("budget", [WORTH, Budget(consult=True, willingness_to_pay=0.05, expert="small")])
def test_one_expert_alone_may_agree_with_itself(budget):
    answer, record = run(make(("small",)), {"small": ["A", "The answer is B.", "B"]}, budget)
    assert answer == "The answer is B."
    assert record["consult"]["clusters"] == [1, 2]
    assert record["output_tokens"] == len(answer)  # of the accepted draw, not of the newest


def test_one_expert_that_would_say_the_same_again_answers_alone():
    _, record = run(make(("small",)), B, sampling=Sampling(temperature=0))
    why = "one expert is eligible, and asked again it would say the same: temperature is 0"
    assert record["consult"]["stopped"] == why


def test_a_tool_loop_stays_with_one_answer():
    router = make()
    with router.open(Query(text=QUESTION, sticky="small"), WORTH) as call:
        assert consultation(call, Consulting(model=LOOSE, repeats=3)) is None
    assert "tool loop" in call.record["consult"]["stopped"]


def test_cap_and_max_calls_hold_for_draws():
    differing = {"small": ["A", "B", "C", "D", "E"]}
    _, record = run(make(("small",)), differing, Budget(max_calls=3, willingness_to_pay=1000.0), repeats=5)
    assert asked(record) == [("small", 1), ("small", 2), ("small", 3)]
    assert record["consult"]["stopped"] == "max_calls=3"
    router = make(("small",))
    (only,) = router.decide(Query(text=QUESTION, prompt=QUESTION), Budget()).candidates
    cap = least_cost(only) * 1.5e-9  # pays for one ask and a half
    _, record = run(router, differing, Budget(consult=True, willingness_to_pay=1000.0, max_cost=cap), repeats=5)
    assert asked(record) == [("small", 1)]
    assert record["cost"] <= cap


@pytest.mark.parametrize("error", [ConnectionError("gone"), TimeoutError()])
def test_an_expert_that_dies_at_its_second_draw_is_out_and_its_first_answer_stays(error):
    script = {"small": ["B", error], "large": ["B"]}
    answer, record = run(make(), script, haste=0.0)
    assert answer == "B"
    assert record["attempts"][0]["error"] is None
    assert record["attempts"][1]["error"] is not None
    assert ("small", 3) not in asked(record)


def test_a_call_that_is_given_up_between_draws_has_them_on_the_record():
    router = make(("small",))
    with router.open(Query(text=QUESTION), WORTH) as call:
        several = consultation(call, Consulting(model=LOOSE, haste=0.0, repeats=3))
        (first,) = several.round()
        several.answered(first, "B", Reply("B"), Usage(10, 100))
        (second,) = several.round()
        assert (first.draw, second.draw) == (1, 2)
    assert [one["error"] for one in call.record["attempts"]] == [None, "cancelled"]
    assert call.record["consult"]["asks"][0]["cluster"] == 0


def test_refusals_of_the_same_expert_are_no_evidence():
    refusal = "I'm sorry, but I can't help with that."
    answer, record = run(make(), {"small": [refusal] * 3, "large": ["B"] * 3})
    assert answer == "B"
    assert record["consult"]["clusters"] == [sum(name == "large" for name, _ in asked(record))]


class Majority:
    """Asks for every draw, and believes in the largest group."""

    def __init__(self, options, budget, *, model, haste, alternatives):
        self.considered = frozenset(range(len(options)))
        self.words, self.least, self.options = "majority", None, options

    def step(self, standing):
        left = tuple(e for e, place in enumerate(standing.places) if place == -2 and e not in standing.closed)
        return Step(left)

    def posterior(self, standing):
        import numpy as np

        sizes = np.bincount([place for place in standing.places if place >= 0])
        return sizes / sizes.sum()


def test_a_policy_of_one_s_own_gets_the_draws_as_options():
    answer, record = run(make(("small",)), {"small": ["A", "B", "B"]}, policy=Majority)
    assert answer == "B"
    assert record["consult"]["rounds"] == 1
    assert asked(record) == [("small", 1), ("small", 2), ("small", 3)]


@pytest.mark.parametrize("repeats", [0, 6, 2.0, True, "3"])
def test_repeats_are_bounded(repeats):
    with pytest.raises(ConfigError, match=r"1 \(each expert once\) to 5"):
        Consulting(repeats=repeats)


def test_the_pool_file_s_repeats_hold_where_the_caller_says_nothing():
    router = make()
    router.consulting = OwnConsulting(lambda: router.predictor, {"repeats": 2})
    assert router.consulting.complete(None).repeats == 2
    assert router.consulting.complete(Consulting(repeats=1)).repeats == 1
    _, record = run(router, B, repeats=None)
    assert ("small", 2) in asked(record)
    assert ("small", 3) not in asked(record)
    with pytest.raises(ConfigError, match=r"consult\.repeats is 9"):
        OwnConsulting(lambda: router.predictor, {"repeats": 9}).check()
