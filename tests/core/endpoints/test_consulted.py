"""Ctrl-C while several experts are asked: nothing is lost."""

import pytest

import leeroo
from leeroo.endpoints.openai_compatible import ask
from leeroo.ledger.opening import open_ledger
from leeroo.prediction.predictor import ConstantPredictor
from tests.given_up import WHEN, Left


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
