"""Run a model's code against tests in a process of its own, with limits on all that it could use up.

The child has a time limit, limits on memory, processor, files and their size, an empty environment and a folder that
is removed afterwards; where the system lets us, also no network and no sight of other processes (Linux namespaces, by
`unshare`). This holds off mistakes, not attackers: for code that may mean harm, run the whole loop in a container.
"""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

CHILD = Path(__file__).with_name("sandbox_child.py")
_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_NAMESPACES = ("--map-root-user", "--net", "--pid", "--fork", "--kill-child")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the code may use.

    Attributes:
        seconds: Wall clock; processor time, too.
        megabytes: Address space.
    """

    seconds: float = 5.0
    megabytes: int = 512


def passes(answer: str, tests: str, limits: Limits | None = None) -> bool:
    """Whether the code in an answer passes the tests.

    Args:
        answer: Text with a fenced code block, or nothing but code.
        tests: Python statements, run after the code; an exception means failure.
        limits: Of the process.
    """
    blocks: list[str] = _FENCE.findall(answer)
    return run("\n".join(blocks) if blocks else answer, tests, limits or Limits()) == "passed"


def run(code: str, tests: str, limits: Limits) -> str:
    """Run code and tests; "passed", or what happened: an exception's name, "timeout", "ended with ..."."""
    token = secrets.token_hex(16)
    job = {"code": code, "tests": tests, "token": token, "seconds": limits.seconds, "megabytes": limits.megabytes}
    with tempfile.TemporaryDirectory(prefix="leeroo-") as folder, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603 - our own script; what it runs is limited there
            [*_prefix(), sys.executable, "-I", "-S", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.defpath, "HOME": folder, "TMPDIR": folder},
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(job).encode(), timeout=limits.seconds + 2)
        except subprocess.TimeoutExpired:
            return "timeout"
        finally:
            _kill(process)
        output.seek(max(0, output.seek(0, os.SEEK_END) - 400))
        last = output.read().decode(errors="replace").rstrip("\n").rpartition("\n")[2]
    # Only the child's own last line counts: the code does not know the token.
    if last.startswith(token):
        return last.removeprefix(token)
    return "timeout" if process.returncode == -signal.SIGXCPU else f"ended with {process.returncode}"


@cache
def _prefix() -> tuple[str, ...]:
    """The command that takes network and processes away, or nothing where the system does not allow it."""
    unshare = which("unshare")
    if unshare is None:
        return ()
    command = (unshare, *_NAMESPACES)
    tried = subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False)  # noqa: S603 - our own command
    return command if tried.returncode == 0 else ()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the process with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
