"""Choosing experts for a batch together against call by call, at equal spend, on an outcome table; prints JSON.

    python benchmarks/joint_batch.py DIR [--queries 600]

DIR is an outcome table (queries.parquet, outcomes.parquet, experts.csv). Used are queries of its test part that every
expert answered. Call by call: each query takes the expert of the best predicted quality whose expected cost fits an
equal share of the total (the cheapest one where none does). Jointly: `selection.batch.assign` under the spend that the
first way came to, measured in what the calls really cost: the total is searched until the real spends are equal.
Accuracy is of the real outcomes.
"""

import argparse
import json
import os

os.environ.setdefault("LEEROO_OFFLINE", "1")

import numpy as np

from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.selection.batch import assign


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("table")
    options.add_argument("--queries", type=int, default=600)
    given = options.parse_args()
    table = OutcomeTable.read(given.table)
    whole = ~np.isnan(table.scores).any(axis=1) & ~np.isnan(table.costs).any(axis=1)
    rows = np.flatnonzero(whole & (table.parts() == "test"))
    part = table.take(np.sort(np.random.default_rng(0).permutation(rows)[: given.queries]))
    predictor, experts = load(), experts_of(part.experts, part.prices)
    prediction = predictor.predict(part.queries, experts)
    prompt = part.prompt_tokens.astype(np.float64)
    expected = expected_costs(predictor, prediction, experts, part.queries, part.prices, prompt)
    quality, scores, costs = prediction.quality.astype(np.float64), part.scores, part.costs.astype(np.float64)
    every = np.arange(len(part))
    cheapest, dearest = expected.min(axis=1).sum(), expected.max(axis=1).sum()

    def call_by_call(total: float) -> np.ndarray:
        fits = expected <= total / len(part)
        best = np.where(fits, quality, -1.0).argmax(axis=1)
        return np.where(fits.any(axis=1), best, expected.argmin(axis=1))

    def jointly_at(spend: float) -> np.ndarray:
        low, high = cheapest * 1.0001, dearest
        chosen = assign(quality, expected, low).experts
        for _ in range(25):
            middle = (low + high) / 2
            tried = assign(quality, expected, middle).experts
            if costs[every, tried].sum() <= spend:
                low, chosen = middle, tried
            else:
                high = middle
        return chosen

    lines = []
    for share in (0.02, 0.05, 0.1, 0.2, 0.4, 0.7):
        alone = call_by_call(cheapest + share * (dearest - cheapest))
        spend = float(costs[every, alone].sum())
        together = jointly_at(spend)
        lines.append(
            {
                "spend_usd_per_1000": round(1000 * spend / len(part), 4),
                "joint_spend_usd_per_1000": round(1000 * float(costs[every, together].sum()) / len(part), 4),
                "accuracy_call_by_call": round(float(scores[every, alone].mean()), 4),
                "accuracy_jointly": round(float(scores[every, together].mean()), 4),
                "predicted_call_by_call": round(float(quality[every, alone].mean()), 4),
                "predicted_jointly": round(float(quality[every, together].mean()), 4),
            }
        )
    print(json.dumps({"table": table.name, "queries": len(part), "experts": len(experts), "lines": lines}, indent=2))


if __name__ == "__main__":
    main()
