"""What clients write reaches operators' terminals and logs as text and nothing else; and files that unfold."""

import csv
import json
import logging
import struct

import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file
from typer.testing import CliRunner

from leeroo import ConfigError
from leeroo.cli import app
from leeroo.ledger import schema
from leeroo.ledger.opening import open_ledger
from leeroo.outcomes.feedback import to_csv
from leeroo.pool.file import read_pool
from leeroo.routing.logs import event
from leeroo.serve.keys import KeyFile

EVIL = "a\n2026 INFO forged \x1b[2J\x1b]0;owned\x07[/x][red]\u202e"


def old_rows(url):
    """A ledger from before names were checked."""
    ledger = open_ledger(url)
    held = ledger.reserve("1", "a", 5, expert="e", model="m")
    ledger.settle(held, 5)
    ledger.reserve("2", "a", 5, expert="e")
    with ledger._database.write() as connection:
        for table in (schema.daily, schema.reservations):
            connection.execute(table.update().values(scope=EVIL, expert=EVIL))
    ledger.close()


@pytest.mark.parametrize("command", [["spend", "--by", "scope"], ["spend", "--by", "expert"], ["scopes", "list"]])
def test_the_ledgers_commands_print_text_only(tmp_path, command):
    url = f"sqlite:///{tmp_path}/l.db"
    old_rows(url)
    done = CliRunner().invoke(app, [*command, "--ledger", url])
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    assert "\x07" not in done.output
    assert "\u202e" not in done.output
    assert not any(line.startswith("2026 INFO") for line in done.output.splitlines())


def test_keys_print_text_only(tmp_path):
    path = tmp_path / "keys.json"
    KeyFile(path).add("a", name=EVIL)
    done = CliRunner().invoke(app, ["keys", "list", "--keys", str(path)])
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert "\x07" not in done.output


def test_no_name_forges_a_line_of_the_log(caplog):
    with caplog.at_level(logging.INFO, logger="leeroo"):
        event(logging.INFO, "call", scope=EVIL)
    assert caplog.records[0].getMessage().isprintable()


def test_aliases_that_unfold_to_a_billion_are_refused(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    path = tmp_path / "pool.yaml"
    path.write_text("\n".join([*lines, "experts: {e: {model: 'openai:m', price: {input: 1, output: 1}}}",
                               "budget: {scope: *i}"]))  # fmt: skip
    with pytest.raises(ConfigError, match="unfold"):
        read_pool(path)


POOL = "experts: {e: {model: m, base_url: 'http://127.0.0.1:9/v1', price: {input: 1, output: 2}}}"
FORMULAS = ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1")


@pytest.mark.parametrize("name", FORMULAS[:4])
def test_no_model_of_a_log_is_a_formula_among_decisions(tmp_path, monkeypatch, name):
    """Whoever writes to the log names its models."""
    monkeypatch.chdir(tmp_path)
    logged = {"request": {"model": name, "messages": [{"role": "user", "content": "What is the capital of France?"}]},
              "response": {"model": name, "choices": [{"message": {"content": "Paris"}}],
                           "usage": {"prompt_tokens": 9, "completion_tokens": 1}}}  # fmt: skip
    (tmp_path / "log.jsonl").write_text(json.dumps(logged))
    (tmp_path / "pool.yaml").write_text(POOL)
    asked = ["whatif", "log.jsonl", "--pool", "pool.yaml", "--format", "openai-log", "--calls", "out.csv"]
    assert CliRunner().invoke(app, asked, catch_exceptions=False).exit_code == 0
    with (tmp_path / "out.csv").open(newline="") as opened:
        [row] = csv.DictReader(opened)
    assert row["model"] == f"'{name}"


@pytest.mark.parametrize("name", FORMULAS)
def test_no_name_is_a_formula_in_an_export(tmp_path, name):
    file = tmp_path / "out.csv"
    to_csv([{"call_id": "1", "expert": name, "score": 1.0, "prompt_tokens": 1, "completion_tokens": 1}], file)
    with file.open(newline="") as opened:
        [row] = csv.DictReader(opened)
    assert row["expert"] == f"'{name}"


def test_an_encoder_with_a_huge_header_is_refused_without_taking_the_memory(tmp_path):
    """The length of a safetensors header is the file's own word: here, an exabyte."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(SafetensorError, match="header"):
        load_file(path)
    path.write_bytes(
        struct.pack("<Q", 90)
        + b'{"a": {"dtype": "F32", "shape": [4000000000, 4000000000], "data_offsets": [0, 4]}}'.ljust(90)
    )
    with pytest.raises(SafetensorError):
        load_file(path)
