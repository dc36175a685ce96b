"""Universe construction at full size: 5,000 experts x 20,000 queries. Prints JSON.

python benchmarks/universe.py
"""

import json
import resource
import time

import numpy as np

from leeroo.universe.construction import construct

QUERIES, EXPERTS, SIZE = 20_000, 5_000, 20


def made_up() -> np.ndarray:
    """Right or wrong answers of experts with one of 40 skills each and different overall ability."""
    rng = np.random.default_rng(0)
    scores = np.empty((QUERIES, EXPERTS), dtype=np.float32)
    skill = rng.integers(0, 40, QUERIES)
    for e in range(EXPERTS):
        scores[:, e] = rng.random(QUERIES, dtype=np.float32) < np.where(skill == e % 40, 0.9, rng.random() * 0.6)
    return scores


def peak_gib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def main() -> None:
    scores = made_up()
    before, began, spent = peak_gib(), time.perf_counter(), time.process_time()
    found = construct(scores, [str(e) for e in range(EXPERTS)], SIZE)
    print(
        json.dumps(
            {
                "queries": QUERIES,
                "experts": EXPERTS,
                "size": SIZE,
                "seconds": round(time.perf_counter() - began, 2),
                "cpu_seconds": round(time.process_time() - spent, 2),
                "scores_gib": round(scores.nbytes / 2**30, 2),
                "peak_before_gib": before,
                "peak_gib": peak_gib(),
                "evaluations": found.evaluations,
                "plain_greedy_evaluations": EXPERTS * SIZE,
                "coverage": round(found.values[-1], 4),
                "bound": round(found.bound, 4),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
