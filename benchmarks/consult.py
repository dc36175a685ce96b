"""What a consult decision takes, by the size of the pool; prints JSON.

    python benchmarks/consult.py [--times 200]

A decision looks ahead from the state that it is in: `first` from the start, `second` after one answer, `tolerance` the
first one of the default rule, which also searches for its rate. Lattices are warm;
`cold` is a process's very first decision on a pool of that size.
"""

import argparse
import json
import statistics
import time

import numpy as np

from leeroo.budget import Budget
from leeroo.consult.lattice import UNASKED, depth_for, lattice
from leeroo.consult.model import shipped
from leeroo.consult.policy import plan
from leeroo.consult.posterior import outlook
from leeroo.consult.rules import rule_of


def decide(experts: int, state: tuple[int, ...], budget: Budget) -> None:
    """One decision."""
    quality = np.linspace(0.5, 0.8, experts)[None, :]
    costs = np.geomspace(1e-5, 1e-3, experts)
    names = [f"expert-{e}" for e in range(experts)]
    left = state.count(UNASKED)
    ahead = outlook(shipped(), quality, names, state, depth_for(1 + max(*state, -1), left))
    own = costs[list(ahead.left)][None, :]
    must = left == experts
    rates = rule_of(budget, ahead, own).rates(ahead, own, must=must)
    plan(ahead, own, rates, must=must)


def main() -> None:
    """Time decisions and print the medians in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200)
    times = parser.parse_args().times
    found = {}
    for experts in (2, 3, 5, 8):
        start = (UNASKED,) * experts
        worth = Budget(willingness_to_pay=0.01)
        cases = {
            "cold": (1, start, worth),
            "first": (times, start, worth),
            "second": (times, (0, *start[1:]), worth),
            "tolerance": (times, start, Budget()),
        }
        lattice.cache_clear()
        row = {}
        for name, (repeats, state, budget) in cases.items():
            if name != "cold":
                decide(experts, state, budget)
            taken = []
            for _ in range(repeats):
                began = time.perf_counter()
                decide(experts, state, budget)
                taken.append(time.perf_counter() - began)
            row[name] = round(1000 * statistics.median(taken), 3)
        found[f"{experts} experts"] = row
    print(json.dumps({"unit": "ms", "median": found}, indent=2))


if __name__ == "__main__":
    main()
