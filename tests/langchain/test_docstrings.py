"""The examples in the adapters' docstrings run as they are written."""

import ast
import inspect
import re
import textwrap

import pytest

from langchain_leeroo import ChatLeeroo

POOL = """
experts:
  small: {{model: small-model, base_url: {url}, price: {{input: 1, output: 2}}}}
  large: {{model: large-model, base_url: {url}, price: {{input: 10, output: 20}}}}
"""


@pytest.fixture
def _place(server, tmp_path, monkeypatch):
    """OpenAI is the loopback server, and the current folder has a pool file."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pool.yaml").write_text(POOL.format(url=server.url))


@pytest.mark.usefixtures("_place")
async def test_examples_of_chat_leeroo_run(server, capsys):
    text = inspect.cleandoc(ChatLeeroo.__doc__ or "")
    blocks = [textwrap.dedent(block) for block in re.findall(r"^ *```python\n(.*?)^ *```", text, re.S | re.M)]
    assert len(blocks) > 8
    names: dict[str, object] = {}
    for block in blocks:
        local = block.replace("http://127.0.0.1:8000/v1", server.url)
        code = compile(local, "docstring", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waiting = eval(code, names)
        if waiting is not None:
            await waiting
    assert capsys.readouterr().out, "the stream was printed"
    assert names["record"]["expert"] in {"small", "large"}
