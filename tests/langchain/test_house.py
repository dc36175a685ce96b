"""The files of the adapter know each other one way only, and its sync and async sides have the same signatures."""

import ast
import inspect
from pathlib import Path

import pytest

import langchain_leeroo
from langchain_leeroo import ChatLeeroo
from langchain_leeroo.ways import Async, Sync
from leeroo.budget import FIELDS

HOUSE = Path(langchain_leeroo.__file__).parent


def arrows() -> dict[str, set[str]]:
    """Who imports whom, with imports inside functions and for types alone."""
    found: dict[str, set[str]] = {}
    for file in HOUSE.glob("*.py"):
        known = found.setdefault(file.stem, set())
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("langchain_leeroo"):
                inner = node.module.partition(".")[2]
                known |= {inner} if inner else {alias.name for alias in node.names}
    return found


def test_no_circle_between_files():
    left = arrows()
    while done := [name for name, known in left.items() if not known & left.keys()]:
        for name in done:
            del left[name]
    assert not left, f"these import each other: {sorted(left)}"


def test_files_stay_readable_in_one_sitting():
    assert {f.name: n for f in HOUSE.glob("*.py") if (n := len(f.read_text().splitlines())) > 300} == {}


@pytest.mark.parametrize("name", ["invoke", "stream", "generate", "batch", "batch_as_completed", "_generate"])
def test_sync_and_async_take_the_same(name):
    twin = f"_a{name[1:]}" if name.startswith("_") else f"a{name}"
    one, other = (list(inspect.signature(getattr(ChatLeeroo, n)).parameters.values()) for n in (name, twin))
    assert [(p.name, p.kind, p.default) for p in one] == [(p.name, p.kind, p.default) for p in other]


def test_both_ways_have_the_same_steps():
    assert {n for n in vars(Sync) if not n.startswith("_")} == {n for n in vars(Async) if not n.startswith("_")}


def test_the_budgets_fields_have_the_words_of_their_one_definition():
    described = {name: ChatLeeroo.model_fields[name].description for name in FIELDS}
    assert described == {name: field.description for name, field in FIELDS.items()}
