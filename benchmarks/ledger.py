"""What a ledger adds to an attempt: reserve + settle. Prints JSON.

    .ci/with-postgres sh -c 'python benchmarks/ledger.py --postgres $LEEROO_TEST_POSTGRES'

A hard limit per day and one in total lie on the scope, as they would in use; the memory ledger knows no limits. All
kinds are measured in turn, `--rounds` times over; the figures are medians over the rounds. `cpu_ms` is what a pair
costs this process, which a busy machine changes less than the time it takes.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from leeroo.ledger.limits import Limit
from leeroo.ledger.memory import Ledger, MemoryLedger
from leeroo.ledger.opening import open_ledger


def times(ledger: Ledger, pairs: int, name: str) -> list[float]:
    found = []
    for number in range(pairs + 20):
        began = time.perf_counter()
        ledger.settle(ledger.reserve(f"{name}-{number}", "acme/team", 1000), 900)
        found.append(1000 * (time.perf_counter() - began))
    return found[20:]


def figures(milliseconds: list[float], seconds: float) -> dict[str, float]:
    cuts = statistics.quantiles(milliseconds, n=100)
    return {"per_second": len(milliseconds) / seconds, "p50_ms": cuts[49], "p99_ms": cuts[98]}


def prepared(url: str) -> Any:
    ledger = open_ledger(url)
    for per in ("day", "total"):
        ledger.set_limit(Limit.of("acme", per, "usd", 1000))
    return ledger


def single(ledger: Ledger, pairs: int) -> dict[str, float]:
    busy = time.process_time()
    found = times(ledger, pairs, f"single-{os.getpid()}-{time.time_ns()}")
    busy = time.process_time() - busy
    return {**figures(found, sum(found) / 1000), "cpu_ms": 1000 * busy / (pairs + 20)}


def several(url: str, pairs: int, processes: int = 8) -> dict[str, float]:
    prepared(url).close()
    command = [sys.executable, __file__, "--worker", url, "--pairs", str(pairs // processes)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(processes)]  # type: ignore[call-overload]
    for process in running:
        process.stdout.readline()  # it is ready
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate()[0]) for process in running]
    seconds = max(a["end"] for a in answers) - min(a["begin"] for a in answers)
    return figures([t for a in answers for t in a["times"]], seconds)


def worker(url: str, pairs: int) -> None:
    ledger = open_ledger(url)
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.time()
    found = times(ledger, pairs, f"{os.getpid()}-{time.time_ns()}")
    print(json.dumps({"begin": begin, "end": time.time(), "times": found}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        worker(given.worker, given.pairs)
        return
    pairs = given.pairs
    with tempfile.TemporaryDirectory() as folder:
        file = f"sqlite:///{folder}/"
        kinds: dict[str, Callable[[], dict[str, float]]] = {
            "memory": lambda: single(MemoryLedger(), pairs * 10),
            "sqlite_1_process": lambda: single(prepared(file + "one.db"), pairs),
            "sqlite_1_process_full": lambda: single(prepared(file + "full.db?durability=full"), pairs // 5),
            "sqlite_8_processes": lambda: several(file + "eight.db", pairs),
        }
        if given.postgres:
            kinds["postgres_1_process"] = lambda: single(prepared(given.postgres), pairs)
            kinds["postgres_8_processes"] = lambda: several(given.postgres, pairs)
        rounds = [{name: measure() for name, measure in kinds.items()} for _ in range(given.rounds)]
    result: dict[str, Any] = {
        name: {key: round(statistics.median(r[name][key] for r in rounds), 4) for key in rounds[0][name]}
        for name in kinds
    }
    result["machine"] = {
        "cpus": os.cpu_count(),
        "load": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
