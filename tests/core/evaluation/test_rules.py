"""The rules beside each other: ends of each sweep, and what is written."""

import sys
from itertools import pairwise

import numpy as np
import pytest

from leeroo.evaluation import rules
from leeroo.outcomes.table import OutcomeTable


@pytest.fixture
def points(folder, predictor):
    table = OutcomeTable.read(folder)
    return rules.sweep_rules(table, predictor, table.experts)


def test_a_rules_ends_are_the_cheapest_and_the_best_predicted(points):
    by = {(p.rule, p.value): p for p in points}
    cheapest = by["tolerance", 1.0]
    assert cheapest.cost == by["min_quality", 0.0].cost
    assert all(cheapest.cost <= p.cost + 1e-12 for p in points if p.rule in ("tolerance", "min_quality"))
    worth = [by["willingness_to_pay", value] for value in rules.RULES["willingness_to_pay"]]
    assert all(a.cost <= b.cost + 1e-9 for a, b in pairwise(worth))
    assert by["min_quality", 0.0].adequate == 1
    assert by["min_quality", 0.95].adequate <= by["min_quality", 0.5].adequate


def test_a_cap_refuses_and_a_refusal_counts_as_no_answer(points):
    capped = [p for p in points if p.rule == "max_cost"]
    assert all(p.accuracy <= 1 - p.refused + 1e-9 for p in capped)
    assert all(a.refused >= b.refused for a, b in pairwise(capped))


def test_the_command_writes_picture_figures_and_the_table_between_the_marks(folder, predictor, tmp_path, monkeypatch):
    page = tmp_path / "rules.md"
    page.write_text(f"before\n{rules.START}\nold figures\n{rules.END}\nafter\n")
    experts = ",".join(OutcomeTable.read(folder).experts)
    monkeypatch.setattr(sys, "argv", ["rules", str(folder), "--pool", experts, "--page", str(page)])
    monkeypatch.setattr("leeroo.prediction.load", lambda *_: predictor)
    rules.main()
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old figures" not in text
    assert "| `tolerance=0.02` |" in text
    assert (tmp_path / "rules.svg").stat().st_size > 5000
    assert np.isfinite(float(text.split("`tolerance=0.02` | ")[1].split("%")[0]))
