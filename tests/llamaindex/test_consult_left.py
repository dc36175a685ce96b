"""Callers that leave Leeroo while several experts are asked: Ctrl-C, a cancelled task, a stream that is closed."""

import asyncio

import pytest
from llama_index.core.base.llms.types import ChatMessage

from leeroo import ConfigError
from leeroo.consult.settings import Consulting
from llamaindex_leeroo import Leeroo
from tests.given_up import QUESTION, WHEN, Left, in_rounds_of
from tests.llamaindex.conftest import pool_of

DEMAND = {"consult": True, "min_quality": 0.99}


@pytest.fixture(params=WHEN)
def left(request, server, tmp_path):
    return Left(request.param, server, tmp_path)


@pytest.fixture
def records():
    return []


@pytest.fixture
def llm(left, server, predictor, records):
    made = Leeroo.from_pool(pool_of(server, ledger=left.url), predictor=predictor, consulting=left.consulting)
    made.router._on_close = records.append
    return made


def asking(text):
    return [ChatMessage(role="user", content=text)]


@pytest.mark.parametrize("streamed", [False, True])
def test_an_interrupted_call(llm, left, records, streamed):
    with left.interrupted():
        asked = asking(left.question)
        _ = list(llm.stream_chat(asked, **DEMAND)) if streamed else llm.chat(asked, **DEMAND)
    left.no_thread_is_left()
    left.check(records[-1])


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cancelled_task(llm, left, records, streamed):
    async def read():
        return [piece async for piece in await llm.astream_chat(asking(left.question), **DEMAND)]

    await left.cancelled(read() if streamed else llm.achat(asking(left.question), **DEMAND))
    left.check(records[-1])


def test_a_loop_that_ends(llm, left, records):
    """As of a program whose main function returns while a task of it waits."""

    async def main():
        main.reading = asyncio.ensure_future(llm.astream_chat(asking(left.question), **DEMAND))
        await left.in_flight_now()

    asyncio.run(main())
    assert main.reading.cancelled()
    left.check(records[-1])


async def test_a_stream_that_is_closed_once_an_answer_is_accepted(server, predictor, records):
    """Before its first piece is read, too: its call settles although nobody ever reads."""
    settings = Consulting(policy=in_rounds_of(2))
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=settings)
    llm.router._on_close = records.append
    llm.stream_chat(asking(QUESTION), **DEMAND).close()
    for piece in llm.stream_chat(asking(QUESTION), **DEMAND):
        assert piece.additional_kwargs["leeroo"]["expert"] == "large"
        break
    await (await llm.astream_chat(asking(QUESTION), **DEMAND)).aclose()
    stream = await llm.astream_chat(asking(QUESTION), **DEMAND)
    assert (await anext(stream)).additional_kwargs["leeroo"]["expert"] == "large"
    await stream.aclose()
    for record in records:
        assert record["consult"]["stopped"] == "nobody is left to ask"
        assert [one["error"] for one in record["attempts"]] == [None, None]
    assert len(records) == 4


async def test_whom_nobody_has_asked_yet_costs_nothing(server, predictor, records):
    """The second of two cannot even be made."""
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, consulting=Consulting(policy=in_rounds_of(2)))
    llm.router._on_close = records.append
    made = llm.llm_of

    def llm_of(name):
        if name == "small":
            raise ConfigError("no key")
        return made(name)

    object.__setattr__(llm, "llm_of", llm_of)
    with pytest.raises(ConfigError):
        llm.chat(asking(QUESTION), **DEMAND)
    with pytest.raises(ConfigError):
        await llm.achat(asking(QUESTION), **DEMAND)
    for record in records:
        assert [(one["error"], one["cost"]) for one in record["attempts"]] == [("cancelled", 0), ("cancelled", 0)]
    assert server.requests == []
