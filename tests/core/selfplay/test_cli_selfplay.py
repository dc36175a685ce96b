import json
import sys

import pytest

from leeroo import cli


def call(monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["leeroo", "selfplay", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


@pytest.fixture
def files(server, tmp_path):
    pool = {
        "experts": {
            name: {"model": f"openai:{name}", "base_url": server.url, "price": {"input": price, "output": price}}
            for name, price in (("dull", 1.0), ("clever", 10.0))
        }
    }
    (tmp_path / "pool.yaml").write_text(json.dumps(pool))
    (tmp_path / "domains.yaml").write_text("domains:\n  sums: {family: arithmetic}\n  words: {family: strings}\n")
    return tmp_path


def test_the_command_runs_and_reports(files, artifact, monkeypatch, capsys):
    out = files / "play"
    given = ["--pool", files / "pool.yaml", "--domains", files / "domains.yaml", "--out", out, "--artifact", artifact]
    small = ["--rounds", 1, "--queries", 6, "--held-out", 6, "--max-tokens", 16, "--max-cost", 1]
    assert call(monkeypatch, *given, *small) == 0
    shown = capsys.readouterr().out
    assert "# Self-play" in shown
    assert "always clever" in (out / "REPORT.md").read_text()
    data = json.loads((out / "REPORT.json").read_text())
    assert data["command"].startswith("leeroo selfplay --pool")
    assert [row["key"] for row in data["rounds"]] == ["0", "1"]
    assert data["stopped"] == "rounds"


def test_what_is_wrong_is_one_line_without_a_traceback(files, monkeypatch, capsys):
    (files / "domains.yaml").write_text("domains:\n  sums: {famly: arithmetic}\n")
    given = ["--pool", files / "pool.yaml", "--domains", files / "domains.yaml", "--out", files / "play"]
    assert call(monkeypatch, *given) == 1
    error = capsys.readouterr().err
    assert "domains.yaml:2: domains.sums.famly: unknown key. Did you mean 'family'?" in error.replace("\n", " ")
    assert "Traceback" not in error
    assert not (files / "play").exists()
