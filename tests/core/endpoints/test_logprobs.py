"""Log-probabilities as evidence: asked for under consult alone, of whoever does not refuse them."""

import pytest

import leeroo
from leeroo.consult.logprobs import LEAST_SEEN
from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting
from leeroo.endpoints.openai_compatible import ask
from tests.core.endpoints.conftest import router
from tests.given_up import in_rounds_of

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide"
EVERYBODY = leeroo.Budget(consult=True, min_quality=0.99)


def says(letter, value):
    return {"text": f"{letter}.", "logprobs": [(letter, value), (".", -0.01)]}


def test_an_unusually_unsure_answer_is_believed_less(server):
    server.behave("small", says("A", -0.3))
    server.behave("large", says("B", -0.3))
    pool = router(server, small=0.6, large=0.63)
    for _ in range(LEAST_SEEN):
        usual = ask(pool, QUESTION, EVERYBODY)
        assert usual.text == "B."
    assert {one["logprob"] for one in usual.record["consult"]["asks"]} == {-0.3}

    server.behave("large", says("B", -4.0))
    doubted = ask(pool, QUESTION, EVERYBODY)
    assert doubted.text == "A."
    assert doubted.record["expert"] == "small"
    assert all(body["logprobs"] is True for body in server.bodies())

    # Another router knows nothing of what is usual.
    assert ask(router(server, small=0.6, large=0.63), QUESTION, EVERYBODY).text == "B."


def test_who_refuses_them_is_asked_once_more_without_at_no_charge_and_remembered(server):
    server.behave("small", {**says("A", -0.3), "refuses": ("logprobs",)})
    server.behave("large", says("B", -0.3))
    pool = router(server, small=0.63, large=0.6)
    first, second = ask(pool, QUESTION, EVERYBODY), ask(pool, QUESTION, EVERYBODY)
    assert ["logprobs" in body for body in server.bodies("small")] == [True, False, False]
    for answer in (first, second):
        assert [(a["expert"], a["error"]) for a in answer.record["attempts"]] == [("small", None)]
        assert ["logprob" in one for one in answer.record["consult"]["asks"]] == [False]
    assert first.record["cost"] == second.record["cost"] > 0


def test_a_request_that_is_refused_either_way_is_the_expert_s_failure(server):
    server.behave("small", {"status": 400})
    server.behave("large", says("B", -0.3))
    pool = router(server, small=0.63, large=0.6)
    answer = ask(pool, QUESTION, EVERYBODY)
    assert answer.text == "B."
    assert {a["expert"]: a["error"] for a in answer.record["attempts"]} == {"small": "bad_request", "large": None}
    assert ["logprobs" in body for body in server.bodies("small")] == [True, False]
    server.behave("small", says("A", -0.3))
    ask(pool, QUESTION, EVERYBODY)
    assert server.bodies("small")[-1]["logprobs"] is True  # it was not that parameter


@pytest.mark.parametrize("error", [{"status": 503}, {"status": 429}, "context_length", "content_filter"])
def test_other_failures_are_not_repeated(server, error):
    server.behave("small", error)
    server.behave("large", says("B", -0.3))
    ask(router(server, small=0.63, large=0.6), QUESTION, EVERYBODY)
    assert len(server.bodies("small")) == 1


def test_nobody_is_asked_for_them_without_consult_or_with_a_certainty_of_nought(server):
    ask(router(server, small=0.9, large=0.9), QUESTION)
    settings = Consulting(model=ConsultModel(certainty=0.0))
    ask(router(server, small=0.63, large=0.6), QUESTION, EVERYBODY, consulting=settings)
    assert len(server.bodies()) >= 2
    assert not any("logprobs" in body for body in server.bodies())


def test_a_judge_is_not_asked_for_them(server):
    one = "A ship floats since the water that its hull pushes aside weighs as much as the ship with its load. " * 3
    for name in ("small", "large"):
        server.behave(name, {"text": f"{name}: {one}"})
    server.behave("referee", {"text": "YES"})
    pool = router(server, small=0.6, large=0.75, referee=0.01)
    ask(pool, "Why do ships float?", EVERYBODY, consulting=Consulting(judge="referee", policy=in_rounds_of(1)))
    judged = [body for body in server.bodies("referee") if "YES" in str(body["messages"])]
    assert judged
    assert not any("logprobs" in body for body in judged)
