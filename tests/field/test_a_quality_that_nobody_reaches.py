"""`min_quality` above what any expert is known to reach says so, and so does `explain` where nothing is known."""

from typer.testing import CliRunner

from leeroo import Budget, Query
from leeroo.cli import app


def test_the_rule_says_that_none_reaches_it_and_what_the_best_has(make_router):
    call = make_router().open(Query(text="hi"), Budget(min_quality=0.99))
    assert call.decision.selection.rule == "cheapest with quality of at least 0.99: none, so the best, of 0.9"
    assert call.record["adequate"] is False


def test_explain_says_when_nothing_tells_the_experts_apart(tmp_path):
    file = tmp_path / "pool.yaml"
    price = "price: {input: 1, output: 1}"
    file.write_text(f"experts:\n  a: {{model: 'openai:x1', {price}}}\n  b: {{model: 'openai:x2', {price}}}\n")
    said = " ".join(CliRunner().invoke(app, ["explain", "Why?", "--pool", str(file)]).output.split())
    assert "All qualities are equal" in said
    assert "leeroo experts add" in said
