"""An expert silently gets worse and better again: how soon feedback moves the traffic away and back; prints JSON.

    python benchmarks/feedback.py DATA [--pool A,B,C] [--seeds 10] [--plot docs/feedback.svg]

DATA is an outcome table. Calls draw queries, with replacement, from its test part, which the shipped predictor has not
seen. Each goes to the cheapest expert within 0.02 of the best believed quality (the default rule). The expert with most
traffic when nothing is learned is the favourite, and its share of that traffic is the usual one. In the second phase
half of its right answers, drawn by chance, are wrong; in the third it is as before. A share of the calls gets feedback:
the answer's real score.

"Moved away" is the number of calls, from the change on, until the favourite's share of the last 50 calls is below half
of the usual one; "returned" until it is above three quarters of it. Where that does not happen within
the phase, the phase's length counts, and `never` says in which share of the runs. Intervals are 95%, over seeds.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("LEEROO_OFFLINE", "1")

import numpy as np

from leeroo.budget import DEFAULT_TOLERANCE
from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.evaluation.vectors import predictor_vectors
from leeroo.learning.online import OnlineLearner
from leeroo.learning.outcomes import OutcomeTable
from leeroo.prediction import load

POOL = "gemini-1.5-pro-002,gemini-1.5-flash-002,Meta-Llama-3_1-70B-Instruct,Qwen1.5-72B-Chat,Phi-3-mini-4k-instruct"
PHASES = (1000, 2000, 4000)
FEEDBACK = (1.0, 0.2)
WINDOW = 50
LEARNERS = {"forgetting": 500.0, "never forgetting": float("inf"), "no learning": None}


class World:
    """What is predicted of the pool's experts on the test part, and what came out."""

    def __init__(self, folder: str, pool: list[str]) -> None:
        table = OutcomeTable.read(folder)
        table = table.take(table.parts() == "test", pool)
        table = table.take(~np.isnan(table.scores).any(axis=1))
        predictor, experts = load(), experts_of(table.experts, table.prices)
        prediction = predictor.predict_vectors(predictor_vectors(table.queries, predictor), experts)
        prompt = table.prompt_tokens.astype(np.float64)
        self.name, self.names = table.name, table.experts
        self.quality = prediction.quality.astype(np.float64).tolist()
        self.cost = expected_costs(predictor, prediction, experts, table.queries, table.prices, prompt).tolist()
        self.scores = table.scores.astype(np.float64)
        chosen = [self.choose(i, q) for i, q in enumerate(self.quality)]
        self.favourite = int(np.bincount(chosen).argmax())
        self.usual = chosen.count(self.favourite) / len(chosen)

    def choose(self, i: int, quality: list[float]) -> int:
        """The default rule."""
        least = max(quality) - DEFAULT_TOLERANCE
        return min((j for j, q in enumerate(quality) if q >= least - 1e-6), key=lambda j: self.cost[i][j])


def run(world: World, memory: float | None, feedback: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether the favourite answered, and the score, of every call."""
    rng = np.random.default_rng(seed)
    learner = None if memory is None else OnlineLearner(memory=memory)
    calls = sum(PHASES)
    rows, breaks, heard = rng.integers(len(world.scores), size=calls), rng.random(calls), rng.random(calls) < feedback
    favoured, scores = np.zeros(calls, dtype=bool), np.zeros(calls)
    for n, i in enumerate(rows.tolist()):
        base = world.quality[i]
        believed = base if learner is None else [learner.quality(e, q) for e, q in zip(world.names, base, strict=True)]
        j = world.choose(i, believed)
        favoured[n], score = j == world.favourite, float(world.scores[i, j])
        if favoured[n] and PHASES[0] <= n < PHASES[0] + PHASES[1] and breaks[n] < 0.5:
            score = 0.0
        scores[n] = score
        if learner is not None and heard[n]:
            learner.learn(world.names[j], base[j], score)
    return favoured, scores


def moving(favoured: np.ndarray) -> np.ndarray:
    """The favourite's share of the last WINDOW calls."""
    sums = np.concatenate([[0], np.cumsum(favoured)])
    at = np.arange(1, len(favoured) + 1)
    start = np.maximum(at - WINDOW, 0)
    return (sums[at] - sums[start]) / (at - start)


def figures(favoured: np.ndarray, scores: np.ndarray, usual: float) -> dict[str, float]:
    worse, better = PHASES[0], PHASES[0] + PHASES[1]
    share = moving(favoured)
    gone = np.flatnonzero(share[worse:better] < usual / 2)
    back = np.flatnonzero(share[better:] > 0.75 * usual)
    return {
        "moved_away": float(gone[0] + 1) if len(gone) else float(PHASES[1]),
        "never_moved": float(not len(gone)),
        "returned": float(back[0] + 1) if len(back) else float(PHASES[2]),
        "never_returned": float(not len(back)),
        "share_before": float(favoured[:worse].mean()),
        "share_while_bad": float(favoured[worse:better].mean()),
        "share_last_1000": float(favoured[-1000:].mean()),
        "accuracy_before": float(scores[:worse].mean()),
        "accuracy_while_bad": float(scores[worse:better].mean()),
        "accuracy_after": float(scores[better:].mean()),
    }


def summary(values: list[float]) -> dict[str, float]:
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": round(mean, 3), "half_width": round(1.96 * error, 3)}


def plot(curves: dict[str, np.ndarray], name: str, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "leeroo"
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 3.6))
    axis.axvspan(PHASES[0], PHASES[0] + PHASES[1], color="#eeeeee", label=f"{name}'s scores halved")
    for label, curve in curves.items():
        at = np.arange(0, len(curve), 10)  # a point per 10 calls is enough to see
        axis.plot(at, curve[at], label=label, linewidth=1)
    axis.set(xlabel="calls", ylabel=f"its share of the last {WINDOW} calls", ylim=(0, 1))
    axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("table")
    options.add_argument("--pool", default=POOL)
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--plot", type=Path)
    given = options.parse_args()
    world = World(given.table, given.pool.split(","))
    lines: dict[str, dict] = {}
    curves: dict[str, np.ndarray] = {}
    for feedback in FEEDBACK:
        for name, memory in LEARNERS.items():
            runs = [run(world, memory, feedback, seed) for seed in range(given.seeds)]
            found = [figures(*one, world.usual) for one in runs]
            line = f"{name}, feedback on {feedback:.0%} of calls"
            lines[line] = {key: summary([f[key] for f in found]) for key in found[0]}
            if feedback == 1.0:
                curves[name] = np.mean([moving(favoured) for favoured, _ in runs], axis=0)
    head = {
        "table": world.name,
        "pool": world.names,
        "favourite": world.names[world.favourite],
        "usual": world.usual,
        "phases": PHASES,
    }
    print(json.dumps({**head, "seeds": given.seeds, "lines": lines}, indent=2))
    if given.plot:
        plot(curves, world.names[world.favourite], given.plot)


if __name__ == "__main__":
    main()
