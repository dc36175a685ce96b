"""A judge of the pool behind a request, and the consult model that a server is given."""

import pytest

from leeroo import Expert, Price, Router
from leeroo.prediction import ConstantPredictor
from tests.openai_server import OpenAIServer

ONE = "A ship floats since the water that its hull pushes aside weighs as much as the ship with all of its load. " * 3
OTHER = "Ships are held above the waves by the wishes of all the sailors on board, who sing to the sea each night. " * 3
ASK = {
    "model": "leeroo",
    "messages": [{"role": "user", "content": "Why do ships float?"}],
    "extra_body": {"leeroo": {"consult": True, "min_quality": 0.99}},
}


QUALITY = {"small": 0.6, "middle": 0.65, "large": 0.75, "referee": 0.3}


@pytest.fixture(scope="module")
def experts():
    """Three experts, two of whom say the same, and a referee who is no better expert than they."""
    with OpenAIServer(tuple(f"{name}-model" for name in QUALITY)) as running:
        yield running


@pytest.fixture
def router(experts):
    pool = {
        name: Expert(model=f"{name}-model", base_url=experts.url, price=Price(input=1.0, output=2.0), timeout=60.0)
        for name in QUALITY
    }
    for name, text in (("small", ONE), ("middle", OTHER), ("large", f"In short: {ONE}")):
        experts.behave(f"{name}-model", {"text": text})
    return Router(pool, predictor=ConstantPredictor(QUALITY, output_tokens=20), consult={"judge": "referee"})


@pytest.mark.parametrize(("said", "agree"), [("YES", True), ("NO", False)])
def test_it_says_whether_they_agree(client, experts, router, said, agree):
    experts.behave("referee-model", {"text": said})
    record = client.chat.completions.create(**ASK).model_extra["leeroo"]
    sizes = record["consult"]["clusters"]
    assert len(sizes) == 1 if agree else len(sizes) > 1
    judged = [one for one in record["attempts"] if one.get("purpose") == "judge"]
    assert {one["expert"] for one in judged} == {"referee"}
    assert record["cost"] == pytest.approx(sum(one["cost"] for one in record["attempts"]))
    assert router.ledger.spent() == round(record["cost"] * 1e9)
    sent = [one["body"] for one in experts.requests if "answer_1" in one["body"]["messages"][-1]["content"]]
    assert len(sent) == len(judged)
    assert all(one["model"] == "referee-model" and one["max_tokens"] <= 16 for one in sent)


@pytest.mark.parametrize("how", [{"status": 500}, {"text": "Well, perhaps."}])
def test_one_that_says_nothing_leaves_them_incomparable(client, experts, how):
    experts.behave("referee-model", how)
    record = client.chat.completions.create(**ASK).model_extra["leeroo"]
    assert record["consult"]["compared"] is False
    assert record["expert"] in QUALITY
