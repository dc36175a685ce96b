"""The demo as people run it: two real models, a budget that nothing fits, a failover, both frameworks."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.local


def test_demo_prints_the_records_of_real_calls(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "leeroo", "demo", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    records = json.loads(result.stdout)
    answered = [r for r in records if "error" not in r]
    assert len(answered) >= 13
    assert all(r["cost"] > 0 and r["output_tokens"] > 0 and not r["cost_is_estimate"] for r in answered)
    assert all(r["saved"] == pytest.approx(r["reference_cost"] - r["cost"]) for r in answered)
    capped = [r for r in answered if "max_cost" in r["budget"]]
    assert capped
    assert all(r["cost"] <= r["budget"]["max_cost"] for r in capped)

    (refused,) = [r for r in records if "error" in r]
    assert refused["attempts"] == []
    assert "No expert fits the budget" in refused["error"]

    (consulted,) = [r for r in answered if "consult" in r]
    assert [ask["cluster"] for ask in consulted["consult"]["asks"]] == [None, 0]  # the check failed, and passed
    once = answered[answered.index(consulted) - 1]
    assert (once["expert"], consulted["expert"]) == ("smollm2-135m", "gemma3-270m")

    (failover,) = [r for r in answered if len(r["attempts"]) == 2 and "consult" not in r]
    assert failover["attempts"][0]["error"] == "connection"
    assert failover["expert"] == failover["attempts"][1]["expert"] != failover["attempts"][0]["expert"]


def test_ask_on_the_local_experts(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "leeroo", "ask", "What is the capital of France?", "--max-tokens", "16", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert "Paris" in answer["answer"]
    assert 0 < answer["output_tokens"] <= 16
