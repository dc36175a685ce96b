"""Several experts behind one call: nothing that one of them sends, and no client that leaves, makes the books wrong."""

import asyncio
import json
import threading

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from langchain_leeroo import ChatLeeroo
from leeroo import Budget, Expert, Router
from leeroo.endpoints.chat_format import to_query
from leeroo.endpoints.openai_compatible import ask as core_ask
from leeroo.ledger.opening import open_ledger
from leeroo.prediction import ConstantPredictor
from leeroo.serve.aside import Aside
from leeroo.serve.calls import Calls
from leeroo.serve.experts import Experts
from leeroo.serve.requests import Job
from llamaindex_leeroo import Leeroo
from tests.attacks.conftest import ENDPOINTS, PRICE, as_sent_to

ODD = [3, "x", [], ["a"], [3], {"a": 1}, [{"function": 3}], [{"function": {"name": 3, "arguments": {"a": [1]}}}], True]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_no_shape_of_an_answer_fails_a_consultation(liar, serve, ledger, path):
    """Each was paid for: the client gets an answer, and the books have what every expert was asked for."""
    with serve("a", "b") as (url, _):
        for calls in ODD:
            message = {"role": "assistant", "content": "Paris", "tool_calls": calls}
            answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                      "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                      "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}}  # fmt: skip
            for name in ("a", "b"):
                liar.behave(name, {"raw": json.dumps(answer)})
            for stream in (False, True):
                liar.requests.clear()
                before = sum(row["cost"] for row in ledger.spend("expert"))
                asked = as_sent_to(path, "What is the capital of France?", stream=stream, leeroo={"consult": True})
                found = httpx.post(url + path, json=asked)
                assert found.status_code == 200, (calls, found.text)
                assert "Paris" in found.text
                assert not ledger.open_reservations()
                spent = sum(row["cost"] for row in ledger.spend("expert")) - before
                assert spent == len(liar.requests) * (9 * 1000 + 2 * 2000)


class Stopping:
    """A ledger that stops in the middle of a reservation until it is let go on."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.reserving, self.go_on = threading.Event(), threading.Event()

    def reserve(self, *args, **kwargs):
        held = self._ledger.reserve(*args, **kwargs)
        self.reserving.set()
        assert self.go_on.wait(30)
        return held

    def __getattr__(self, name):
        return getattr(self._ledger, name)


def asked_by_serve(pool, predictor, ledger):
    router = Router(pool, predictor=predictor, ledger=ledger)
    body = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
    job = Job(body, to_query(body, router), Budget(consult=True))
    return Calls(router, Experts(router.pool), Aside()).whole(job)


def asked_by_langchain(pool, predictor, ledger):
    return ChatLeeroo(router=Router(pool, predictor=predictor, ledger=ledger)).ainvoke(
        [HumanMessage("What is the capital of France?")], consult=True
    )


def asked_by_llamaindex(pool, predictor, ledger):
    llm = Leeroo(experts=pool, predictor=predictor, ledger=ledger)
    return llm.achat([ChatMessage(content="What is the capital of France?")], consult=True)


@pytest.mark.parametrize("ask", [asked_by_serve, asked_by_langchain, asked_by_llamaindex])
def test_who_leaves_before_anybody_was_asked_pays_nothing(liar, tmp_path, ask):
    ledger = Stopping(open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}"))
    pool = {
        name: Expert(model=f"openai:{name}", base_url=liar.url, price=PRICE, max_output_tokens=100) for name in "ab"
    }
    predictor = ConstantPredictor(dict.fromkeys(pool, 0.7), output_tokens=10)

    async def leave():
        task = asyncio.create_task(ask(pool, predictor, ledger))
        while not ledger.reserving.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.05)
        ledger.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert not liar.requests
    assert not ledger.open_reservations()
    assert sum(row["cost"] for row in ledger.spend("expert")) == 0
    ledger.close()


@pytest.mark.parametrize("consult", [False, True])
def test_no_content_of_an_answer_fails_the_cores_own_way(liar, make_router, ledger, consult):
    router = make_router("a", "b", ledger=ledger)
    for content in ({"a": 1}, [{"type": "text", "text": "Paris"}], 3, True, ["Paris"]):
        message = {"role": "assistant", "content": content}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                  "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}}  # fmt: skip
        for name in ("a", "b"):
            liar.behave(name, {"raw": json.dumps(answer)})
        assert isinstance(core_ask(router, "What is the capital of France?", Budget(consult=consult)).text, str)
        assert not ledger.open_reservations()
