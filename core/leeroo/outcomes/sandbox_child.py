"""The sandbox's child: limits itself, runs code and tests, prints a token and the result. Run as a script only."""

import json
import os
import resource
import sys
from typing import Any

# Refused by an audit hook (PEP 578) where no namespace does it; a determined program finds a way round.
_REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.kill", "ctypes.")


def main() -> None:
    """Read the job from standard input and do it."""
    job = json.loads(sys.stdin.buffer.read())
    answer = os.dup(1)
    seconds = int(job["seconds"]) + 1
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: job["megabytes"] << 20,
        resource.RLIMIT_FSIZE: 1 << 20,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_CORE: 0,
    }
    for name, value in limits.items():
        resource.setrlimit(name, (value, value))
    sys.addaudithook(_refuse)
    code, tests, token = job["code"], job["tests"], job["token"]
    del job
    space: dict[str, Any] = {"__name__": "answer"}
    try:
        exec(compile(code, "<answer>", "exec"), space)  # noqa: S102 - what this process is for
        exec(compile(tests, "<tests>", "exec"), space)  # noqa: S102 - the same
        result = "passed"
    except BaseException as error:  # SystemExit, too
        result = type(error).__name__
    sys.stdout.flush()
    os.write(answer, f"\n{token}{result}\n".encode())
    os._exit(0)


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED):
        raise PermissionError(f"{event} is not allowed here")


if __name__ == "__main__":
    main()
