"""How fast the shipped predictor is: `python benchmarks/predictor_speed.py [THREADS]` prints JSON."""

import json
import os
import sys
import time

import numpy as np

from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction import load

WORDS = (
    "which",
    "of",
    "these",
    "best",
    "explains",
    "why",
    "the",
    "rate",
    "rises",
    "with",
    "temperature",
    "in",
    "a",
    "closed",
    "system",
)


def text(tokens: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    return " ".join(rng.choice(WORDS, size=tokens - 2))


def main() -> None:
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else None
    predictor = load(threads=threads)
    names = [e.name for e in predictor.known if e.table == "mmlu-pro"]
    pool = [Expert(model=n, name=n, price=Price(input=1, output=1)) for n in (names * 2)[:30]]
    found: dict[str, object] = {"threads": threads or "runtime's choice", "cores": os.cpu_count()}
    for tokens in (10, 60):
        queries = [text(tokens, i) for i in range(220)]
        for query in queries[:20]:
            predictor.predict([query], pool[:2])
        whole, encoder = [], []
        for query in queries[20:]:
            start = time.perf_counter()
            predictor.predict([query], pool[:2])
            middle = time.perf_counter()
            predictor.encode([query])
            whole.append(middle - start)
            encoder.append(time.perf_counter() - middle)
        found[f"{tokens} tokens"] = {
            "p50_ms": round(float(np.median(whole)) * 1e3, 2),
            "p99_ms": round(float(np.quantile(whole, 0.99)) * 1e3, 2),
            "encoder_p50_ms": round(float(np.median(encoder)) * 1e3, 2),
        }
    queries = [text(60, 1000 + i) for i in range(1000)]
    start = time.perf_counter()
    predictor.encode(queries)
    encoder_s = time.perf_counter() - start
    start = time.perf_counter()
    predictor.predict(queries, pool)
    found["1000 queries x 30 experts"] = {
        "predict_s": round(time.perf_counter() - start, 2),
        "encoder_alone_s": round(encoder_s, 2),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
