"""Callers that leave ChatLeeroo while several experts are asked: Ctrl-C, a cancelled task, a stream that is closed."""

import asyncio

import pytest
from langchain_core.rate_limiters import BaseRateLimiter

from langchain_leeroo import ChatLeeroo
from leeroo.consult.settings import Consulting
from leeroo.prediction.predictor import ConstantPredictor
from tests.given_up import QUESTION, WHEN, Left, in_rounds_of

DEMAND = {"consult": True, "min_quality": 0.99}


@pytest.fixture(params=WHEN)
def left(request, server, tmp_path):
    return Left(request.param, server, tmp_path)


@pytest.fixture
def records():
    return []


@pytest.fixture
def llm(left, pool, records):
    quality = ConstantPredictor({"large": 0.9, "small": 0.6}, output_tokens=20)
    made = ChatLeeroo.from_pool({**pool, "ledger": left.url}, predictor=quality, consulting=left.consulting)
    made._router._on_close = records.append
    return made


@pytest.mark.parametrize("streamed", [False, True])
def test_an_interrupted_call(llm, left, records, streamed):
    with left.interrupted():
        _ = list(llm.stream(left.question, **DEMAND)) if streamed else llm.invoke(left.question, **DEMAND)
    left.no_thread_is_left()
    left.check(records[-1])


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cancelled_task(llm, left, records, streamed):
    async def read():
        return [chunk async for chunk in llm.astream(left.question, **DEMAND)]

    await left.cancelled(read() if streamed else llm.ainvoke(left.question, **DEMAND))
    left.check(records[-1])


def test_a_loop_that_ends(llm, left, records):
    """As of a program whose main function returns while a task of it waits."""

    async def main():
        stream = llm.astream(left.question, **DEMAND)
        main.reading = asyncio.ensure_future(anext(stream))
        await left.in_flight_now()

    asyncio.run(main())
    assert main.reading.cancelled()
    left.check(records[-1])


async def test_a_stream_that_is_closed_once_an_answer_is_accepted(server, pool, records):
    quality = ConstantPredictor({"large": 0.9, "small": 0.6}, output_tokens=20)
    llm = ChatLeeroo.from_pool(pool, predictor=quality, consulting=Consulting(policy=in_rounds_of(2)))
    llm._router._on_close = records.append
    for chunk in llm.stream(QUESTION, **DEMAND):
        assert chunk.text
        break
    stream = llm.astream(QUESTION, **DEMAND)
    assert (await anext(stream)).text
    await stream.aclose()
    for record in records:
        assert record["consult"]["stopped"] == "nobody is left to ask"
        assert [one["error"] for one in record["attempts"]] == [None, None]
        assert record["expert"] == "large"
    assert len(records) == 2


async def test_whom_nobody_has_asked_yet_costs_nothing(server, pool, records):
    class SecondWaits(BaseRateLimiter):
        asked = 0

        def acquire(self, *, blocking=True):
            return True

        async def aacquire(self, *, blocking=True):
            self.asked += 1
            return True if self.asked == 1 else await asyncio.Event().wait()

    limiter = SecondWaits()
    llm = ChatLeeroo.from_pool(pool, rate_limiter=limiter, consulting=Consulting(policy=in_rounds_of(2)))
    llm._router._on_close = records.append
    task = asyncio.create_task(llm.ainvoke(QUESTION, **DEMAND))
    while limiter.asked < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(one["error"], one["cost"]) for one in records[-1]["attempts"]] == [("cancelled", 0), ("cancelled", 0)]
    assert server.requests == []
