"""A server that fails in every way in random order: how every call ends. Prints JSON; exit code 1 on any fault.

python benchmarks/chaos.py [--calls 10000] [--threads 32] [--seed 1] [--minutes 60] [--patience 1]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from leeroo.ledger.opening import open_ledger
from tests.chaos import storm


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=10_000)
    options.add_argument("--threads", type=int, default=32)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--patience", type=float, default=1, help="how many times longer the deadlines are")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        found = storm(
            given.calls, threads=given.threads, seed=given.seed, ledger=ledger, minutes=given.minutes,
            patience=given.patience,
        )  # fmt: skip
        settled = sum(row["cost"] for row in ledger.spend("expert", "chaos"))
        found["open_reservations"] = len(ledger.open_reservations())
        found["ledger_agrees"] = settled == found["spent_nano"]
        rows = sum(row["calls"] for row in ledger.spend("day", "chaos"))
        # Refused calls are never opened, so the ledger has no row of them.
        refused = sum(found["ends"].get(name, 0) for name in ("BudgetExceeded", "NoEligibleExpert"))
        found["calls_in_ledger"], found["calls_refused_at_once"] = rows, refused
        ledger.close()
    found["faults"] = found["faults"][:20]
    print(json.dumps(found, indent=2))
    sys.exit(bool(found["faults"] or found["open_reservations"] or not found["ledger_agrees"]))


if __name__ == "__main__":
    main()
