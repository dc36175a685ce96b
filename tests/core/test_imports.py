"""What importing must not drag in: a user who routes two remote models waits for no torch, and no pandas."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "pandas", "sqlalchemy", "matplotlib", "onnxruntime", "pyarrow", "sklearn")
PROGRAM = "import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"


def loaded(module):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_core_loads_nothing_that_only_some_calls_need():
    modules = loaded("leeroo")
    assert "leeroo.routing.router" in modules
    lazy = (*HEAVY, "numpy", "openai", "tiktoken", "tokenizers", "genai_prices", "yaml", "typer", "rich")
    assert modules.isdisjoint((*lazy, "langchain_core", "llama_index.core"))


@pytest.mark.parametrize(
    ("module", "framework", "brings_itself"),
    [("langchain_leeroo", "langchain_core", ()), ("llamaindex_leeroo", "llama_index.core", ("sqlalchemy",))],
)
def test_an_adapter_loads_its_framework_and_nothing_heavy(module, framework, brings_itself):
    modules = loaded(module)
    assert framework in modules
    assert modules.isdisjoint(set(HEAVY) - set(brings_itself))
