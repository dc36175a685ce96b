"""`leeroo doctor` against a loopback server, with faults in every place."""

import contextlib
import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from leeroo import LeerooError
from leeroo.cli import app
from leeroo.consult.model import ConsultModel
from leeroo.prediction.artifact import SHIPPED
from tests.openai_server import OpenAIServer

KEY = "the-canary-key-3141592653"


@pytest.fixture
def server():
    with OpenAIServer(models=("small-model", "large-model")) as running:
        yield running


@pytest.fixture
def examine(tmp_path, monkeypatch):
    """Write a pool file and examine it: level by check, and everything that was printed."""
    monkeypatch.setenv("DOCTOR_KEY", KEY)

    def run(text, *options):
        (tmp_path / "pool.yaml").write_text(text)
        done = CliRunner().invoke(app, ["doctor", str(tmp_path / "pool.yaml"), "--json", *options])
        assert KEY not in done.output
        found = json.loads(done.output)
        levels = {}
        for finding in found:
            levels.setdefault(finding["subject"], []).append(finding["level"])
            assert finding["level"] == "ok" or finding["remedy"], f"no remedy: {finding}"
        assert done.exit_code == int(any(f["level"] == "fail" for f in found))
        return levels, done.output

    return run


def pool(server, extra="", small="small-model"):
    one = f"base_url: {server.url}, api_key_env: DOCTOR_KEY, price: {{input: 1, output: 2}}, traits: gpt-4o"
    return f"experts:\n  small: {{model: {small}, {one}}}\n  large: {{model: large-model, {one}}}\n{extra}"


def test_all_is_well(examine, server, tmp_path):
    levels, output = examine(pool(server, f"ledger: sqlite:///{tmp_path}/ledger.db\n"), "--call")
    assert {level for found in levels.values() for level in found} == {"ok"}, output
    assert set(levels) == {
        "pool", "key of small", "key of large", "prices", "endpoint of small", "endpoint of large", "call of small",
        "call of large", "quality of small", "quality of large", "ledger", "clock", "consult", "predictor",
    }  # fmt: skip


def test_what_is_known_of_each_expert_and_what_would_help(examine, server):
    text = pool(server).replace(", traits: gpt-4o}", "}", 1)
    levels, output = examine(text, "--offline")
    assert levels["quality of small"] == ["warn"]
    assert levels["quality of large"] == ["ok"]
    assert "from its price among the models of its time" in output
    assert "outcomes of gpt-4o" in output
    assert "leeroo experts add" in output


def test_a_key_that_is_not_set(examine, server, monkeypatch):
    monkeypatch.delenv("DOCTOR_KEY")
    levels, output = examine(pool(server))
    assert levels["key of small"] == ["fail"]
    assert "export DOCTOR_KEY=" in output


def test_endpoints_that_refuse_know_no_such_model_or_are_not_there(examine, server):
    assert examine(pool(server, small="other"))[0]["endpoint of small"] == ["warn"]
    server.behave("small-model", {"status": 401, "message": f"bad key {KEY}"})
    levels, output = examine(pool(server), "--call")
    assert levels["call of small"] == ["fail"]
    assert "auth (HTTP 401)" in output
    gone = pool(server).replace(server.url, "http://127.0.0.1:9/v1", 1)
    assert examine(gone)[0]["endpoint of small"] == ["fail"]


def test_without_a_call_nothing_is_asked_that_costs(examine, server):
    examine(pool(server))
    assert server.requests == []
    levels, _ = examine(pool(server), "--offline")
    assert "endpoint of small" not in levels


def test_a_pool_that_cannot_be_read_fails_and_the_rest_is_still_checked(examine):
    levels, output = examine("experts:\n  a: {model: x}\n  a: {model: y}\n")
    assert levels == {"pool": ["fail"], "predictor": ["ok"]}
    assert "twice" in output


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a place that even root cannot write")
def test_a_ledger_that_cannot_be_written(examine, server):
    levels, _ = examine(pool(server, "ledger: sqlite:////proc/ledger.db\n"), "--offline")
    assert levels["ledger"] == ["fail"]


def test_a_ledger_in_memory_and_one_that_others_may_read_are_warned_of(examine, server, tmp_path):
    assert examine(pool(server), "--offline")[0]["ledger"] == ["warn"]
    text = pool(server, f"ledger: sqlite:///{tmp_path}/ledger.db\n")
    assert examine(text, "--offline")[0]["ledger"] == ["ok"]
    (tmp_path / "ledger.db").chmod(0o644)
    assert examine(text, "--offline")[0]["ledger"] == ["ok", "warn"]


