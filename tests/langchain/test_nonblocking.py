"""Nothing on the async path holds up the event loop: neither the decision, nor counting, nor an expert's client."""

import asyncio
import time

import pytest
from blockbuster import BlockingError, blockbuster_ctx

from langchain_leeroo import ChatLeeroo
from tests.langchain.cases import Sum


@pytest.fixture
def _watched():
    """Blocking calls in the event loop raise."""
    with blockbuster_ctx():
        yield


async def drain(stream):
    return [piece async for piece in stream]


@pytest.mark.usefixtures("_watched")
async def test_with_the_shipped_predictor(pool):
    llm = await asyncio.to_thread(ChatLeeroo.from_pool, pool)
    assert (await llm.ainvoke("What is the capital of France?")).text
    assert await drain(llm.astream("Why is the sky blue?"))
    assert len(await llm.abatch(["one?", "two?"], max_total_cost=0.5)) == 2


@pytest.mark.usefixtures("_watched")
async def test_the_watch_sees_what_blocks():
    with pytest.raises(BlockingError):
        time.sleep(0)


@pytest.mark.usefixtures("_watched")
async def test_made_in_the_event_loop(pool):
    llm = ChatLeeroo.from_pool(pool)
    assert (await llm.with_structured_output(Sum).ainvoke("1+2?")).value
    assert await drain(llm.astream_events("hi", version="v2"))


@pytest.mark.usefixtures("_watched")
async def test_where_no_usage_is_reported(pool, server):
    for name in ("small-model", "large-model"):
        server.behave(name, "no_usage")
    llm = ChatLeeroo.from_pool(pool)
    message = await llm.ainvoke("hi")
    assert message.response_metadata["leeroo"]["cost_is_estimate"]
    assert await drain(llm.astream("hi"))


@pytest.mark.usefixtures("_watched")
async def test_failures_and_waits(pool, server):
    for name in ("small-model", "large-model"):
        server.behave(name, [{"status": 503}])
    assert (await ChatLeeroo.from_pool(pool).ainvoke("hi")).text
