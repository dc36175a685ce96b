import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

import leeroo
from leeroo.errors import ConfigError
from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger
from leeroo.outcomes.labelling import label
from leeroo.outcomes.table import OutcomeTable
from tests.core.outcomes.ray_program import MAX_TOKENS, pool_at, problems
from tests.openai_server import OpenAIServer

pytest.importorskip("ray.data", reason="Ray is not installed: pip install 'leeroo[ray]'")
ROOT = Path(__file__).parents[3]


class Scripted:
    """`clever` knows every answer, `dull` every third; the first answer waits for a second request to be there."""

    def __init__(self):
        self.known = {problem.question: (number, problem.answer) for number, problem in enumerate(problems())}
        self.together = threading.Barrier(2)
        self.waiting = threading.Semaphore(2)

    def __call__(self, body):
        if self.waiting.acquire(blocking=False):
            self.together.wait(60)
        number, right = self.known[body["messages"][-1]["content"]]
        return right if body["model"] == "clever" or number % 3 == 0 else "no idea"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(local table, ledger, folder of the tables that two processes made, the requests of the latter).

    The ledger is SQLite, or at the URL in LEEROO_TEST_RAY_LEDGER: a PostgreSQL database with nothing in it.
    """
    folder = tmp_path_factory.mktemp("ray")
    ledger = os.environ.get("LEEROO_TEST_RAY_LEDGER", f"sqlite:///{folder}/ledger.db")
    opened = open_ledger(ledger)
    with OpenAIServer(("clever", "dull"), answer=(script := Scripted())) as server:
        opened.set_limit(Limit.of("local", "total", "usd", 1))
        local = label(pool_at(server.url), problems(), ledger=opened, scope="local", max_tokens=MAX_TOKENS, name="free")
        cost = opened.limits("local")[0]["used"]
        opened.set_limit(Limit.of("capped", "total", "usd", 0.6 * cost / 1e9))
        script.waiting.release(2)
        server.requests.clear()
        environment = {
            **os.environ,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": uuid.uuid4().hex,
            "RAY_worker_niceness": "0",
        }
        program = [sys.executable, "-m", "tests.core.outcomes.ray_program", server.url, ledger, str(folder)]
        done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stderr[-3000:]
    yield local, opened, folder, server.requests
    opened.close()


def test_two_processes_find_what_one_finds(runs):
    local, _, folder, _ = runs
    spread = OutcomeTable.read(folder / "free")
    assert spread.digest() == local.digest()
    assert spread.query_ids == local.query_ids
    assert spread.domains == local.domains
    for name in ("scores", "prices", "prompt_tokens", "completion_tokens"):
        np.testing.assert_array_equal(getattr(spread, name), getattr(local, name))
    assert 0 < local.scores[:, 0].mean() < local.scores[:, 1].mean() == 1


def test_two_processes_together_never_pass_the_cap(runs):
    local, ledger, folder, requests = runs
    capped = OutcomeTable.read(folder / "capped")
    known = ~np.isnan(capped.scores)
    assert 0 < known.sum() < known.size
    np.testing.assert_array_equal(capped.scores[known], local.scores[known])
    assert len(requests) == local.scores.size + known.sum()  # what is refused is not asked
    limit = ledger.limits("capped")[0]
    assert limit["used"] == round(np.nansum(capped.costs) * 1e9) <= limit["limit"].amount
    assert limit["reserved"] == 0


def test_an_ambient_budget_is_refused(make_expert):
    from leeroo.outcomes.ray_labelling import label as label_on_ray

    with leeroo.budget(max_total_cost=1), pytest.raises(ConfigError, match="scope of the ledger"):
        label_on_ray(leeroo.Pool({"x": make_expert(model="openai:x", base_url="http://127.0.0.1:1")}), problems())
