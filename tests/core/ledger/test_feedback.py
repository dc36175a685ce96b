"""Feedback from this and other processes, and what may be learned from it: no text unless its owner asked for it."""

import csv
import sqlite3

import pytest
import typer
from typer.testing import CliRunner

import leeroo
from leeroo import ConfigError, LeerooError, Query, Usage
from leeroo.cli.feedback import feedback, feedback_export
from leeroo.ledger.opening import open_ledger
from leeroo.outcomes.feedback import to_table
from leeroo.outcomes.table import OutcomeTable

SECRET = "the mole is in Vienna"
app = typer.Typer()
app.command()(feedback)
app.command()(feedback_export)


def called(url, make_router, expert="small", text=SECRET):
    ledger = open_ledger(url)
    with make_router(ledger=ledger).open(Query(text=text, prompt=text), leeroo.Budget(expert=expert)) as call:
        next(call.attempts()).succeeded(Usage(10, 20))
    ledger.close()
    return call.id


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/l.db"


@pytest.fixture
def run(url):
    def run(*args):
        env = {"LEEROO_LEDGER": url, "COLUMNS": "200"}
        return CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False, env=env).stdout

    return run


def test_another_process_may_score_a_call(url, run, make_router, monkeypatch):
    first, second, third = (called(url, make_router) for _ in range(3))
    monkeypatch.setattr(leeroo.ledger.feedback, "_ledgers", {})
    with pytest.raises(LeerooError, match="or the URL of the ledger"):
        leeroo.feedback(first, 1)
    leeroo.feedback(first, 1, "right", ledger=url)
    run("feedback", second, "0.5", "--note", "so so")
    monkeypatch.setenv("LEEROO_LEDGER", url)
    leeroo.feedback(third, 0)
    assert {row["call_id"]: row["score"] for row in open_ledger(url).outcomes()} == {first: 1, second: 0.5, third: 0}
    with pytest.raises(LeerooError, match="'nobody'"):
        leeroo.feedback("nobody", 1)


def test_without_being_asked_no_text_is_kept_and_the_export_says_what_to_do(url, run, make_router, tmp_path):
    call_id = called(url, make_router)
    run("feedback", call_id, "1")
    with pytest.raises(ConfigError, match=r"\?keep=query.*leeroo import plain"):
        run("feedback-export", "--out", tmp_path / "table")
    assert "1 scored calls" in run("feedback-export", "--out", tmp_path / "scores.csv")
    [row] = csv.DictReader((tmp_path / "scores.csv").open())
    assert row == {
        "call_id": call_id, "expert": "small", "score": "1.0", "prompt_tokens": "10", "completion_tokens": "20"
    }  # fmt: skip
    with sqlite3.connect(tmp_path / "l.db") as connection:
        assert SECRET not in "\n".join(connection.iterdump())


def test_kept_queries_become_an_outcome_table(url, run, make_router, tmp_path):
    for expert, score in (("small", 0), ("small", 1), ("large", 1)):
        run("feedback", called(url + "?keep=query", make_router, expert), score)
    run("feedback", called(url, make_router, "large", "another"), 0.25)
    pool = tmp_path / "pool.yaml"
    pool.write_text(
        "experts: {small: {model: a, price: {input: 1, output: 2}}, large: {model: b, price: {input: 5, output: 9}}}"
    )
    shown = run("feedback-export", "--pool", pool, "--out", tmp_path / "table")
    assert "3 scored calls: 1 query, 2 experts" in shown
    assert "1 scored call left out, since the query was not kept" in shown
    table = OutcomeTable.read(tmp_path / "table")
    assert (table.queries, table.experts) == ((SECRET,), ("large", "small"))
    assert table.scores.tolist() == [[1, 0.5]]
    assert table.prices.tolist() == [[5, 9], [1, 2]]
    assert table.completion_tokens.tolist() == [[20, 20]]


def test_no_feedback_yet_is_said():
    with pytest.raises(ConfigError, match="no feedback yet"):
        to_table([], "x", {})
