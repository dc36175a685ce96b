import json

import pytest

from leeroo.selfplay.calls import Reply
from leeroo.selfplay.items import Item
from leeroo.selfplay.judge import Calibration, calibrate, rate

ITEM = Item("Why is the sky blue?", "Rayleigh scattering.", "judge", "science", 1)


class Judge:
    """In place of a `Caller`: says what a function of (place of the good answer, prompt) makes of a prompt."""

    def __init__(self, say):
        self.say, self.requests = say, []

    def many(self, requests):
        self.requests += requests
        return [Reply(self.say("A" if "Answer A:\ngood" in r.prompt else "B", r)) for r in requests]


def ratings(judge, answer="good"):
    return rate(judge, "large", [("k", ITEM, answer, "reference")], {"science": "Be strict."})


def test_an_answer_is_rated_in_both_places():
    judge = Judge(lambda place, r: json.dumps({"A": 9, "B": 3} if place == "A" else {"A": 2, "B": 8}))
    assert ratings(judge) == [pytest.approx(0.85)]
    assert [r.key for r in judge.requests] == ["judge/k/0", "judge/k/1"]
    assert all("Be strict." in r.prompt for r in judge.requests)


def test_a_judge_that_only_likes_a_place_is_not_heard():
    assert ratings(Judge(lambda place, r: '{"A": 10, "B": 0}')) == [None]


def test_a_broken_format_is_asked_for_once_more():
    judge = Judge(lambda place, r: '{"A": 7, "B": 7}' if r.key.endswith("again") else "Both are nice!")
    assert ratings(judge) == [pytest.approx(0.7)]
    assert len(judge.requests) == 4


def test_a_judge_that_never_keeps_the_format_gives_no_score():
    assert ratings(Judge(lambda place, r: "A is better.")) == [None]
    assert ratings(Judge(lambda place, r: '{"A": 70, "B": 7}')) == [None]


def test_near_misses_of_the_format_are_read():
    assert ratings(Judge(lambda place, r: "A: 6/10\nB: 6/10")) == [pytest.approx(0.6)]


def test_ratings_become_probabilities_on_answers_of_known_score():
    generous = calibrate([0.9, 0.8, 0.9, 0.8, 1.0, 1.0, 0.95, 1.0] * 3, [0, 0, 0, 0, 1, 1, 1, 1] * 3)
    assert generous.trusted
    assert generous.auc == 1.0
    assert generous(0.8) < Calibration()(0.8) < 1
    assert generous(0.8) < generous(1.0)


def test_a_judge_that_cannot_tell_is_not_trusted():
    assert not calibrate([0.9, 0.1, 0.5, 0.5], [0, 1, 0, 1]).trusted
    assert calibrate([None, None], [0, 1]) == Calibration()
    assert Calibration().trusted
