import sys

import numpy as np
import pytest

import leeroo
from leeroo.errors import ConfigError, MissingDependency
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger
from leeroo.outcomes import ray_labelling
from leeroo.outcomes.families import Problem
from leeroo.outcomes.labelling import label
from tests.core.outcomes.ray_program import pool_at
from tests.openai_server import OpenAIServer

PROBLEMS = [Problem(f"What is {a} + 1?", str(a + 1), "numeric", "arithmetic", 1) for a in range(2, 8)]


@pytest.fixture
def server():
    def answer(body):
        first = int(body["messages"][-1]["content"].split()[2])
        return str(first + 1) if body["model"] == "clever" else "0"

    with OpenAIServer(("clever", "dull"), answer=answer) as running:
        yield running


def test_answers_are_scored_and_usage_is_kept(server):
    table = label(pool_at(server.url), PROBLEMS, max_tokens=8)
    assert table.experts == ("dull", "clever")
    assert table.scores.tolist() == [[0, 1]] * len(PROBLEMS)
    assert table.domains == ("arithmetic",) * len(PROBLEMS)
    assert (table.prompt_tokens > 0).all()
    assert (table.completion_tokens > 0).all()
    assert {request["body"]["max_tokens"] for request in server.requests} == {8}
    assert table.answers.tolist() == [["#0", "#1"]] * len(PROBLEMS)  # which are the same, and no text


def test_a_failure_leaves_the_outcome_unknown(server):
    server.behave("dull", [{"status": 400}])
    seen = []
    table = label(pool_at(server.url), PROBLEMS, workers=1, on_progress=lambda done, of: seen.append((done, of)))
    assert np.isnan(table.scores).sum() == np.isnan(table.scores[0, 0]) == 1
    assert seen[-1] == (12, 12)


def test_an_expert_that_cannot_be_asked_is_an_error_before_any_call(server):
    broken = leeroo.Expert(model="nowhere:x", name="x", price=leeroo.Price(input=1, output=1))
    with pytest.raises(ConfigError, match="no known endpoint"):
        label(leeroo.Pool({**{e.name: e for e in pool_at(server.url)}, "x": broken}), PROBLEMS)
    assert not server.requests


def test_limits_hold_a_refused_answer_is_not_asked(server, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.set_limit(Limit.of("lab", "total", "calls", 5))
    table = label(pool_at(server.url), PROBLEMS, ledger=ledger, scope="lab", workers=4)
    ledger.close()
    assert (~np.isnan(table.scores)).sum() == len(server.requests) == 5


def test_an_ambient_budget_holds(server):
    with leeroo.budget(max_total_cost=0.0001) as spent:
        table = label(pool_at(server.url), PROBLEMS, max_tokens=8, workers=4)
    assert 0 < (~np.isnan(table.scores)).sum() == len(server.requests) < 12
    assert spent.cost <= 0.0001


def test_labelling_on_ray_without_ray(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r"leeroo\[ray\]"):
        ray_labelling.label(pool_at(server.url), PROBLEMS)
