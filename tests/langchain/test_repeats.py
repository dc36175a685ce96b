"""`Consulting(repeats=...)` through ChatLeeroo: one expert asked several times, each draw another answer."""

from itertools import cycle

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from pydantic import BaseModel

from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
DEMAND = {"consult": True, "min_quality": 0.99, "expert": "small"}
THRICE = Consulting(model=ConsultModel(repeat_correlation=0.1), repeats=3)


@pytest.fixture
def it_wavers(make, fake):
    """A ChatLeeroo whose small expert says A, B, B, A, B, B, ..."""

    def build(**fields):
        said = cycle(["The answer is A.", "The answer is B.", "B it is: (B)."])
        small = fake(script=lambda _: {"content": next(said)}, **fields)
        return make(small, fake(), consulting=THRICE), small

    return build


def check(message):
    record = message.response_metadata["leeroo"]
    assert record["consult"]["clusters"] in ([1, 2], [2, 1])
    # Two that are asked at once answer in any order.
    assert sorted(ask.get("draw", 1) for ask in record["consult"]["asks"]) == [1, 2, 3]
    assert record["cost"] == pytest.approx(3 * record["consult"]["asks"][0]["cost"])
    assert "B" in message.text


async def test_every_way_of_asking(it_wavers):
    llm, _ = it_wavers()
    check(llm.invoke(QUESTION, **DEMAND))
    check(await llm.ainvoke(QUESTION, **DEMAND))
    chunks = list(llm.stream(QUESTION, **DEMAND))
    check(sum(chunks[1:], chunks[0]))
    for message in llm.batch([QUESTION, QUESTION], {"max_concurrency": 1}, **DEMAND):
        check(message)


@pytest.mark.parametrize("own", [True, None])
def test_a_cache_gives_no_draw_for_another(it_wavers, own):
    set_llm_cache(InMemoryCache())
    try:
        llm, small = it_wavers(cache=own)
        check(llm.invoke(QUESTION, **DEMAND))
        assert len(small.seen) == 3
        again = llm.invoke(QUESTION, **DEMAND).response_metadata["leeroo"]
        assert again["consult"]["asks"][0]["cost"] == 0  # the first one may come from the cache, the others not
        assert len(small.seen) > 3
    finally:
        set_llm_cache(None)


class Gas(BaseModel):
    """A gas."""

    name: str


def test_structured_answers_and_tool_calls_of_draws_are_compared(make, fake):
    names = cycle(["oxygen", "carbon dioxide", "carbon dioxide"])

    def script(_):
        return {"content": "", "tool_calls": [{"name": "Gas", "args": {"name": next(names)}, "id": "1"}]}

    llm = make(fake(script=script), fake(), consulting=THRICE)
    form = llm.with_structured_output(Gas, include_raw=True).invoke(QUESTION, **DEMAND)
    assert form["parsed"] == Gas(name="carbon dioxide")
    message = llm.bind_tools([Gas]).invoke(QUESTION, **DEMAND)
    assert sorted(message.response_metadata["leeroo"]["consult"]["clusters"]) == [1, 2]
    assert message.tool_calls[0]["args"] == {"name": "carbon dioxide"}


@pytest.mark.parametrize("how", ["call", "constructor", "bound"])
def test_temperature_0_is_asked_once(make, fake, how):
    small = fake()
    given = {"temperature": 0.0}
    if how == "bound":
        small = small.bind(**given)
    llm = make(small, fake(), consulting=THRICE, **(given if how == "constructor" else {}))
    record = llm.invoke(QUESTION, **DEMAND, **(given if how == "call" else {})).response_metadata["leeroo"]
    assert record["consult"]["asked_once"] == {"small": "temperature is 0"}
    assert len(record["attempts"]) == 1
