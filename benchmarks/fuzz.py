"""Mutated pool files and result files, for some minutes. Prints JSON; exit code 1 where one crashed a reader.

Run it with `python benchmarks/fuzz.py [--minutes 5] [--seed 1]`.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.fuzz import fuzz


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=5)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(Path(folder), seed=given.seed, seconds=60 * given.minutes)
    crashes = found.pop("crashes")
    last_lines = {trace.strip().splitlines()[-1]: (name, data, trace) for name, data, trace in crashes}
    found["crashes"] = [
        {"target": name, "input": data.decode("latin-1"), "trace": trace} for name, data, trace in last_lines.values()
    ]
    print(json.dumps(found, indent=2))
    sys.exit(bool(crashes))


if __name__ == "__main__":
    main()