def test_prices_that_were_looked_up_say_how_old_they_are(examine, monkeypatch):
    text = "experts:\n  a: {model: 'openai:gpt-4o-mini', api_key_env: DOCTOR_KEY}\n"
    levels, output = examine(text, "--offline")
    assert levels["prices"] == ["ok"]
    assert "genai-prices" in output
    monkeypatch.setattr("leeroo.cli.doctor.OLD_PRICES", -1)
    assert examine(text, "--offline")[0]["prices"] == ["warn"]


def test_a_clock_that_is_wrong(monkeypatch):
    from leeroo.cli.doctor import _clock, _skew

    assert _skew("Tue, 24 Nov 2026 12:00:00 GMT", 1795521600.0 + 90) == 90
    assert _skew("no date", 0.0) is None
    assert _clock([0.4, -90.0]).words == "90 s behind the others'"
    assert _clock([0.4]).level == "ok"


def test_an_expert_that_ignores_its_cap_is_named_until_it_is_asked_again(examine, server, tmp_path):
    """Another process, such as a server, has met it; the ledger tells all of them."""
    from leeroo import Budget, Router
    from leeroo.endpoints.openai_compatible import ask

    text = pool(server, f"ledger: sqlite:///{tmp_path}/ledger.db\n")
    (tmp_path / "pool.yaml").write_text(text)
    server.behave("small-model", {"heeds_cap": False, "text": "word " * 500})
    router = Router.from_pool(tmp_path / "pool.yaml")
    assert ask(router, "Hello?", Budget(max_cost=0.001, expert="small"), max_tokens=20).record["over_cap"]
    router.ledger.close()
    levels, output = examine(text, "--offline")
    [subject] = [subject for subject in levels if subject.startswith("expert ")]
    assert levels[subject] == ["warn"]
    assert "small-model" in subject
    assert "wrote past the output cap" in output
    assert "heed max_tokens" in output


def test_writes_that_could_never_be_booked_are_told_of(examine, server, tmp_path):
    from leeroo.ledger.opening import open_ledger

    text = pool(server, f"ledger: sqlite:///{tmp_path}/ledger.db\n")
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    with contextlib.suppress(LeerooError):
        ledger.write({"call_id": "bad\ud800", "budget": {}, "attempts": [], "cost": 0.0, "expert": "e"})
    ledger.close()
    levels, output = examine(text, "--offline")
    assert levels["ledger"] == ["ok", "warn"]
    assert "1 write could never be booked" in output
    assert "set_aside" in output


def test_which_consult_model_is_in_use(examine, server, tmp_path):
    assert "shipped, fitted on" in examine(pool(server))[1]
    ConsultModel(queries=7).write(tmp_path / "own.json")
    levels, output = examine(pool(server, "consult: {model: own.json, judge: large}\n"))
    assert levels["consult"] == ["ok"]
    assert "own.json, fitted on 7 outcomes; as usual for small, large; judge: large" in output
    (tmp_path / "own.json").write_text('{"slope": NaN}')
    assert examine(pool(server, "consult: {model: own.json}\n"))[0]["consult"] == ["fail"]
    levels, output = examine(pool(server, "consult: {model: none.json}\n"))
    assert levels["consult"] == ["fail"]
    assert "no such file" in output


def test_the_pools_own_predictor_is_looked_at(examine, server, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "manifest.json").write_text("{")
    levels, output = examine(pool(server, "predictor: own\n"), "--offline")
    assert levels["predictor"] == ["fail"]
    assert "Mend predictor in the pool file." in output


def test_a_damaged_predictor_is_found_though_its_manifest_is_whole(examine, server, tmp_path):
    """It had been asked about no expert, for which nothing is loaded."""
    shutil.copytree(SHIPPED, tmp_path / "own")
    with (tmp_path / "own" / "encoder.onnx").open("r+b") as file:
        file.truncate(1000)
    levels, _ = examine(pool(server, "predictor: own\n"), "--offline")
    assert levels["predictor"] == ["fail"]


def test_what_only_a_framework_can_reach_is_no_fault_of_the_pool(examine):
    text = "experts:\n  a: {model: 'bedrock_converse:jp.anthropic.claude-haiku-4-5-20251001-v1:0'}\n"
    levels, output = examine(text, "--offline")
    assert levels["key of a"] == ["warn"]
    assert "LangChain" in output
