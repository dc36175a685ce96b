"""The house: imports point one way and in no circle, files and functions are short, rules are off for a reason only."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"leeroo": "core/leeroo", "langchain_leeroo": "langchain_leeroo", "llamaindex_leeroo": "llamaindex_leeroo"}
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40
"""From `def` to its last line, blank lines and nested functions with them, the docstring without."""

FILES = sorted(path for folder in PACKAGES.values() for path in (ROOT / folder).rglob("*.py"))


def circles(edges):
    """Groups of modules that import each other, directly or through others (Tarjan's components of more than one)."""
    index, low, stack, found = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in edges[module]:
            if other not in index:
                visit(other)
            if other in stack:
                low[module] = min(low[module], low[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in edges:
        if module not in index:
            visit(module)
    return found


def long_functions(source):
    """Name, lines and stated reason of functions with too many lines; the reason stands above `def`: `# long: why`."""
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        said = node.body[0] if ast.get_docstring(node) is not None else None
        count = node.end_lineno - node.lineno + 1 - (said.end_lineno - said.lineno + 1 if said else 0)
        if count > MOST_LINES_OF_A_FUNCTION:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            reason = re.match(r"\s*# long: (\S.*)", lines[first - 2]) if first > 1 else None
            found.append((node.name, count, reason[1] if reason else None))
    return found


@pytest.fixture(scope="module")
def edges():
    """What each module imports, inside functions and under TYPE_CHECKING as well."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)}


def test_a_circle_would_be_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}) == [["b", "c"]]


def test_the_graph_has_imports_of_every_kind(edges):
    assert "leeroo.routing.online" in edges["leeroo.routing.router"], "inside a function"
    assert "leeroo.prediction.predictor" in edges["leeroo.routing.router"], "under TYPE_CHECKING"


def test_no_files_import_each_other_in_a_circle(edges):
    assert circles(edges) == []


def test_imports_point_one_way():
    # A process of its own: import-linter sets up logging anew, and would silence ours.
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    around = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=around, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_switches_no_rule_off_without_a_reason(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    bare = re.compile(r"# noqa(?!: [A-Z]+\d+(, [A-Z]+\d+)* - \S)")
    assert [line.strip() for line in lines if bare.search(line)] == []


def test_a_long_function_and_its_reason_would_be_found():
    body = '    """Said in\n    two lines."""\n' + "    pass\n" * MOST_LINES_OF_A_FUNCTION
    long, short = "async def f(\n):\n" + body, "def g():\n" + body.replace("    pass\n", "", 1)
    assert long_functions(f"{long}\n{short}") == [("f", MOST_LINES_OF_A_FUNCTION + 2, None)]
    assert long_functions(f"# long: it is a table\n@cache\n{long}") == [
        ("f", MOST_LINES_OF_A_FUNCTION + 2, "it is a table")
    ]
    assert [reason for _, _, reason in long_functions(f"# long:\n{long}")] == [None]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_is_short_or_says_why_not(path):
    found = long_functions(path.read_text(encoding="utf-8"))
    assert [(name, count) for name, count, reason in found if reason is None] == []
