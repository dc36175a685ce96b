"""A new policy: a class beside `leeroo.consult.ahead`, given to `Consulting`; nothing of the call has to change."""

import numpy as np

from leeroo import Budget, Expert, Price, Query, Router, Usage
from leeroo.consult.ahead import LookAhead
from leeroo.consult.asking import Option, Standing, Step
from leeroo.consult.equivalence import Reply
from leeroo.consult.model import ConsultModel
from leeroo.consult.places import UNASKED
from leeroo.consult.settings import Consulting
from leeroo.prediction import ConstantPredictor
from leeroo.routing.consulting import consultation

QUALITY = {"poor": 0.5, "fair": 0.6, "good": 0.9}
QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium\nD. Neon\nE. Argon\nF. Xenon"


class Majority:
    """Asks everybody, two at once; what most say is right."""

    words = "consult: what most say"
    least = 0.5

    def __init__(self, options, budget, *, model, haste, alternatives):
        self.options, self.budget, self.alternatives = options, budget, alternatives
        self.considered = frozenset(range(len(options)))
        self.told = []

    def step(self, standing):
        self.told.append(standing)
        left = [e for e, place in enumerate(standing.places) if place == UNASKED and e not in standing.closed]
        votes = [standing.places.count(place) for place in set(standing.places) - {UNASKED}]
        return Step(stopped="enough have said so") if max(votes, default=0) > 1 else Step(tuple(left[:2]))

    def posterior(self, standing):
        votes = np.bincount([place for place in standing.places if place >= 0])
        return votes / votes.sum()


def consult(script, budget, policy=Majority):
    experts = {name: Expert(model=name, price=Price(input=1, output=1)) for name in QUALITY}
    router = Router(experts, predictor=ConstantPredictor(QUALITY, output_tokens=100))
    with router.open(Query(text=QUESTION, prompt=QUESTION), budget) as call:
        several = consultation(call, Consulting(policy=policy))
        while attempts := several.round():
            for attempt in attempts:
                said = script[attempt.expert.name]
                several.answered(attempt, said, Reply(said), Usage(10, 100))
        return several.accepted, call.finish()


SAID = {"poor": "The answer is B.", "fair": "The answer is B.", "good": "The answer is A."}


def test_a_policy_says_whom_to_ask_and_which_answer_is_right():
    accepted, record = consult(SAID, Budget(consult=True))
    assert accepted == SAID["fair"]
    assert record["expert"] == "fair"
    assert record["rule"] == Majority.words
    assert record["adequate"] is True
    assert record["consult"]["stopped"] == "nobody is left to ask"
    assert record["consult"]["rounds"] == 2
    assert sorted(record["consult"]["clusters"]) == [1, 2]
    assert record["consult"]["posterior"] == 0.6667


def test_a_policy_says_when_to_stop():
    accepted, record = consult({**SAID, "good": "B."}, Budget(consult=True))
    assert accepted == "B."
    assert record["consult"]["stopped"] == "enough have said so"
    assert len(record["consult"]["asks"]) == 2


def test_the_call_keeps_its_limits_whatever_a_policy_says():
    _, record = consult(SAID, Budget(max_calls=2))
    assert len(record["consult"]["asks"]) == 2
    assert record["consult"]["stopped"] == "max_calls=2"
    _, capped = consult(SAID, Budget(consult=True, max_cost=0.0003))
    assert 0 < capped["cost"] <= 0.0003
    assert len(capped["consult"]["asks"]) == 1


def test_a_policy_is_told_where_the_call_is():
    made = []

    def policy(*args, **kwargs):
        made.append(Majority(*args, **kwargs))
        return made[-1]

    consult(SAID, Budget(consult=True, max_cost=1.0, max_latency=60.0), policy)
    [majority] = made
    assert sorted(option.expert.name for option in majority.options) == sorted(QUALITY)
    assert all(0 < option.expected <= option.worst for option in majority.options)
    first, last = majority.told
    assert first.places == (UNASKED,) * 3
    assert (first.answers, first.asks_left, last.answers) == (0, None, 2)
    assert 0 < last.nano < first.nano <= 10**9
    assert 0 < last.seconds <= first.seconds <= 60


def test_more_different_answers_than_a_question_has_options_have_probabilities_all_the_same():
    options = [Option(Expert(model=name, name=name), 0.6, 100, 100, 0.0) for name in "abcd"]
    asking = LookAhead(options, Budget(), model=ConsultModel(), haste=0.0, alternatives=1)
    standing = Standing(
        places=(0, 1, 2, UNASKED), closed=frozenset(), answers=3, asks_left=None, nano=None, seconds=None
    )
    assert np.isfinite(asking.posterior(standing)).all()
    assert asking.step(standing).ask in ((), (3,))
