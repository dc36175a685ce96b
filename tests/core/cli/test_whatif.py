"""`leeroo import LOG` and `leeroo whatif` as their user meets them; no prompt and no key is printed."""

import csv
import json

import pytest

from leeroo.cli.replaying import share_in_words
from tests.core.cli.test_app import assert_one_line_error, leeroo

KEY, PROMPT = "sk-canary0123456789abcdef", "canary-prompt"
POOL = "experts:\n  small: {model: openai:gpt-4o-mini}\n  large: {model: openai:gpt-4o}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pool.yaml").write_text(POOL)
    calls = [
        {"model": model, "messages": [{"role": "user", "content": f"{PROMPT} {n} with {KEY}"}],
         "usage": {"prompt_tokens": 1000, "completion_tokens": 200}}
        for n, model in enumerate(["gpt-4-turbo", "gpt-4-turbo", "gpt-4o-mini", "own-model"])
    ]  # fmt: skip
    lines = [json.dumps(call) for call in calls]
    (tmp_path / "log.jsonl").write_text("\n".join([*lines, f'{{"messages": "{PROMPT} {KEY}', f'{{"x": "{PROMPT}"}}']))
    return tmp_path


def whatif(folder, *args, columns="100"):
    result = leeroo("whatif", "log.jsonl", *args, cwd=folder, env={"COLUMNS": columns})
    assert result.returncode == 0, result.stderr
    assert KEY not in result.stdout + result.stderr
    assert PROMPT not in result.stdout + result.stderr
    return result


def test_whatif_says_what_was_paid_what_it_would_be_and_what_moves(folder):
    result = whatif(folder, "--expert", "small", "--price", "own-model=1,2")
    text = " ".join(result.stdout.split())
    assert "4 calls read; 2 left out." in text
    assert "3 of 4 calls would go to another model" in text
    assert "2 gpt-4-turbo -> small: $0.032 -> $0.00054" in text
    assert "gpt-4o-mini stays" in text
    assert "% less" in text
    assert "log.jsonl:5" in result.stderr
    assert "log.jsonl:6" in result.stderr


def test_whatif_as_json_and_every_call_as_csv(folder):
    found = json.loads(whatif(folder, "--expert", "small", "--json", "--calls", "calls.csv").stdout)
    assert (found["calls"], found["moved"], found["left_out"]) == (4, 3, 2)
    assert found["paid"] == pytest.approx(0.032 + 0.00027)
    assert found["would"] == pytest.approx(3 * 0.00027)
    assert sum(flow["would_unpriced"] for flow in found["flows"]) == pytest.approx(0.00027)
    text = (folder / "calls.csv").read_text()
    assert KEY not in text
    assert PROMPT not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["line"], row["expert"], row["moved"]) for row in rows] == [
        ("1", "small", "True"), ("2", "small", "True"), ("3", "small", "False"), ("4", "small", "True")]  # fmt: skip


def test_one_call_is_no_calls(folder):
    (folder / "log.jsonl").write_text((folder / "log.jsonl").read_text().splitlines()[0])
    text = " ".join(whatif(folder, "--expert", "small").stdout.split())
    assert "1 call read." in text
    assert "for the 1 call whose cost is known" in text
    assert "1 of 1 call would go" in text
    assert "1 calls" not in text


def test_whatif_on_forty_columns(folder):
    lines = whatif(folder, columns="40").stdout.splitlines()
    assert max(map(len, lines)) <= 40


def test_import_writes_calls_with_costs_and_masked_keys_and_whatif_reads_them(folder):
    result = leeroo("import", "openai-log", "log.jsonl", "--out", "mine", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "4 calls of 3 models" in result.stdout
    assert "1 of unknown cost" in result.stdout
    text = (folder / "mine/calls.jsonl").read_text()
    assert KEY not in text + result.stdout + result.stderr
    assert PROMPT not in result.stdout + result.stderr
    assert [json.loads(line)["cost"] for line in text.splitlines()] == [0.016, 0.016, 0.00027, None]
    again = leeroo("whatif", "mine/calls.jsonl", "--sample", "2", "--json", cwd=folder)
    assert json.loads(again.stdout)["calls"] == 2
    assert json.loads(again.stdout)["read"] == 4


def test_bad_files_and_formats_are_one_line(folder):
    (folder / "empty.jsonl").write_text("")
    assert_one_line_error(leeroo("whatif", "empty.jsonl", cwd=folder), "No call", "--format")
    assert_one_line_error(leeroo("whatif", "none.jsonl", cwd=folder), "none.jsonl", "No such file")
    assert_one_line_error(leeroo("whatif", "log.jsonl", "--format", "otl", cwd=folder), "'otel'")
    assert_one_line_error(leeroo("import", "otel", "empty.jsonl", "--out", "mine", cwd=folder), "No call")
    assert_one_line_error(leeroo("whatif", "log.jsonl", "--price", "a=1", cwd=folder), "EXPERT=IN,OUT")
    assert list((folder / "mine").iterdir()) == []


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (None, ""),
        (0.55, ", 55% less"),
        (0.9979, ", more than 99% less"),
        (1.0, ", 100% less"),
        (-0.2, ", 20% more"),
        (0.001, ", about the same"),
        (0.0, ", about the same"),
    ],
)
def test_only_what_is_free_is_a_hundred_percent_less(saved, words):
    assert share_in_words(saved) == words
