"""How the demo looks at every width: nothing cut short, nothing wider than the terminal, plain text in a log."""

import io

import pytest
from rich.console import Console

from leeroo import Budget, Expert, Price
from leeroo.cli.demo import QUESTIONS, Line, Question
from leeroo.cli.demo_page import Page

EXPERTS = {
    name: Expert(model=name, name=name, base_url="http://127.0.0.1:9/v1", price=Price(input=price, output=2 * price))
    for name, price in (("smollm2-135m", 0.02), ("gemma3-270m", 0.2))
}
RECORD = {
    "expert": "smollm2-135m",
    "rule": "cheapest with quality of at least 0.6: none, so the best",
    "cost": 0.00000226,
    "input_tokens": 20,
    "output_tokens": 30,
    "candidates": [
        {"expert": "smollm2-135m", "quality": 0.64, "expected_cost": 0.0000022, "ineligible": None},
        {"expert": "gemma3-270m", "quality": 0.8, "expected_cost": 0.0000104, "ineligible": "over budget: it may cost"},
    ],
}
ANSWER = "The chemical symbol for gold is \x1b]0;owned\x07Au, as is widely accepted everywhere."
GOLD = Question("What is the chemical symbol for gold?", "Au", {}, "a note")
REFUSED = {**RECORD, "error": "No expert fits", "expert": None, "output_tokens": None}
LINES = [Line(GOLD, RECORD, ANSWER, 0.4), Line(GOLD, REFUSED, "No expert fits the budget: raise it.", 0.0)]


def shown(width, **options):
    file = io.StringIO()
    page = Page(Console(file=file, width=width, legacy_windows=False, **options))
    page.title(EXPERTS, 1.5, Budget(min_quality=0.6))
    for number, line in enumerate(LINES, start=1):
        page.decision(number, line)
    page.money([line.record for line in LINES], EXPERTS, LINES, 20.0)
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_every_word_is_there_and_no_line_is_too_wide(width):
    text = shown(width)
    assert max(map(len, text.splitlines())) <= min(width, 100)
    assert all(line == line.rstrip() for line in text.splitlines())
    words = text.split()
    for wanted in ("smollm2-135m", "gemma3-270m", "illustrative.", "widely", "accepted", 'everywhere."', "right"):
        assert wanted in words, wanted
    assert "…" not in text
    assert "1 of 1 answers were right" in " ".join(words)


def test_control_characters_of_an_answer_are_not_printed():
    text = shown(80)
    assert "\x1b" not in text
    assert "\x07" not in text


def test_colours_on_a_terminal_none_with_no_color(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32m" in shown(80, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "32m" not in shown(80, force_terminal=True)


def test_the_dearer_the_longer_the_bar():
    bars = [line for line in shown(80).splitlines() if "█" in line]
    lengths = [line.count("█") for line in bars]
    assert [line.split()[0] for line in bars] == ["as", "all", "all"]
    assert lengths[0] < lengths[2]
    assert lengths[2] > 20


def test_a_terminal_without_blocks_gets_other_bars():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Page(Console(file=file, width=80)).money([RECORD], EXPERTS, LINES, 20.0)
    file.seek(0)
    assert "####" in file.read()


def test_an_answer_is_right_when_it_holds_the_word_not_a_part_of_one():
    assert Line(GOLD, RECORD, "AU, of course", 0.1).is_right
    assert Line(GOLD, RECORD, "because I say so", 0.1).is_right is False
    assert Line(GOLD, REFUSED, "Au", 0.1).is_right is None
    assert all(question.right for question in QUESTIONS[:-1])
