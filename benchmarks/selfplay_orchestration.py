"""What choosing (query, expert) pairs saves against running every expert on every query. Prints JSON.

    python benchmarks/selfplay_orchestration.py ../shared/data/mmlu-pro [QUERIES]

Experts of the table play new experts: what the shipped artifact knows of them is left out, and the population's prior
is made from the others. Their traits are learned from outcomes on QUERIES queries of the training part, bought for
shares of what all pairs cost in three ways: `chosen` (information per dollar with a floor of exploration, as self-play
does), `by_chance` (pairs by chance), `fewer_queries` (every expert on some queries). Quality: mean AUC and log loss
over the experts on the test part. The encoder and the latent traits have seen the training part, for all three alike.
"""

import json
import sys
from collections.abc import Callable, Sequence

import numpy as np

from leeroo.evaluation.metrics import auc
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.prediction.response_model import ResponseModel
from leeroo.selfplay.orchestration import Pair, choose
from leeroo.selfplay.posterior import SCALES, Belief, Float64
from leeroo.selfplay.updating import inputs

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
SEEDS = (0, 1, 2)
EXPERTS = 6
TEST = 400


def main() -> None:
    table = OutcomeTable.read(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 240
    predictor = load(threads=1)
    artifact = predictor.artifact
    model = ResponseModel(artifact)
    order = np.argsort(np.nanmean(table.scores, axis=0))
    names = [table.experts[i] for i in order[np.linspace(0, len(order) - 1, EXPERTS).astype(int)]]
    # The population without them.
    others = np.array([e.name not in names for e in artifact.experts])
    theta = np.concatenate([artifact.arrays["ability"], artifact.arrays["bias"][:, None]], axis=1)
    floor = artifact.arrays["population_cov"] - np.cov(theta.T, ddof=1)
    prior = Belief(
        theta[others].mean(axis=0).astype(np.float64),
        (np.cov(theta[others].T, ddof=1) + floor).astype(np.float64) + 1e-6 * np.eye(theta.shape[1]),
    )
    rng = np.random.default_rng(0)
    parts = table.parts()
    complete = ~np.isnan(table.scores).any(axis=1)
    test = rng.permutation(np.flatnonzero((parts == "test") & complete))[:TEST]
    pool = rng.permutation(np.flatnonzero((parts == "train") & complete))
    seen, held = table.take(pool[: count * len(SEEDS)], names), table.take(test, names)
    X_seen = inputs(model, predictor.encode(seen.queries))
    X_test = inputs(model, predictor.encode(held.queries))
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for seed in SEEDS:
        rows = slice(seed * count, (seed + 1) * count)
        X, scores, costs = X_seen[rows], seen.scores[rows].astype(np.float64), seen.costs[rows].astype(np.float64)
        # Known beforehand: the mean cost of each expert, not that of each answer.
        expected = np.broadcast_to(costs.mean(axis=0), costs.shape)
        every = [(i, j) for i in range(len(X)) for j in range(len(names))]
        everything = _quality(every, X, scores, costs, prior, X_test, held)
        found.setdefault("all", {}).setdefault("1.0", []).append(everything)
        for share in SHARES:
            chosen = choose([prior] * len(names), X, expected, share=share, seed=seed).pairs
            chance = [every[i] for i in np.random.default_rng(seed).permutation(len(every))]
            chance = chance[: _affordable(chance, expected, share)]
            few = every[: round(share * len(X)) * len(names)]
            for name, pairs in (("chosen", chosen), ("by_chance", chance), ("fewer_queries", few)):
                entry = _quality(pairs, X, scores, costs, prior, X_test, held)
                found.setdefault(name, {}).setdefault(str(share), []).append(entry)
    means = {
        name: {share: {k: round(float(np.mean([r[k] for r in rs])), 4) for k in rs[0]} for share, rs in by.items()}
        for name, by in found.items()
    }
    goal = means["all"]["1.0"]
    reached = {
        name: {
            "auc_within_0.002": _first(means[name], lambda r: r["auc"] >= goal["auc"] - 0.002),
            "log_loss_within_0.005": _first(means[name], lambda r: r["log_loss"] <= goal["log_loss"] + 0.005),
        }
        for name in ("chosen", "by_chance", "fewer_queries")
    }
    print(
        json.dumps(
            {"table": table.name, "experts": names, "queries": count, "seeds": len(SEEDS), "test": len(test),
             "share_of_cost_that_equals_running_all": reached, "by_share_of_cost": means},
            indent=1,
        )
    )  # fmt: skip


def _quality(
    pairs: Sequence[Pair],
    X: Float64,
    scores: Float64,
    costs: Float64,
    prior: Belief,
    X_test: Float64,
    held: OutcomeTable,
) -> dict[str, float]:
    """Quality after learning from these pairs, and the real share of the cost of all."""
    known = np.zeros(scores.shape, dtype=bool)
    for pair in pairs:
        known[pair] = True
    data = [(X[known[:, j]], scores[known[:, j], j]) for j in range(scores.shape[1])]
    evidence = [sum(prior.widened(s).evidence(*xy) for xy in data) for s in SCALES]
    wide = prior.widened(SCALES[int(np.argmax(evidence))])
    aucs, losses = [], []
    for j, xy in enumerate(data):
        p = np.clip(wide.updated(*xy).probability(X_test), 1e-4, 1 - 1e-4)
        y = held.scores[:, j].astype(np.float64)
        aucs.append(auc(p, y))
        losses.append(float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()))
    return {
        "auc": float(np.mean(aucs)),
        "log_loss": float(np.mean(losses)),
        "cost": float(costs[known].sum() / costs.sum()),
        "pairs": float(known.mean()),
    }


def _affordable(pairs: Sequence[Pair], costs: Float64, share: float) -> int:
    spent = np.cumsum([costs[pair] for pair in pairs])
    return int((spent <= share * costs.sum()).sum())


def _first(by_share: dict[str, dict[str, float]], good: Callable[[dict[str, float]], bool]) -> float | None:
    """The least cost from which on the goal is met at every larger share, None where it never is."""
    best = None
    for row in reversed(list(by_share.values())):
        if not good(row):
            break
        best = row["cost"]
    return best


if __name__ == "__main__":
    main()
