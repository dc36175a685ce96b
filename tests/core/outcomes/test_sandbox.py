import pytest

from leeroo.outcomes import sandbox
from leeroo.outcomes.matchers import MATCHERS
from leeroo.outcomes.sandbox import Limits, run

SHORT = Limits(seconds=1, megabytes=256)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("def f(x): return x + 1", "passed"),
        ("def f(x): return x", "AssertionError"),
        ("def f(x: return", "SyntaxError"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import os\nprint('passed', flush=True)\nos._exit(0)", "ended with 0"),
        ("x = [0] * 10**9", "MemoryError"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "PermissionError"),
        ("import subprocess\nsubprocess.run(['true'])", "PermissionError"),
        ("open('big', 'w').write('x' * 2**22)", "OSError"),
        ("import time\ntime.sleep(60)", "timeout"),
    ],
)
def test_code_is_run_and_kept_within_limits(code, result):
    assert run(code, "assert f(1) == 2", SHORT) == result


def test_the_environment_and_the_folder_are_not_ours(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_SECRET", "x")
    monkeypatch.chdir(tmp_path)
    code = "import os\nopen('left-behind', 'w').close()\ndef f(x): return sorted(os.environ)"
    assert run(code, "assert 'MY_SECRET' not in f(1)", SHORT) == "passed"
    assert not list(tmp_path.iterdir())


def test_it_works_where_namespaces_are_not_to_be_had(monkeypatch):
    monkeypatch.setattr(sandbox, "_prefix", lambda: ())
    assert run("def f(x): return 2", "assert f(1) == 2", SHORT) == "passed"


def test_the_code_in_an_answer_is_found():
    passes = MATCHERS["code"]
    assert passes("Sure:\n```python\ndef f(x):\n    return 2 * x\n```\nIt doubles.", "assert f(3) == 6")
    assert passes("def f(x): return 2 * x", "assert f(3) == 6")
    assert not passes("I would double it.", "assert f(3) == 6")
