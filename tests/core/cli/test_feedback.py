"""`leeroo feedback` on a call that consulted: what may be learned, and by which command."""

import shlex

import pytest
from typer.testing import CliRunner

from leeroo import Budget, Expert, Price, Query, Router, Usage
from leeroo.cli import app
from leeroo.consult.equivalence import Reply
from leeroo.ledger.opening import open_ledger
from leeroo.prediction import ConstantPredictor
from leeroo.routing.consulting import consultation

QUALITY = {"tiny": 0.6, "small": 0.62, "large": 0.65}
QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"


@pytest.fixture
def calls(tmp_path):
    """The URL of a ledger, and a function that makes calls and gives their ids."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"

    def make(count, *, consult):
        ledger = open_ledger(url)
        experts = {name: Expert(model=name, price=Price(input=1, output=1)) for name in QUALITY}
        router = Router(experts, predictor=ConstantPredictor(QUALITY, output_tokens=10), ledger=ledger)
        ids = []
        for _ in range(count):
            budget = Budget(consult=True, willingness_to_pay=100.0) if consult else Budget()
            with router.open(Query(text=QUESTION), budget) as call:
                several = consultation(call)
                while several is not None and (attempts := several.round()):
                    for attempt in attempts:
                        several.answered(attempt, "B", Reply("B"), Usage(10, 10))
                for attempt in call.attempts() if several is None else ():
                    attempt.succeeded(Usage(10, 10))
            ids.append(call.id)
        ledger.close()
        return ids

    return url, make


def said(*args):
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_call_that_asked_one_says_nothing_more(calls):
    url, make = calls
    (call,) = make(1, consult=False)
    assert said("feedback", call, 1, "--ledger", url) == f"{call}: 1\n"


def test_few_calls_say_how_many_are_needed(calls):
    url, make = calls
    one, _ = make(2, consult=True)
    shown = said("feedback", one, 1, "--ledger", url)
    assert "2 calls of this ledger consulted, 1 of them with feedback; from 30 on" in shown


def test_the_command_that_is_shown_learns(calls, tmp_path, monkeypatch):
    url, make = calls
    ids = make(30, consult=True)
    said("feedback", ids[0], 1, "--ledger", url)
    said("feedback", ids[0], 0, "--ledger", url)
    shown = said("feedback", ids[1], 1, "--ledger", url)
    assert "30 calls of this ledger consulted, 2 of them with feedback." in shown
    command = shlex.split(shown.split("`")[1])
    monkeypatch.chdir(tmp_path)
    assert "fitted on 30 queries" in said(*command[1:])
    assert (tmp_path / "consult.json").exists()


def test_no_url_is_repeated_that_may_hold_a_password(calls, monkeypatch):
    from leeroo.cli.feedback import _shown

    assert _shown("postgresql+psycopg://me:secret@host/db") == "$LEEROO_LEDGER"
    url, make = calls
    (call,) = make(1, consult=True)
    monkeypatch.setenv("LEEROO_LEDGER", url)
    assert "`leeroo consult-fit --out consult.json`" in said("feedback", call, 1)
