"""What a ledger adds to an attempt: reserve + settle. Prints JSON.

    python benchmarks/ledger.py [--pairs 1000] [--postgres postgresql+psycopg://user@127.0.0.1/db]

A hard limit per day and one in total lie on the scope, as they would in use; the memory ledger knows no limits.
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
from typing import Any

from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger
from leeroo.routing.ledger import Ledger, MemoryLedger


def times(ledger: Ledger, pairs: int, name: str) -> list[float]:
    found = []
    for number in range(pairs + 20):
        began = time.perf_counter()
        ledger.settle(ledger.reserve(f"{name}-{number}", "acme/team", 1000), 900)
        found.append(1000 * (time.perf_counter() - began))
    return found[20:]


def figures(milliseconds: list[float], seconds: float) -> dict[str, float]:
    cuts = statistics.quantiles(milliseconds, n=100)
    return {
        "per_second": round(len(milliseconds) / seconds, 1),
        "p50_ms": round(cuts[49], 4),
        "p99_ms": round(cuts[98], 4),
    }


def prepared(url: str) -> Any:
    ledger = open_ledger(url)
    for per in ("day", "total"):
        ledger.set_limit(Limit.of("acme", per, "usd", 1000))
    return ledger


def single(ledger: Ledger, pairs: int) -> dict[str, float]:
    found = times(ledger, pairs, f"single-{os.getpid()}")
    return figures(found, sum(found) / 1000)


def several(url: str, pairs: int, processes: int) -> dict[str, float]:
    prepared(url).close()
    command = [sys.executable, __file__, "--worker", url, "--pairs", str(pairs // processes)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    answers = [json.loads(process.communicate()[0]) for process in running]
    seconds = max(a["end"] for a in answers) - min(a["begin"] for a in answers)
    return figures([t for a in answers for t in a["times"]], seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--postgres")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        ledger, begin = open_ledger(given.worker), time.time()
        found = times(ledger, given.pairs, str(os.getpid()))
        print(json.dumps({"begin": begin, "end": time.time(), "times": found}))
        return
    result: dict[str, Any] = {"memory": single(MemoryLedger(), given.pairs * 10)}
    with tempfile.TemporaryDirectory() as folder:
        result["sqlite_1_process"] = single(prepared(f"sqlite:///{folder}/one.db"), given.pairs)
        result["sqlite_8_processes"] = several(f"sqlite:///{folder}/eight.db", given.pairs, 8)
    if given.postgres:
        result["postgres_1_process"] = single(prepared(given.postgres), given.pairs)
        result["postgres_8_processes"] = several(given.postgres, given.pairs, 8)
    result["machine"] = {
        "cpus": os.cpu_count(),
        "load": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
