"""The report of an evaluation: figures, files, and the Markdown made of them."""

import json

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation import evaluate, results
from leeroo.evaluation.robustness import flip_rates
from leeroo.outcomes.table import OutcomeTable


@pytest.fixture
def report(folder, predictor):
    return evaluate(folder, predictor, reference="both")


def test_figures_carry_intervals_and_what_chance_alone_gives(report):
    ours = next(line for line in report.lines if line.method == "leeroo")
    for name in ("auc", "apgr", "cost_95"):
        low, high = report.intervals[name]
        assert low <= getattr(ours, name) <= high
    assert 0 < report.chance_ece < 0.3
    json.dumps(report.to_dict(), allow_nan=False)


def test_regret_by_domain_counts_every_query_once(report):
    assert sum(row["queries"] for row in report.regret.values()) == report.queries
    assert all(row["leeroo"] >= 0 and row["reference"] >= 0 for row in report.regret.values())


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_frontier_calibration_and_regret_are_drawn(report, tmp_path, suffix):
    written = report.plot(tmp_path / f"plot.{suffix}")
    assert [path.name for path in written] == [f"plot{part}.{suffix}" for part in ("", "-calibration", "-regret")]
    assert all(path.stat().st_size > 5000 for path in written)
    again = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in report.plot(tmp_path / f"plot.{suffix}")] == again
    with pytest.raises(ConfigError, match=r"\.png or \.svg"):
        report.plot(tmp_path / "plot.gif")


def test_the_results_name_every_study_and_link_plots_that_exist(folder, predictor, tmp_path):
    results.write_results([folder], predictor, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    for heading in ("# Results", "## made", "## New experts", "## Robustness", "## Universe and gaps"):
        assert f"\n{heading}" in f"\n{text}"
    assert text.rstrip().splitlines()[-1].startswith("- Nothing here was tuned")
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert len(links) == 5
    assert all((tmp_path / link).exists() for link in links)


def test_flips_are_counted(folder, predictor):
    rates = flip_rates(OutcomeTable.read(folder), predictor)
    assert rates["trailing whitespace"]["flips"] > 0  # these vectors are made from the exact text
    assert all(0 <= rate["flips"] <= 1 and rate["regret"] >= 0 for rate in rates.values())


def test_won_and_order_stand_in_the_report(report):
    lines = {line.method: line for line in report.lines}
    assert lines["oracle"].order == 1
    assert 0.5 < lines["leeroo"].order <= 1
    assert lines["oracle"].won > lines["leeroo"].won
    assert np.isnan(lines["random mixing"].won)


def test_leaderboards_figures_stand_in_the_report(report):
    """As `leeroo.evaluation.boards` says; what it says is tested there."""
    arena, mean = report.boards["routerarena"], report.boards["routereval"]
    assert 0 < arena["score"] < 1
    assert 0 <= arena["robustness"] <= 1
    assert arena["optimal_accuracy"] >= arena["accuracy"]
    assert mean["over_reference"] == pytest.approx(mean["accuracy"] / report.experts["both"]["accuracy"])
    assert f"score {arena['score']:.3f}" in report.on_boards()
    assert report.to_dict()["boards"] == report.boards
