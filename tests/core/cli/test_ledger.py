"""`leeroo scopes` and `leeroo spend` against a real ledger file."""

import json

import pytest
import typer
from typer.testing import CliRunner

from leeroo.cli.feedback import feedback, feedback_export
from leeroo.cli.ledger import scopes_app, spend
from leeroo.errors import ConfigError
from leeroo.ledger.opening import open_ledger

app = typer.Typer()
app.add_typer(scopes_app, name="scopes")
app.command()(spend)
app.command()(feedback)
app.command()(feedback_export)


@pytest.fixture
def file(tmp_path):
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def run(file):
    def run(*args):
        env = {"COLUMNS": "220", "LEEROO_LEDGER": file}
        return CliRunner().invoke(app, list(args), catch_exceptions=False, env=env).stdout

    return run


def test_limits_are_set_shown_and_taken_away(run, file):
    assert "5 USD per day (Europe/Berlin), hard" in run("scopes", "set", "a", "--usd", "5", "--zone", "Europe/Berlin")
    run("scopes", "set", "a/b", "--calls", "9", "--per", "hour", "--soft")
    ledger = open_ledger(file)
    ledger.settle(ledger.reserve("c", "a/b", 2_000_000_000, expert="small"), 1_000_000_000)
    shown = json.loads(run("scopes", "show", "a/b", "--json"))["limits"]
    assert [(row["limit"]["scope"], row["used"], row["left"]) for row in shown] == [
        ("a", 10**9, 4 * 10**9),
        ("a/b", 1, 8),
    ]
    assert len(json.loads(run("scopes", "show", "a", "--json"))["limits"]) == 1
    run("scopes", "set", "a", "--remove", "usd")
    assert "USD" not in run("scopes", "list")


def test_what_dead_processes_held_is_shown_and_released(run, file):
    ledger = open_ledger(file + "?lease=1")
    ledger._clock = lambda: 1_000_000_000.0
    reservation = ledger.reserve("c", "a", 2_000_000_000, expert="small")
    assert "1 abandoned reservations count at their worst case: 2.000000 USD" in run("spend")
    assert "1 of 1 released" in run("scopes", "release", "--abandoned", "a")
    assert json.loads(run("spend", "--json"))["abandoned"] == 0
    assert "0 of 1 released" in run("scopes", "release", str(reservation))


@pytest.mark.parametrize(
    "command",
    [
        "spend", "scopes list", "scopes show a", "scopes release 1", "scopes set a --remove usd", "feedback c 1",
        "feedback-export --out scores.csv",
    ],
)  # fmt: skip
def test_a_misspelt_file_is_refused_and_not_made(run, tmp_path, command):
    with pytest.raises(
        ConfigError, match=r"There is no ledger at .*ledger\.db; check the path\. .*`leeroo scopes set`"
    ):
        run(*command.split())
    assert not list(tmp_path.iterdir())


def test_a_wrong_word_is_named(run):
    with pytest.raises(ConfigError, match=r"'dya'.*'day'"):
        run("scopes", "set", "a", "--usd", "5", "--per", "dya")
    with pytest.raises(ConfigError, match="--usd"):
        run("scopes", "set", "a")
    run("scopes", "set", "a", "--usd", "5")
    with pytest.raises(ConfigError, match=r"'exprt'.*'expert'"):
        run("spend", "--by", "exprt")
