"""`leeroo artifacts` as people type it."""

import json

import pytest
from typer.testing import CliRunner

from leeroo.cli import app
from leeroo.errors import ConfigError
from leeroo.prediction.artifact import SHIPPED
from leeroo.training.traits import add_expert


@pytest.fixture(scope="module")
def candidate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("candidate")
    add_expert(SHIPPED, "mine", [("What is 2 + 2?", 1.0)], folder)
    return folder


def run(*args, store):
    found = CliRunner().invoke(app, ["artifacts", *args, "--store", str(store)], catch_exceptions=False,
                               env={"COLUMNS": "200"})  # fmt: skip
    assert found.exit_code == 0
    return found.stdout


def test_add_list_show_use_diff_and_back(tmp_path, candidate):
    store = tmp_path / "store"
    first = run("add", str(SHIPPED), "--note", "as it ships", store=store).split()[0]
    run("use", first[:8], store=store)
    second = run("add", str(candidate), store=store).split()[0]
    run("use", second, store=store)
    listed = json.loads(run("list", "--json", store=store))
    assert [(row["id"], row["parent"], row["in_use"]) for row in listed] == [
        (first, None, False),
        (second, first, True),
    ]
    assert "as it ships" in run("list", store=store)
    assert json.loads(run("show", "--json", store=store))["experts"] == 566
    assert f"id: {second}" in run("show", store=store)
    changed = json.loads(run("diff", "previous", "--json", store=store))
    assert [(row["expert"], row["change"]) for row in changed["experts"]] == [("added/mine", "added")]
    assert "added/mine" in run("diff", first, second, store=store)
    assert first in run("use", "--back", store=store)


def test_what_is_missing_is_named(tmp_path):
    for args in (["list"], ["show"], ["use", "abc"], ["use"], ["diff", "a", "b"]):
        with pytest.raises(ConfigError, match=r"leeroo artifacts|no version|--back"):
            run(*args, store=tmp_path)
