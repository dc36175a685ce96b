"""Options of `leeroo serve`: each reaches the limit that it names; bad values are refused before anything runs."""

import pytest
from typer.testing import CliRunner

from leeroo import ConfigError
from leeroo.cli import app
from leeroo.cli import serve as command
from leeroo.serve import running
from leeroo.serve.app import Settings
from leeroo.serve.reading import Limits

POOL = "experts: {e: {model: m, base_url: 'http://127.0.0.1:9/v1', price: {input: 1, output: 2}}}"


@pytest.fixture
def settings_of(tmp_path, monkeypatch):
    """The settings that the command runs with."""
    (tmp_path / "pool.yaml").write_text(POOL)
    found = []
    monkeypatch.setattr(running, "serve", lambda router, **given: found.append(given["settings"]))

    def run(*options):
        result = CliRunner().invoke(app, ["serve", str(tmp_path / "pool.yaml"), *options], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return found.pop()

    return run


def test_without_options_the_settings_are_their_own_defaults(settings_of):
    assert settings_of() == Settings()


OPTIONS = {
    "--requests-per-minute": ("7", lambda s: s.per_minute, 7),
    "--max-request-mb": ("1.5", lambda s: s.max_bytes, 1_500_000),
    "--max-held-mb": ("300", lambda s: s.held_bytes, 300_000_000),
    "--max-messages": ("11", lambda s: s.limits.messages, 11),
    "--max-tools": ("12", lambda s: s.limits.tools, 12),
    "--max-entries": ("13", lambda s: s.limits.entries, 13),
    "--max-values": ("14", lambda s: s.limits.values, 14),
    "--max-depth": ("15", lambda s: s.limits.depth, 15),
    "--body-seconds": ("16.5", lambda s: s.body_seconds, 16.5),
    "--read-seconds": ("17.5", lambda s: s.read_seconds, 17.5),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_reaches_its_limit_and_no_other(settings_of, option):
    value, of, expected = OPTIONS[option]
    settings = settings_of(option, value)
    assert of(settings) == expected
    unchanged = [name for name, (_, other, _) in OPTIONS.items() if other(settings) == other(Settings())]
    beside = {"--max-held-mb"} if option == "--max-request-mb" else set()  # by default ten of the largest
    assert set(OPTIONS) - set(unchanged) == {option} | beside


def test_every_option_of_a_limit_is_tested_here():
    known = {name for parameter in _parameters() for name in parameter.opts}
    others = {"--host", "--port", "--keys", "pool", "--on-empty", "--consult-model", "--judge", "--repeats"}
    assert known - set(OPTIONS) == others


def _parameters():
    import typer

    made = typer.Typer(add_completion=False)
    made.command()(command.serve)
    return typer.main.get_command(made).params


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--requests-per-minute", "-1", "requests per minute is -1"),
        ("--max-request-mb", "0", "largest request is 0"),
        ("--max-request-mb", "nan", "largest request"),
        ("--max-request-mb", "inf", "largest request"),
        ("--max-held-mb", "1", "hold 1000000 bytes, one of them 20000000"),
        ("--max-held-mb", "nan", "together"),
        ("--max-messages", "0", "messages of a request are 0"),
        ("--max-tools", "-5", "tools of a request are -5"),
        ("--max-entries", "0", "entries of a request are 0"),
        ("--max-values", "0", "values of a request are 0"),
        ("--max-depth", "0", "depth of a request"),
        ("--max-depth", "1000", "depth of a request"),
        ("--body-seconds", "0", "body"),
        ("--body-seconds", "nan", "body"),
        ("--body-seconds", "inf", "body"),
        ("--read-seconds", "-1", "read"),
        ("--read-seconds", "nan", "read"),
    ],
)
def test_bad_values_are_refused(settings_of, option, value, words):
    with pytest.raises(ConfigError, match=words):
        settings_of(option, value)


@pytest.mark.parametrize("name", vars(Limits()))
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "7", None, float("nan")])
def test_limits_are_whole_numbers_from_1(name, value):
    with pytest.raises(ConfigError, match=name):
        Limits(**{name: value})
