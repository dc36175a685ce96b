"""A judge of the pool through ChatLeeroo: asked where no rule can compare two answers, sync and async."""

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price
from leeroo.consult.settings import Consulting
from leeroo.prediction.predictor import ConstantPredictor

QUESTION = "Why do ships float?"
ONE = "A ship floats since the water that its hull pushes aside weighs as much as the ship with all of its load. " * 3
OTHER = "Ships are held above the waves by the wishes of all the sailors on board, who sing to the sea each night. " * 3
DEMAND = {"consult": True, "min_quality": 0.99}


QUALITY = {"small": 0.6, "middle": 0.65, "large": 0.75, "referee": 0.3}


@pytest.fixture
def judged(fake):
    """Three experts, two of whom say the same, and a referee who is no better expert than they."""

    def run(verdict):
        says = {"small": ONE, "middle": OTHER, "large": f"In short: {ONE}"}
        referee = fake(error=verdict) if isinstance(verdict, Exception) else fake(says=verdict)
        models = {**{name: fake(says=text) for name, text in says.items()}, "referee": referee}
        experts = {name: Expert(model=model, price=Price(input=1, output=2)) for name, model in models.items()}
        predictor = ConstantPredictor(QUALITY, output_tokens=50)
        llm = ChatLeeroo(experts=experts, predictor=predictor, consulting=Consulting(judge="referee"))
        return llm, referee

    return run


def check(message, agree):
    record = message.response_metadata["leeroo"]
    sizes = record["consult"]["clusters"]
    assert len(sizes) == 1 if agree else len(sizes) > 1
    assert {one["expert"] for one in record["attempts"] if one.get("purpose") == "judge"} == {"referee"}
    assert record["cost"] == pytest.approx(sum(one["cost"] for one in record["attempts"]))
    assert record["expert"] != "referee"


async def test_it_says_whether_they_agree(judged):
    for verdict, agree in (("YES", True), ("NO", False)):
        llm, _ = judged(verdict)
        check(llm.invoke(QUESTION, **DEMAND), agree)
        check(await llm.ainvoke(QUESTION, **DEMAND), agree)
        chunks = list(llm.stream(QUESTION, **DEMAND))
        check(sum(chunks[1:], chunks[0]), agree)


@pytest.mark.parametrize("verdict", ["Well, perhaps.", ConnectionError("gone")])
async def test_where_it_says_nothing_the_answers_are_incomparable(judged, verdict):
    llm, _ = judged(verdict)
    for message in (llm.invoke(QUESTION, **DEMAND), await llm.ainvoke(QUESTION, **DEMAND)):
        assert message.response_metadata["leeroo"]["consult"]["compared"] is False
        assert message.response_metadata["leeroo"]["expert"] != "referee"


def test_tools_of_the_request_are_not_sent_to_it(judged):
    llm, referee = judged("YES")
    llm.bind_tools([{"type": "function", "function": {"name": "f", "parameters": {}}}]).invoke(QUESTION, **DEMAND)
    judging = [one for one in referee.seen if "answer_1" in one["messages"][-1].content]
    assert judging
    assert all("bound_tools" not in one for one in judging)


def test_a_callback_sees_its_run(judged):
    class Runs(BaseCallbackHandler):
        def __init__(self):
            self.started = 0

        def on_chat_model_start(self, *args, **kwargs):
            self.started += 1

    llm, runs = judged("YES")[0], Runs()
    record = llm.invoke(QUESTION, {"callbacks": [runs]}, **DEMAND).response_metadata["leeroo"]
    assert runs.started == len(record["attempts"])
