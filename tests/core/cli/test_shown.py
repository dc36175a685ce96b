"""What pages show as printed is what is printed, numbers and prices apart."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leeroo.cli import app

DOCS = Path(__file__).parent.parent.parent.parent / "docs/how-to"
POOL = "experts:\n  my-tuned: {model: my-tuned, base_url: 'http://127.0.0.1:9/v1', price: {input: 0.1, output: 0.2}}\n"


def shown_in(page, begin):
    """The lines of a page's block in which one begins so, up to where it leaves words out."""
    blocks = re.findall(r"^```(?:\w+)?\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)
    [block] = [block for block in blocks if re.search(f"^{re.escape(begin)}", block, re.M)]
    return [without_numbers(re.sub(r"(, | )(\[\.\.\.\]|\.\.\.)$", "", line)) for line in block.splitlines()]


def without_numbers(text):
    return re.sub(r"\d[\d.,]*(?<![.,])", "0", text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("leeroo.cli.printing.out._width", 200)

    def run(*words):
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return [without_numbers(line) for line in done.output.splitlines()]

    return run


def begins_as(printed, shown):
    """Whether every line that is shown is the beginning of one that is printed, in that order."""
    rest = iter(printed)
    return all(any(line.startswith(one) for line in rest) for one in shown)


def test_whatif(run):
    Path("pool.yaml").write_text(POOL)
    usage = {"prompt_tokens": 300, "completion_tokens": 200}
    calls = [
        {"model": "gpt-5", "messages": [{"role": "user", "content": f"Why {n}?"}], "usage": usage} for n in range(5)
    ]
    Path("log.jsonl").write_text("\n".join(map(json.dumps, calls)))
    printed = run("whatif", "log.jsonl", "--pool", "pool.yaml", "--price", "gpt-5=1,2")
    assert begins_as(printed, shown_in("whatif.md", "3000 calls read."))


def test_what_boards_count(run):
    rows = [f"What is {n} plus {n}?,{name},{n % of == 0:d},9" for n in range(60) for name, of in (("a", 1), ("b", 2))]
    Path("mine.csv").write_text("\n".join(["query,expert,score,completion_tokens", *rows]))
    run("import", "plain", "mine.csv", "--out", "mine", "--price", "a=2,2", "--price", "b=1,1")
    printed = run("eval", "mine", "--split", "all", "--baselines", "none")
    assert begins_as(printed, shown_in("leaderboards.md", "As RouterArena counts"))
