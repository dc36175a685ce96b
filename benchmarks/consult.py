"""What a consult decision takes, by the size of the pool; prints JSON.

    python benchmarks/consult.py [--times 200]

A decision looks ahead from the state that it is in: `first` from the start, `second` after one answer, `tolerance` the
first one of the default rule, which also searches for its rate. Lattices are warm;
`cold` is a process's very first decision on a pool of that size. `repeats` says how often an expert may be asked.
"""

import argparse
import json
import statistics
import time

import numpy as np

from leeroo.budget import Budget
from leeroo.consult.lattice import depth_for, lattice
from leeroo.consult.model import shipped
from leeroo.consult.places import UNASKED
from leeroo.consult.policy import plan
from leeroo.consult.posterior import outlook
from leeroo.consult.rules import rule_of


def decide(experts: int, repeats: int, told: tuple[int, ...], budget: Budget) -> None:
    """One decision, once the first experts have told their clusters."""
    quality = np.tile(np.linspace(0.5, 0.8, experts), repeats)[None, :]
    costs = np.tile(np.geomspace(1e-5, 1e-3, experts), repeats)
    names = [f"expert-{e}" for e in range(experts)] * repeats
    state = told + (UNASKED,) * (experts * repeats - len(told))
    left = [repeats - (e < len(told)) for e in range(experts)]
    draws = list(range(experts)) * repeats
    ahead = outlook(shipped(), quality, names, state, depth_for(1 + max(*state, -1), left), draws=draws)
    own = costs[list(ahead.left)][None, :]
    must = not told
    rates = rule_of(budget, ahead, own).rates(ahead, own, must=must)
    plan(ahead, own, rates, must=must)


def main() -> None:
    """Time decisions and print the medians in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200)
    times = parser.parse_args().times
    found = {}
    for experts, repeated in ((2, 1), (3, 1), (5, 1), (8, 1), (2, 3), (5, 2), (5, 3), (8, 3)):
        worth = Budget(willingness_to_pay=0.01)
        cases = {
            "cold": (1, (), worth),
            "first": (times, (), worth),
            "second": (times, (0,), worth),
            "tolerance": (times, (), Budget()),
        }
        lattice.cache_clear()
        row = {}
        for name, (runs, told, budget) in cases.items():
            if name != "cold":
                decide(experts, repeated, told, budget)
            taken = []
            for _ in range(runs):
                began = time.perf_counter()
                decide(experts, repeated, told, budget)
                taken.append(time.perf_counter() - began)
            row[name] = round(1000 * statistics.median(taken), 3)
        found[f"{experts} experts" + (f", {repeated} repeats" if repeated > 1 else "")] = row
    print(json.dumps({"unit": "ms", "median": found}, indent=2))


if __name__ == "__main__":
    main()
