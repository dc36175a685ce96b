"""A judge of the pool through Leeroo: asked where no rule can compare two answers, sync and async."""

import pytest
from llama_index.core.base.llms.types import ChatMessage

from leeroo.prediction.predictor import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of

ASK = [ChatMessage(role="user", content="Why do ships float?")]
ONE = "A ship floats since the water that its hull pushes aside weighs as much as the ship with all of its load. " * 3
OTHER = "Ships are held above the waves by the wishes of all the sailors on board, who sing to the sea each night. " * 3
DEMAND = {"consult": True, "min_quality": 0.99}


QUALITY = {"small": 0.6, "middle": 0.65, "large": 0.75, "referee": 0.3}


@pytest.fixture
def judged(server):
    """Three experts, two of whom say the same, and a referee who is no better expert than they."""
    for name, text in (("small", ONE), ("middle", OTHER), ("large", f"In short: {ONE}")):
        server.behave(f"{name}-model", {"text": text})

    def run(verdict):
        pool = pool_of(server, consult={"judge": "referee"})
        small = pool["experts"]["small"]
        pool["experts"] |= {name: {**small, "model": f"{name}-model"} for name in ("middle", "referee")}
        server.behave("referee-model", verdict)
        return Leeroo.from_pool(pool, predictor=ConstantPredictor(QUALITY, output_tokens=50))

    return run


def check(response, agree):
    record = response.additional_kwargs["leeroo"]
    sizes = record["consult"]["clusters"]
    assert len(sizes) == 1 if agree else len(sizes) > 1
    assert sum(sizes) == len(record["consult"]["asks"]) > 1
    assert record["cost"] == pytest.approx(sum(one["cost"] for one in record["attempts"]))
    assert {one["expert"] for one in record["attempts"] if one.get("purpose") == "judge"} == {"referee"}


async def test_it_says_whether_they_agree(judged):
    for said, agree in (("YES", True), ("NO", False)):
        llm = judged({"text": said})
        check(llm.chat(ASK, **DEMAND), agree)
        check(await llm.achat(ASK, **DEMAND), agree)
        check(list(llm.stream_chat(ASK, **DEMAND))[-1], agree)


@pytest.mark.parametrize("how", [{"text": "Well, perhaps."}, {"status": 503}])
async def test_where_it_says_nothing_the_answers_are_incomparable(judged, how):
    llm = judged(how)
    for response in (llm.chat(ASK, **DEMAND), await llm.achat(ASK, **DEMAND)):
        assert response.additional_kwargs["leeroo"]["consult"]["compared"] is False
        assert "float" in response.message.content or "sailors" in response.message.content
