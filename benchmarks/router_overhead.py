"""What the router adds to a call: from `router.open` to the decision. Prints JSON.

    python benchmarks/router_overhead.py [--repeats 400]

`everything_else` is measured with constant predictions, so it is all but the encoder and its head; `encoder` is the
predictor's own share of a call.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("LEEROO_OFFLINE", "1")

from leeroo import Budget, Expert, LeerooError, Price, Query, Router
from leeroo.prediction import ConstantPredictor, load

SENTENCE = (
    "explain in plain words how the rate of a chemical reaction depends on temperature pressure and the surface of "
    "the solid involved then compute how long it takes at three hundred kelvin when the constant doubles every ten "
    "degrees and say which of your steps are approximations and why they hold for this case only and not in general"
)


_numbers = itertools.count(100)


def query(tokens: int) -> Query:
    """A query that was not asked before: the predictor does not encode a text again that it has just seen."""
    words = (SENTENCE.split() * 2)[: tokens - 3]  # the encoder adds two tokens of its own
    text = " ".join([str(next(_numbers)), *words])
    return Query(text=text, prompt=text)


def experts(count: int) -> dict[str, Expert]:
    return {
        f"expert-{i}": Expert(
            model=f"bench:expert-{i}", price=Price(input=0.1 * (i + 1), output=0.4 * (i + 1)), context_window=128_000
        )
        for i in range(count)
    }


def figures(milliseconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(milliseconds, n=100)
    return {"p50_ms": round(cuts[49], 4), "p99_ms": round(cuts[98], 4)}


def timed(work: Callable[[], object], repeats: int) -> list[float]:
    for _ in range(max(20, repeats // 10)):
        work()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - began))
    return found


def measure(predictor: Any, repeats: int) -> list[dict[str, Any]]:
    rows = []
    for count in (2, 20):
        router = Router(experts(count), predictor=predictor, budget=Budget(max_cost=0.05, tolerance=0.02))
        pool = list(router.pool)
        for tokens in (10, 60):
            row: dict[str, Any] = {"experts": count, "tokens": tokens}
            row |= figures(timed(lambda: router.open(query(tokens)), repeats))  # noqa: B023 - run at once
            predict = statistics.median(timed(lambda: predictor.predict([query(tokens).text], pool), repeats))  # noqa: B023
            row["predictor_share"] = round(predict / row["p50_ms"], 3)
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=400)
    repeats = parser.parse_args().repeats
    result: dict[str, Any] = {"everything_else": measure(ConstantPredictor(), repeats)}
    try:
        began = time.perf_counter()
        predictor = load()
        predictor.predict(["warm up"], list(Router(experts(2), predictor=predictor).pool))
        result["predictor_load_s"] = round(time.perf_counter() - began, 3)
        result["with_encoder"] = measure(predictor, repeats)
    except (LeerooError, ImportError, OSError) as error:
        result["with_encoder"] = f"not available: {error}"
    result["machine"] = {
        "cpus": os.cpu_count(),
        "load": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
