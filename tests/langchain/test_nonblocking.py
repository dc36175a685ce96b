"""Nothing on the async path holds up the event loop: neither the decision, nor counting, nor an expert's client."""

import asyncio
import time

import pytest
from blockbuster import BlockingError, blockbuster_ctx

from langchain_leeroo import ChatLeeroo
from leeroo import BudgetExceeded, ExpertsFailed, last_call
from leeroo.prediction.predictor import ConstantPredictor
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


@pytest.fixture(params=["the shipped predictor", "a constant one"])
def on_disk(pool, tmp_path, request):
    """Two experts, with a ledger in a file."""
    given = {"predictor": ConstantPredictor({"small": 0.9})} if request.param == "a constant one" else {}
    return ChatLeeroo.from_pool({**pool, "ledger": f"sqlite:///{tmp_path / 'ledger.db'}"}, **given)


@pytest.mark.usefixtures("_watched")
async def test_with_a_ledger_on_disk(on_disk):
    message = await on_disk.ainvoke("What is the capital of France?", max_cost=0.5, scope="team")
    assert last_call() == message.response_metadata["leeroo"]
    assert (await drain(on_disk.astream("Why is the sky blue?")))[-1].response_metadata["leeroo"] == last_call()
    assert len(await on_disk.abatch(["one?", "two?"], max_total_cost=0.5)) == 2
    assert (await on_disk.with_structured_output(Sum).ainvoke("1+2?")).value
    assert (await on_disk.ainvoke("and twice?", consult=True)).text
    assert await on_disk.selector().ainvoke("hi")


@pytest.mark.usefixtures("_watched")
async def test_failures_with_a_ledger_on_disk(on_disk, server):
    for name in ("small-model", "large-model"):
        server.behave(name, [{"status": 503}])
    assert (await on_disk.ainvoke("hi")).text
    assert len(last_call()["attempts"]) == 3  # both once, then a wait
    server.behave("small-model", {"text": ""})
    assert (await on_disk.ainvoke("hi")).text
    assert [one["error"] for one in last_call()["attempts"]] == ["empty", None]
    server.behave("small-model", {"status": 401})
    server.behave("large-model", {"status": 401})
    with pytest.raises(ExpertsFailed):
        await on_disk.ainvoke("hi")
    with pytest.raises(ExpertsFailed):
        await drain(on_disk.astream("hi"))
    with pytest.raises(BudgetExceeded):
        await on_disk.ainvoke("hi", max_cost=1e-9)


@pytest.mark.usefixtures("_watched")
async def test_streams_that_are_left_with_a_ledger_on_disk(on_disk):
    async for _ in (stream := on_disk.astream("hi")):
        break
    await stream.aclose()
    assert last_call()["attempts"][0]["error"] == "cancelled"


@pytest.mark.usefixtures("_watched")
async def test_calls_that_are_cancelled_with_a_ledger_on_disk(on_disk, server):
    server.behave("small-model", "hang")
    server.behave("large-model", "hang")

    async def stop_once_asked(limit):
        while not server.requests:  # a try that is given up before its expert is asked costs nothing, and is no error
            await asyncio.sleep(0.01)
        limit.reschedule(asyncio.get_running_loop().time())

    async def asked_and_left():
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as tasks:
            tasks.create_task(stop_once_asked(limit))
            await on_disk.ainvoke("hi")

    with pytest.raises(TimeoutError):
        await asked_and_left()
    assert last_call()["attempts"][0]["error"] == "cancelled"


@pytest.mark.usefixtures("_watched")
async def test_failures_and_waits(pool, server):
    for name in ("small-model", "large-model"):
        server.behave(name, [{"status": 503}])
    assert (await ChatLeeroo.from_pool(pool).ainvoke("hi")).text
