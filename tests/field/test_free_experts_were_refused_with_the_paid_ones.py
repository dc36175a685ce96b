"""Once the money is gone, what costs nothing answers all the same; and a budget of 0 is one.

Met in BerriAI/litellm#29912 and #38515 (free models refused at a used-up budget, 2026-06 and 08), BerriAI/litellm#37736
and garrytan/gbrain#2149 (a budget of 0 taken for none, 2026-08 and 06); NousResearch/hermes-agent#70999 (an answer that
ends with tool calls and holds none, 2026-07).
"""

import pytest

import leeroo
from leeroo import Budget, BudgetExceeded, Expert, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import ledger_of
from leeroo.prediction import ConstantPredictor
from tests.openai_server import OpenAIServer

PREDICTOR = ConstantPredictor({"paid": 0.9, "free": 0.5}, output_tokens=20)


@pytest.fixture
def server():
    with OpenAIServer() as server:
        yield server


def experts(server, *names):
    prices = {"paid": Price(input=1, output=2), "free": Price(input=0, output=0)}
    return {name: Expert(model=name, base_url=server.url, price=prices[name]) for name in names}


def test_a_budget_of_nothing_is_one(server):
    assert ask(Router(experts(server, "paid", "free"), predictor=PREDICTOR), "Hello", Budget(max_cost=0)).record[
        "expert"
    ] == ("free")
    with pytest.raises(BudgetExceeded):
        ask(Router(experts(server, "paid"), predictor=PREDICTOR), "Hello", Budget(max_cost=0))


def test_so_it_is_where_a_block_is_used_up(server):
    router = Router(experts(server, "paid", "free"), predictor=PREDICTOR)
    with leeroo.budget(max_total_cost=0.00012):
        found = [ask(router, "Hello").record["expert"] for _ in range(4)]
    assert found[0] == "paid"
    assert found[-1] == "free"


def test_so_it_is_where_a_scopes_limit_is_used_up(server, tmp_path):
    ledger = ledger_of(f"sqlite:///{tmp_path}/ledger.db")
    ledger.set_limit(Limit("team", "day", "usd", 100))  # nano-dollars: less than any answer
    router = Router(experts(server, "paid", "free"), predictor=PREDICTOR, ledger=ledger)
    assert ask(router, "Hello", Budget(scope="team")).record["expert"] == "free"
    with pytest.raises(BudgetExceeded):
        ask(router, "Hello", Budget(scope="team", expert="paid"))


def test_an_answer_that_ends_with_tool_calls_and_holds_none_is_empty(server):
    server.behave("paid", {"text": "", "finish": "tool_calls"})
    record = ask(Router(experts(server, "paid", "free"), predictor=PREDICTOR), "Hello").record
    assert [a["error"] for a in record["attempts"]] == ["empty", None]
