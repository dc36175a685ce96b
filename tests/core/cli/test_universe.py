"""`leeroo universe` and `leeroo gaps` on a small table made here."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from leeroo.cli import app
from leeroo.errors import ConfigError
from tests.core.tables import table_of


@pytest.fixture
def folder(tmp_path):
    """Three experts: `all` is right on even queries, `odd` on odd ones, `same` on half of what `all` can."""
    count = 120
    place = np.arange(count)
    scores = np.stack([place % 2 == 0, place % 2 == 1, place % 4 == 0], axis=1).astype(np.float32)
    domains = ["even" if i % 2 == 0 else "odd" for i in place]
    queries = [f"Question number {i} about something" for i in place]
    table_of("t", queries, domains, ("all", "odd", "same"), np.ones((3, 2)), scores, 10).write(tmp_path / "t")
    return str(tmp_path / "t")


def run(*args):
    return CliRunner().invoke(app, list(args), catch_exceptions=False, env={"COLUMNS": "160"})


def test_universe_takes_complements_and_they_hold_on_held_out_queries(folder):
    found = json.loads(run("universe", folder, "-k", "2", "--json").stdout)
    assert sorted(found["experts"]) == ["all", "odd"]
    assert found["coverage"][1] == pytest.approx(1.0)
    assert found["held_out"][1] == pytest.approx(1.0)
    assert found["bound"] == pytest.approx(1.0)


def test_universe_prints_what_it_reaches(folder):
    result = run("universe", folder, "-k", "1", "--include", "same")
    assert "same" in result.stdout
    assert "greedy guarantees 63.2%" in result.stdout


def test_universe_draws_the_gain_by_k(folder, tmp_path):
    result = run("universe", folder, "-k", "2", "--plot", str(tmp_path / "gain.png"))
    assert "gain.png" in result.stdout
    assert (tmp_path / "gain.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match=r"\.png or \.svg"):
        run("universe", folder, "-k", "2", "--plot", str(tmp_path / "gain.gif"))


def test_gaps_shows_the_worst_served_domain_first_and_who_would_help(folder):
    lines = [
        line for line in run("gaps", folder, "--pool", "all").stdout.splitlines() if "even" in line or "odd" in line
    ]
    assert lines[0].split("│")[1].strip() == "odd"
    assert lines[0].split("│")[6].strip() == "odd"
    assert float(lines[0].split("│")[3]) == 0.0
    assert float(lines[1].split("│")[3]) == 1.0


def test_an_unknown_expert_is_named(folder):
    with pytest.raises(ConfigError, match=r"Unknown expert 'al'.*'all'"):
        run("gaps", folder, "--pool", "al")
