"""Clients that hang up while several experts are asked: nobody else is asked for them, and nothing is lost."""

import asyncio
import logging

import httpx
import pytest

from leeroo.ledger.opening import open_ledger
from leeroo.prediction.predictor import ConstantPredictor
from leeroo.routing import own_consulting
from tests.given_up import QUESTION, WHEN, Left
from tests.integration.serve.conftest import router_over, running
from tests.waiting import wait_for

BUDGET = {"consult": True, "min_quality": 0.99}


@pytest.fixture
def records():
    return []


@pytest.fixture
def begin(experts, records, monkeypatch):
    """Serves a router that consults as a `Left` says."""

    def serving(left, ledger):
        router = router_over(experts, ledger=ledger)
        router._predictor = ConstantPredictor({"large": 0.9, "small": 0.6}, output_tokens=20)
        router._on_close = records.append
        monkeypatch.setattr(own_consulting.OwnConsulting, "complete", lambda *_: left.consulting)
        return running(router)

    return serving


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("when", "path"), [*((when, "chat/completions") for when in WHEN), ("the second ask", "messages")]
)
async def test_a_client_that_hangs_up(experts, begin, records, tmp_path, caplog, when, stream, path):
    left = Left(when, experts, tmp_path)
    ledger = open_ledger(left.url)
    asked = {"messages": [{"role": "user", "content": left.question}], "model": "leeroo", "leeroo": BUDGET}
    caplog.set_level(logging.INFO, "leeroo.serve")
    with begin(left, ledger) as url:
        async with httpx.AsyncClient() as client:
            body = {**asked, "stream": stream, "max_tokens": 100}
            task = asyncio.create_task(client.post(f"{url}/v1/{path}", json=body, timeout=60))
            await left.in_flight_now()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        wait_for(lambda: records, "the call goes on without its client", 20.0)
        assert len(experts.requests) == left.sent
        left.check(records[-1])
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
    ledger.close()


async def test_one_that_asks_a_single_expert_for_a_whole_answer_pays_what_it_cost(experts, records, begin, tmp_path):
    left = Left("the first ask", experts, tmp_path)
    experts.behave("large-model", {"hang": 0.6, "text": "B."})
    with begin(left, open_ledger(left.url)) as url:
        async with httpx.AsyncClient() as client:
            body = {"messages": [{"role": "user", "content": QUESTION}], "model": "large"}
            with pytest.raises(httpx.ReadTimeout):
                await client.post(f"{url}/v1/chat/completions", json=body, timeout=0.3)
        wait_for(lambda: records, "the call did not end", 20.0)
    assert [one["error"] for one in records[-1]["attempts"]] == [None]
