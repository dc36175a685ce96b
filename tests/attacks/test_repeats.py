"""One expert asked several times, and what endpoints and callers' functions do to that: nothing lost, all on record."""

import asyncio
import json
import threading

import pytest

from leeroo import Budget, Expert, ExpertsFailed, Price, Router
from leeroo.consult.equivalence import Equivalence
from leeroo.consult.model import ConsultModel
from leeroo.consult.settings import Consulting
from leeroo.endpoints.chat_format import to_query
from leeroo.endpoints.openai_compatible import _answer, ask
from leeroo.ledger.opening import open_ledger
from leeroo.prediction import ConstantPredictor
from tests.openai_server import OpenAIServer

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
LOOSE = ConsultModel(repeat_correlation=0.1)
WORTH = Budget(consult=True, willingness_to_pay=10.0)
REFUSAL = {"text": "I'm sorry, but I can't help with that."}
DEAD = [{"text": "The answer is A."}, *[{"drop": True}] * 9]
WELL = {"text": "The answer is B."}


@pytest.fixture
def server():
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def ledger(tmp_path):
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


def router_of(server, ledger):
    pool = {
        name: Expert(
            model=name, base_url=server.url, price=Price(input=usd, output=usd), max_output_tokens=200, timeout=1.0
        )
        for name, usd in (("cheap", 1.0), ("dear", 10.0))
    }
    return Router(pool, predictor=ConstantPredictor({"cheap": 0.6, "dear": 0.65}, output_tokens=50), ledger=ledger)


def check(record, ledger):
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["cost"] == pytest.approx(sum(row["cost"] for row in ledger.spend("expert")) / 1e9)
    assert not ledger.open_reservations()


def raises(_, other):
    raise KeyError(other)


LONG = {"text": "word " * 100_000 + "B", "heeds_cap": False}


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        (LONG, LONG),
        ({"text": ""}, {"text": ""}),
        (REFUSAL, REFUSAL),
        (REFUSAL, WELL),
        (DEAD, WELL),
        (DEAD, [{"status": 500}] * 9),
        ([WELL, {"status": 429, "retry_after": 60}, {"status": 429, "retry_after": 60}], [{"raw": ""}] * 9),
        ([WELL, *[{"status": 400, "message": "bad"}] * 9], [{"status": 400, "message": "bad"}] * 9),
        ([WELL, *[{"hang": 3}] * 9], WELL),
        ({"text": "B", "usage": False}, {"text": "B", "claim": {"prompt_tokens": -5, "completion_tokens": 10**12}}),
        ({"text": "B", "finish": "length"}, {"text": "B", "finish": "length"}),
    ],
)
def test_every_draw_is_on_the_record_and_in_the_ledger(server, ledger, cheap, dear):
    server.behave("cheap", cheap)
    server.behave("dear", dear)
    answer = ask(router_of(server, ledger), QUESTION, WORTH, consulting=Consulting(model=LOOSE, repeats=3))
    check(answer.record, ledger)
    draws = [(one["expert"], one.get("draw", 1)) for one in answer.record["consult"]["asks"]]
    assert len(set(draws)) == len(draws)


@pytest.mark.parametrize("cap", [0.0002, 0.0003, 0.0005, 0.003])
def test_no_draw_goes_beyond_the_cap(server, ledger, cap):
    server.behave("cheap", [{"text": f"The answer is {letter}."} for letter in "ABCAB"])
    budget = Budget(consult=True, willingness_to_pay=1000.0, max_cost=cap)
    answer = ask(router_of(server, ledger), QUESTION, budget, consulting=Consulting(model=LOOSE, repeats=5))
    check(answer.record, ledger)
    assert answer.record["cost"] <= cap


@pytest.mark.parametrize("equivalent", [raises, lambda one, other: one < other, lambda *_: False])
def test_a_comparison_that_misbehaves(server, ledger, equivalent):
    for name in ("cheap", "dear"):
        server.behave(name, [{"text": f"{name} says {k}"} for k in range(9)])
    settings = Consulting(Equivalence(equivalent=equivalent), LOOSE, repeats=3)
    answer = ask(router_of(server, ledger), "Is it?\nA. Yes\nB. No", WORTH, consulting=settings)
    check(answer.record, ledger)


def test_a_check_that_hangs_ends_with_the_call(server, ledger):
    forever = threading.Event()
    settings = Consulting(Equivalence(verify=lambda _: forever.wait(60)), LOOSE, repeats=3)
    budget = Budget(consult=True, willingness_to_pay=10.0, max_latency=1.0)
    answer = ask(router_of(server, ledger), QUESTION, budget, consulting=settings)
    forever.set()
    check(answer.record, ledger)
    assert answer.record["consult"]["notes"] == ["verify took too long and is not asked again"]


def test_everybody_is_down(server, ledger):
    for name in ("cheap", "dear"):
        server.behave(name, {"status": 500})
    with pytest.raises(ExpertsFailed) as caught:
        ask(router_of(server, ledger), QUESTION, WORTH, consulting=Consulting(model=LOOSE, repeats=3))
    check(caught.value.record, ledger)


async def test_a_call_that_is_cancelled_gives_up_both_of_its_draws(server, ledger):
    server.behave("cheap", {"hang": 30})
    router = router_of(server, ledger)
    chat = [{"role": "user", "content": QUESTION}]
    budget = Budget(consult=True, willingness_to_pay=10.0, expert="cheap")
    with router.open(to_query({"messages": chat}, router), budget) as call:
        task = asyncio.create_task(_answer(call, chat, hedge=False, consulting=Consulting(model=LOOSE, repeats=3)))
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [one["error"] for one in call.record["attempts"]] == ["cancelled", "cancelled"]
    check(call.record, ledger)
