"""How many outcomes a new expert needs: `python benchmarks/predictor_new_experts.py TABLE_DIR` prints JSON.

Each expert of the table is left out in turn: the population's prior is made from the others, its traits are fitted
from N of its outcomes of the training part, and AUC is measured on the test part. The encoder and the latent traits
have seen the expert's training outcomes (one fine-tuning per expert would be needed to avoid that), so small N looks a
little better than for a truly new expert.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from leeroo.evaluation.metrics import auc, calibration_error
from leeroo.learning import traits
from leeroo.learning.outcomes import OutcomeTable
from leeroo.prediction import load
from leeroo.prediction.response import ResponseModel, ResponsePredictor, sigmoid

SIZES = (0, 10, 30, 100, 300, None)


def main() -> None:
    table = OutcomeTable.read(Path(sys.argv[1]))
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    predictor = load()
    artifact = predictor.artifact
    parts = table.parts()
    rng = np.random.default_rng(0)
    train = rng.permutation(np.flatnonzero(parts == "train"))[:limit]
    test = np.flatnonzero(parts == "test")
    train_vectors = predictor.encode([table.queries[i] for i in train])
    test_vectors = predictor.encode([table.queries[i] for i in test])
    h = ResponseModel(artifact).traits(test_vectors)
    theta = np.concatenate([artifact.arrays["ability"], artifact.arrays["bias"][:, None]], axis=1)
    floor = artifact.arrays["population_cov"] - np.cov(theta.T, ddof=1)
    results: dict[str, dict[str, list[float]]] = {}
    for j, name in enumerate(table.experts):
        others = np.array([e.name != name for e in artifact.experts])
        prior = {
            "population_mean": theta[others].mean(axis=0),
            "population_cov": (np.cov(theta[others].T, ddof=1) + floor).astype(np.float32),
        }
        alone = ResponsePredictor(replace(artifact, arrays={**artifact.arrays, **prior}))
        known = np.flatnonzero(~np.isnan(table.scores[train, j]))
        truth = table.scores[test, j].astype(np.float64)
        for size in SIZES:
            rows = known[: len(known) if size is None else size]
            fitted = traits.fit(alone, scores=table.scores[train[rows], j], vectors=train_vectors[rows])
            p = sigmoid(h @ fitted.ability + np.float32(fitted.bias)).astype(np.float64)
            entry = results.setdefault(str(size or ("all" if size is None else 0)), {"auc": [], "ece": []})
            entry["auc"].append(auc(p, truth))
            entry["ece"].append(calibration_error(p, truth))
    shown = {n: {k: round(float(np.nanmean(v)), 4) for k, v in entry.items()} for n, entry in results.items()}
    print(
        json.dumps(
            {"table": table.name, "experts": len(table.experts), "all": len(train), "by_outcomes": shown}, indent=2
        )
    )


if __name__ == "__main__":
    main()
