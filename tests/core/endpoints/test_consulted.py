"""Several experts asked with asyncio: who is of no use, and Ctrl-C meanwhile."""

import pytest

import leeroo
from leeroo.consult.settings import Consulting
from leeroo.endpoints.openai_compatible import ask
from leeroo.ledger.opening import open_ledger
from leeroo.prediction.predictor import ConstantPredictor
from tests.core.endpoints.conftest import router
from tests.given_up import WHEN, Left, in_rounds_of


@pytest.mark.parametrize("when", WHEN)
def test_an_interrupted_call_loses_nothing(server, tmp_path, when):
    left = Left(when, server, tmp_path)
    experts = {
        name: leeroo.Expert(model=f"{name}-model", base_url=server.url, price=leeroo.Price(input=1, output=2))
        for name in ("large", "small")
    }
    ledger = open_ledger(left.url)
    router = leeroo.Router(
        experts, predictor=ConstantPredictor({"large": 0.9, "small": 0.6}, output_tokens=20), ledger=ledger
    )
    records = []
    router._on_close = records.append
    with left.interrupted():
        ask(router, left.question, leeroo.Budget(consult=True, min_quality=0.99), consulting=left.consulting)
    ledger.close()
    left.check(records[-1])
    left.no_thread_is_left()


SPELT = '<tool_call>{"name": "gas", "arguments": {}}</tool_call>'


@pytest.mark.parametrize(
    ("how", "error"), [({"text": SPELT}, None), ({"text": "Rome", "finish": "error"}, "bad_answer")]
)
def test_what_is_of_no_use_abstains_and_what_was_broken_off_is_a_failure(server, how, error):
    server.behave("large", how)
    server.behave("small", {"text": "Paris"})
    settings = Consulting(policy=in_rounds_of(1))
    pool, budget = router(server, large=0.9, small=0.6), leeroo.Budget(consult=True)
    answer = ask(pool, "What is the capital of France?", budget, consulting=settings)
    assert answer.text == "Paris"
    assert {one["expert"]: one["error"] for one in answer.record["attempts"]} == {"large": error, "small": None}
