"""The troubleshooting page: every message on it is still one that the code prints."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/troubleshooting.md"
GAP = "…"
"""On the page: a name or number of the user's. Here too: what an f-string fills in."""


def messages_of(page):
    """Messages in the titles, and in the first column of tables with the title `message`."""
    found, in_table = [], False
    for line in page.splitlines():
        in_table = line.startswith("|") and (in_table or line.startswith("| message |"))
        first = re.match(r"(?:### |\| )`([^`]+)`", line)
        if first and (in_table or line.startswith("### ")):
            found.append(first[1])
    return found


@cache
def texts_of_code():
    """Every text in the packages but docstrings, with a gap for each value."""
    found = set()
    for package in ("core/leeroo", "langchain_leeroo", "llamaindex_leeroo"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    parts = [p.value if isinstance(p, ast.Constant) else GAP for p in node.values]
                    found.add(plain("".join(parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                    found.add(plain(node.value))
    return found


def plain(text):
    """Without the quotes and backticks that the page, in its own, cannot show."""
    return re.sub(r"['\"`]", "", text)


def is_printed(message):
    pattern = re.compile(".*".join(map(re.escape, plain(message).split(GAP))), re.DOTALL)
    return any(pattern.search(text) for text in texts_of_code())


@pytest.mark.parametrize("message", messages_of(PAGE.read_text(encoding="utf-8")))
def test_the_code_prints_every_message_of_the_page(message):
    assert len(message.replace(GAP, "").strip()) >= 9, "too short to be told from other messages"
    assert is_printed(message)


def test_a_message_that_nobody_prints_is_found():
    table = "| message | what |\n|---|---|\n| `Scope … is purple.` | paint it |\n\n| `none` |\n"
    page = f"### `The moon is … today`\n\n{table}"
    assert messages_of(page) == ["The moon is … today", "Scope … is purple."]
    assert not any(map(is_printed, messages_of(page)))


def test_the_page_has_messages_of_every_task():
    assert len(messages_of(PAGE.read_text(encoding="utf-8"))) > 100
