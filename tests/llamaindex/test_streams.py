"""Streams: decided when the method is called, committed at the first piece, settled however they end."""

import asyncio
import gc

import pytest

from leeroo import BudgetExceeded, ExpertsFailed, budget, last_call
from tests.llamaindex.test_calls import COST_SMALL, HELLO, PARIS


def test_the_decision_is_made_at_the_call_and_not_at_the_first_read(llm, server):
    with budget(max_cost=1e-9), pytest.raises(BudgetExceeded):
        llm.stream_chat(HELLO)
    with budget(expert="large") as spent:
        stream = llm.stream_chat(HELLO)
    assert server.asked() == ["large-model"]
    assert "".join(piece.delta or "" for piece in stream) == PARIS
    assert spent.by_expert.keys() == {"large"}, "charged to the block that it was called in"


async def test_the_decision_is_made_at_the_call_async(llm, server):
    with budget(max_cost=1e-9), pytest.raises(BudgetExceeded):
        await llm.astream_chat(HELLO)
    with budget(expert="large"):
        stream = await llm.astream_chat(HELLO)
    assert "".join([piece.delta or "" async for piece in stream]) == PARIS
    assert server.asked() == ["large-model"]


def test_every_piece_says_who_answers_and_the_last_one_holds_the_record(llm):
    stream = llm.stream_chat(HELLO)
    first = next(stream)
    assert first.additional_kwargs["leeroo"]["expert"] == "small"
    assert "cost" not in first.additional_kwargs["leeroo"]
    *_, last = stream
    assert last.additional_kwargs["leeroo"]["cost"] == pytest.approx(COST_SMALL, abs=2e-9)
    assert "leeroo" not in last.message.additional_kwargs


def test_nothing_of_an_answer_is_lost_or_doubled(llm):
    deltas = [piece.delta or "" for piece in llm.stream_chat(HELLO)]
    assert "".join(deltas) == PARIS
    assert [p.text for p in llm.stream_complete("Capital of France?")][-1] == PARIS


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_stream_that_breaks_is_an_error_with_its_money_on_the_record(asynchronous, llm, server):
    server.behave("small-model", {"die_after": 2})
    got = []

    async def read():
        stream = await llm.astream_chat(HELLO) if asynchronous else llm.stream_chat(HELLO)
        while True:
            got.append((await anext(stream) if asynchronous else next(stream)).delta)

    with budget() as spent, pytest.raises(ExpertsFailed, match="after the answer had begun") as caught:
        await read()
    assert "".join(g or "" for g in got) == "Paris"
    assert server.asked() == ["small-model"], "nobody else is asked: the caller has seen the beginning"
    assert caught.value.record["cost"] == spent.cost > 0
    assert caught.value.record["cost_is_estimate"] is True


def test_a_closed_stream_is_charged_for_what_it_gave(llm, server):
    with budget() as spent:
        stream = llm.stream_chat(HELLO)
        next(stream)
        stream.close()
    record = last_call()
    assert record["attempts"][0]["error"] == "cancelled"
    assert 0 < record["cost"] == spent.cost
    assert record["cost_is_estimate"] is True
    assert spent.calls == 1


async def test_a_closed_async_stream_is_charged_for_what_it_gave(llm):
    stream = await llm.astream_chat(HELLO)
    await anext(stream)
    await stream.aclose()
    assert last_call()["attempts"][0]["error"] == "cancelled"
    assert last_call()["cost"] > 0


def test_a_stream_that_nobody_reads_leaves_no_reservation(llm):
    with budget(max_total_cost=1.0) as spent:
        stream = llm.stream_chat(HELLO)
        reserved = 1.0 - spent.remaining
        assert reserved > 0
        del stream
        gc.collect()
        assert spent.remaining == pytest.approx(1.0 - spent.cost)
        assert spent.calls == 1


async def test_a_cancelled_task_settles_its_call(llm, server):
    server.behave("small-model", {"hang": 1.0})
    with budget(max_total_cost=1.0) as spent:
        task = asyncio.create_task(llm.achat(HELLO))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert spent.calls == 1
        assert spent.cost > 0, "the provider may have worked: counted at the worst case"
        assert spent.remaining == pytest.approx(1.0 - spent.cost)
    assert server.asked() == ["small-model"], "nobody else is asked"


def test_usage_is_estimated_and_said_so_where_the_server_reports_none(llm, server):
    server.behave("small-model", "no_usage")
    *_, last = llm.stream_chat(HELLO)
    record = last.additional_kwargs["leeroo"]
    assert record["cost_is_estimate"] is True
    assert record["output_tokens"] >= 5
    answer = llm.chat(HELLO).additional_kwargs["leeroo"]
    assert answer["cost_is_estimate"] is True
    assert answer["input_tokens"] > 5


def test_usage_is_asked_for_in_streams_only(llm, server):
    list(llm.stream_chat(HELLO))
    llm.chat(HELLO)
    assert [r.get("stream_options") for r in server.bodies()] == [{"include_usage": True}, None]
