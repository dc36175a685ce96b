"""Work beside the event loop: always to its end, in the caller's context, and undone where nobody takes its result."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from leeroo import Expert, Price
from leeroo.ledger.memory import MemoryLedger
from leeroo.prediction.predictor import ConstantPredictor
from leeroo.query import Query
from leeroo.routing.aside import aside
from leeroo.routing.last import last_call
from leeroo.routing.router import Router

told: ContextVar[str] = ContextVar("told", default="nothing")


async def test_what_work_notes_in_its_context_holds_for_the_caller():
    told.set("before")
    here = threading.get_ident()
    seen = await aside(lambda: (told.get(), told.set("after"), threading.get_ident()))
    assert (seen[0], told.get()) == ("before", "after")
    assert seen[2] != here


async def test_an_error_is_the_callers():
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 / 0)


async def test_a_cancelled_task_waits_for_its_work_and_undoes_it():
    go_on, done = threading.Event(), []

    def work():
        go_on.wait(10)
        done.append("done")
        return 7

    task = asyncio.create_task(aside(work, undo=done.append))
    for _ in range(3):  # however often
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["done", 7]


class Slow(MemoryLedger):
    """Makes its reservations when told so."""

    def __init__(self):
        super().__init__()
        self.asked, self.go_on, self.settled = threading.Event(), threading.Event(), []

    def reserve(self, *args, **kwargs):
        self.asked.set()
        assert self.go_on.wait(10)
        return super().reserve(*args, **kwargs)

    def settle(self, reservation, nano, **kwargs):
        self.settled.append(nano)
        super().settle(reservation, nano, **kwargs)


async def test_a_try_that_nobody_was_told_of_costs_nothing(monkeypatch):
    ledger = Slow()
    monkeypatch.setattr("leeroo.routing.call.may_wait", lambda ledger: True)
    pool = {"only": Expert(model="openai:one", price=Price(input=1, output=2))}
    call = Router(pool, ledger=ledger, predictor=ConstantPredictor()).open(Query("hi"))
    task = asyncio.create_task(anext(call.aattempts()))
    await asyncio.to_thread(ledger.asked.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    ledger.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger.settled == [0]
    call.finish()
    assert (last_call()["cost"], last_call()["attempts"][0]["error"]) == (0, "cancelled")
