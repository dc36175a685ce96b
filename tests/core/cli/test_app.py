"""The command line as its user meets it: one line on stderr, a non-zero exit, never a traceback."""

import json
import os
import subprocess
import sys

import pytest

POOL = """
experts:
  small: {model: openai:gpt-4o-mini}
  large: {model: openai:gpt-4o}
budget: {max_cost: 0.05}
"""


def leeroo(*args, cwd, env=None, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "leeroo", *args],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", "LEEROO_OFFLINE": "1", "OPENAI_API_KEY": "", **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **kwargs,
    )


@pytest.fixture
def pool(tmp_path):
    (tmp_path / "leeroo.yaml").write_text(POOL)
    return tmp_path


def assert_one_line_error(result, *words):
    assert result.returncode != 0
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def test_pool_check_shows_experts_prices_and_the_reference(pool):
    result = leeroo("pool", "check", "leeroo.yaml", cwd=pool)
    assert result.returncode == 0, result.stderr
    assert "reference large" in result.stdout
    assert "0.15" in result.stdout
    assert "2.5" in result.stdout


@pytest.mark.parametrize("command", [("pool", "check"), ("doctor", "--offline", "--json")])
def test_who_looks_after_a_pool_file_finds_it_as_other_commands_do(pool, command):
    assert "small" in leeroo(*command, cwd=pool).stdout
    (pool / "leeroo.yaml").rename(pool / "mine.yaml")
    assert_one_line_error(leeroo(*command, cwd=pool), "leeroo.yaml or pool.yaml", "leeroo init")
    assert "small" in leeroo(*command, cwd=pool, env={"LEEROO_POOL": "mine.yaml"}).stdout


def test_pool_check_names_line_and_key(tmp_path):
    (tmp_path / "bad.yaml").write_text("experts:\n  small: {model: openai:gpt-4o-mini, prise: {input: 1, output: 2}}\n")
    assert_one_line_error(
        leeroo("pool", "check", "bad.yaml", cwd=tmp_path), "bad.yaml", "experts.small.prise", "'price'"
    )
    (tmp_path / "torn.yaml").write_text("experts:\n  small: {model: [\n")
    assert_one_line_error(leeroo("pool", "check", "torn.yaml", cwd=tmp_path), "torn.yaml:3")
    assert_one_line_error(leeroo("pool", "check", "none.yaml", cwd=tmp_path), "none.yaml", "No such file")


def test_explain_shows_every_candidate_and_makes_no_call(pool):
    result = leeroo("explain", "What is 2 + 2?", "--json", "--min-quality", "0.1", cwd=pool)
    assert result.returncode == 0, result.stderr
    decision = json.loads(result.stdout)
    assert decision["expert"] == "small"
    assert decision["fallbacks"] == ["large"]
    assert [c["expert"] for c in decision["candidates"]] == ["small", "large"]
    assert decision["budget"] == {"max_cost": 0.05, "min_quality": 0.1}
    assert decision["loading"] > 0
    assert decision["router_latency"] > 0


def test_explain_reads_the_question_from_standard_input(pool):
    result = leeroo("explain", "-", cwd=pool, input="What is 2 + 2?")
    assert result.returncode == 0, result.stderr
    assert "chosen" in result.stdout


def test_ask_without_a_key_names_the_variable_and_no_money_is_spent(pool):
    result = leeroo("ask", "What is 2 + 2?", cwd=pool)
    assert_one_line_error(result, "OPENAI_API_KEY", "not set")


def test_ask_under_a_cap_that_nothing_fits_names_the_cheapest(pool):
    result = leeroo("ask", "What is 2 + 2?", "--max-cost", "0.0000001", cwd=pool)
    assert_one_line_error(result, "'small'", "0.0000001")


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--max-cost", "-1"), "max_cost is -1"),
        (("--max-cost", "nan"), "max_cost is nan"),
        (("--min-quality", "7"), "between 0 and 1"),
        (("--expert", "larg"), "'large'"),
        (("--tolerance", "0.1", "--min-quality", "0.5"), "different rules"),
    ],
)
def test_bad_budgets_are_refused(pool, args, word):
    assert_one_line_error(leeroo("explain", "What?", *args, cwd=pool), word)


def test_help_of_every_command_has_an_example(tmp_path):
    for command in (["ask"], ["explain"], ["demo"], ["predict"], ["eval"], ["train"], ["pool", "check"]):
        result = leeroo(*command, "--help", cwd=tmp_path)
        assert result.returncode == 0
        assert "Example" in result.stdout, command
