"""Callers that leave while several experts are asked: how they are made to, and what must hold then."""

import asyncio
import os
import signal
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from sqlalchemy import select

from leeroo.consult.asking import Step
from leeroo.consult.places import UNASKED
from leeroo.consult.settings import Consulting
from leeroo.ledger.opening import open_ledger
from leeroo.ledger.schema import reservations
from tests.waiting import wait_for

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
LONG = "Ships are held above the waves by the wishes of all the sailors on board, who sing to the sea each night. " * 3
"""An answer that no rule can compare with another."""


def in_rounds_of(size):
    """A policy that asks so many at once until everybody has been asked."""

    class Rounds:
        words = f"consult: rounds of {size}"
        least = None

        def __init__(self, options, budget, *, model, haste, alternatives):
            self.considered = frozenset(range(len(options)))

        def step(self, standing):
            left = [e for e, place in enumerate(standing.places) if place == UNASKED and e not in standing.closed]
            return Step(tuple(left[:size]))

        def posterior(self, standing):
            votes = np.bincount([place for place in standing.places if place >= 0])
            return votes / votes.sum()

    return Rounds


WHEN = {
    "the first ask": (1, {"large-model": {"hang": 1.0}}, 1, {"large"}),
    "the second ask": (1, {"small-model": {"hang": 1.0}}, 2, {"small"}),
    "both of a pair": (2, {"large-model": {"hang": 1.0}, "small-model": {"hang": 1.0}}, 2, {"large", "small"}),
    "the slower of a pair": (2, {"small-model": {"hang": 1.0}}, 2, {"small"}),
    "the judge": (1, {"large-model": {"text": LONG}, "small-model": {"text": f"No. {LONG}"}}, 3, {"judge"}),
}
"""What is in flight: how many are asked at once, how the experts behave, how many asks are sent, and whom it hits."""


class Left:
    """A call whose caller is to leave while something is in flight.

    Args:
        when: A key of `WHEN`.
        server: The experts' own, of `large-model` and `small-model`; the large one is asked first.
        folder: For the ledger.
    """

    def __init__(self, when, server, folder):
        size, behaviours, self.sent, self.in_flight = WHEN[when]
        judged = "judge" in self.in_flight
        for model in ("large-model", "small-model"):
            server.behave(model, behaviours.get(model, {"text": "The answer is B."}))
        if judged:  # it is one of the two
            server.behave("large-model", [behaviours["large-model"], {"hang": 1.0, "text": "YES"}])
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self.consulting = Consulting(policy=in_rounds_of(size), judge="large" if judged else None)
        self.question = "Why do ships float?" if judged else QUESTION
        self._server = server
        self._before = len(server.requests)
        self._threads = threading.active_count()

    def is_in_flight(self):
        """Whether everything is sent, and what is answered at once has been."""
        return len(self._server.requests) - self._before >= self.sent

    async def in_flight_now(self):
        """Wait until it is."""
        async with asyncio.timeout(20):
            while not self.is_in_flight():
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # the other's answer is read meanwhile

    async def cancelled(self, work):
        """Cancel the task that awaits `work` once it is in flight; no other task may be left of it."""
        before = asyncio.all_tasks()
        task = asyncio.create_task(work)
        await self.in_flight_now()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before

    @contextmanager
    def interrupted(self):
        """Press Ctrl-C once it is in flight."""

        def press():
            wait_for(self.is_in_flight, "the experts were not asked", 20.0)
            threading.Event().wait(0.2)  # the other's answer is read meanwhile
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=press)
        thread.start()
        try:
            yield
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("it was not interrupted")
        finally:
            thread.join()

    def check(self, record):
        """Nothing is lost: every ask that was sent is booked, nothing stays reserved, the record says what happened."""
        attempts = record["attempts"]
        assert len(attempts) == self.sent
        assert record["consult"]["stopped"] == "cancelled"
        ended = {one.get("purpose") or one["expert"]: one["error"] for one in attempts}
        assert {who: error for who, error in ended.items() if error} == dict.fromkeys(self.in_flight, "cancelled")
        answered = [one["expert"] for one in attempts if one["error"] is None]
        assert [ask["expert"] for ask in record["consult"]["asks"]] == answered
        ledger = open_ledger(self.url)
        try:
            wait_for(lambda: not ledger.open_reservations(), "something is still reserved")
            with ledger.read() as connection:
                rows = connection.execute(select(reservations)).mappings().all()
        finally:
            ledger.close()
        assert [row["call_id"] for row in rows] == [record["call_id"]] * self.sent
        assert all(row["cost"] > 0 for row in rows)
        assert sum(row["cost"] for row in rows) == round(record["cost"] * 1e9)

    def no_thread_is_left(self):
        """Those of a pool may wait for more work; those of the call have ended."""
        named = [thread.name for thread in threading.enumerate()]
        assert not [name for name in named if name.startswith("leeroo-consult")]
