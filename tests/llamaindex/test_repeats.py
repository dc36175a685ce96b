"""`Consulting(repeats=...)` and a pool file's `repeats` through Leeroo: one expert asked several times."""

import pytest
from llama_index.core.base.llms.types import ChatMessage

from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import pool_of

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
ASK = [ChatMessage(role="user", content=QUESTION)]
DEMAND = {"consult": True, "min_quality": 0.99, "expert": "small"}
LOOSE = Consulting(model=ConsultModel(repeat_correlation=0.1))


@pytest.fixture
def llm(server, predictor):
    said = [{"text": f"The answer is {letter}."} for letter in "ABB"]
    server.behave("small-model", said * 9)
    pool = pool_of(server, consult={"repeats": 3})
    return Leeroo.from_pool(pool, predictor=predictor, consulting=LOOSE)


def check(response):
    record = response.additional_kwargs["leeroo"]
    said = response.message.content if hasattr(response, "message") else response.text
    assert said == "The answer is B."
    assert record["consult"]["clusters"] in ([1, 2], [2, 1])
    # Two that are asked at once answer in any order.
    assert sorted(ask.get("draw", 1) for ask in record["consult"]["asks"]) == [1, 2, 3]


async def test_every_way_of_asking(llm, server):
    check(llm.chat(ASK, **DEMAND))
    check(await llm.achat(ASK, **DEMAND))
    check(llm.complete(QUESTION, **DEMAND))
    check(list(llm.stream_chat(ASK, **DEMAND))[-1])
    check([piece async for piece in await llm.astream_chat(ASK, **DEMAND)][-1])
    assert len(server.requests) == 15


def test_temperature_0_is_asked_once(llm):
    record = llm.chat(ASK, temperature=0.0, **DEMAND).additional_kwargs["leeroo"]
    assert record["consult"]["asked_once"] == {"small": "temperature is 0"}
    assert len(record["attempts"]) == 1
