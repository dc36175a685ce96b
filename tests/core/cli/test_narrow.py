"""What is printed at 80 columns: whole names, whole numbers, no line too long."""

import re
import sys

import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from leeroo.cli import app
from leeroo.routing.router import Router

POOL = """
experts:
  a-small-model-with-a-rather-long-name: {model: openai:gpt-5.4-mini}
  gpt-6.1-terra-for-difficult-questions: {model: openai:gpt-6.1-terra}
  chat-prod-sweden: {model: openai:chat-prod, price: {input: 1.2345, output: 9.8765}}
"""
NAMES = re.findall(r"^  ([\w.-]+):", POOL, re.M)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("leeroo.cli.printing.out._width", 80)
    (tmp_path / "pool.yaml").write_text(POOL)

    def run(*words):
        shown = CliRunner(env={"OPENAI_API_KEY": ""}).invoke(app, words).output
        assert max(map(len, shown.splitlines())) <= 80
        assert "…" not in shown
        return shown

    return run


def test_explain_folds_names_and_cuts_no_number_short(run):
    shown = run("explain", "Why is the sky blue?")
    assert len(re.findall(r"\$0\.\d+", shown)) >= 6
    told = " ".join(shown.split())
    assert all(f"{name}: " in told for name in NAMES)
    assert "the request is most like: " in told or "no work that outcomes are known of" in told


def test_explain_shows_how_long_answers_are_expected_to_be(run):
    """A model that thinks first may cost more than one that is dearer by the token."""
    shown = run("explain", "Why is the sky blue?")
    [head] = [line for line in shown.splitlines() if "worst case" in line]
    assert head.split() == ["expert", "quality", "from", "output", "expected", "worst", "case"]
    assert len(re.findall(r"(?:catalogue|relative|price|learned) +\d[\d,]* +\$", shown)) == 3


def test_explain_decides_once_and_says_what_loading_took(run, monkeypatch):
    decided, decide = [], Router.decide
    monkeypatch.setattr(
        Router, "decide", lambda router, query, *rest: decided.append(query) or decide(router, query, *rest)
    )
    told = " ".join(run("explain", "Why is the sky blue?").split())
    assert [query.text for query in decided] == ["Why is the sky blue?"]
    assert re.search(r"decided in [\d.]+ ms .*The predictor was loaded before that, in \d+ ms;", told)


def test_doctor_prints_whole_names_and_each_remedy_below(run):
    shown = run("doctor", "pool.yaml", "--offline")
    assert all(f"quality of {name}: " in " ".join(shown.split()) for name in NAMES)
    assert "      -> export OPENAI_API_KEY=..." in shown.splitlines()


def test_pool_check_says_of_whom_little_is_known_and_what_helps(run):
    told = " ".join(run("pool", "check", "pool.yaml").split())
    assert "Of gpt-6.1-terra-for-difficult-questions nothing was measured yet, of relatives only." in told
    assert "Of chat-prod-sweden too little is known to choose well." in told
    assert told.count("leeroo experts add") == 1


def test_limits_say_when_they_are_reset(run, tmp_path):
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    run("scopes", "set", "acme", "--usd", "5", "--per", "day", "--ledger", ledger)
    assert "00:00:00+00:00" in run("scopes", "show", "acme", "--ledger", ledger)


def test_help_in_chat_fits():
    from leeroo.cli.session import HELP

    assert max(map(len, HELP.splitlines())) <= 80


def test_figures_of_an_evaluation_are_fewer_where_there_is_no_room(monkeypatch, capsys):
    from leeroo.cli.evaluating import MAIN, _print_figures
    from leeroo.evaluation.figures import _HEADS

    def print_at(width, terminal):
        table = Table("method", *_HEADS.values())
        table.add_row("a method of some length", *["0.123"] * len(_HEADS))
        monkeypatch.setattr("leeroo.cli.evaluating.out", Console(width=width, force_terminal=terminal, file=sys.stdout))
        _print_figures(table)
        return capsys.readouterr().out

    assert set(MAIN) - {"method"} <= set(_HEADS.values())
    assert len(print_at(80, True).splitlines()[0]) <= 80
    assert "CPT80" not in print_at(80, True)
    assert print_at(80, False).count("0.123") == len(_HEADS)
