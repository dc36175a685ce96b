"""An expert silently gets worse and better again: how soon feedback moves the traffic away and back.

Calls draw queries, with replacement, from a table's test part. Each goes to the cheapest expert within 0.02 of the best
believed quality (the default rule). The expert with most traffic when nothing is learned is the favourite. In the
second phase half of its right answers, drawn by chance, are wrong; in the third it is as before. A share of the calls
gets feedback: the answer's real score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.budget import DEFAULT_TOLERANCE
from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.evaluation.vectors import predictor_vectors
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.response import ResponsePredictor
from leeroo.routing.online import OnlineLearner

FloatArray = npt.NDArray[np.float64]
PHASES = (1000, 2000, 4000)
WINDOW = 50
"""Calls over which the favourite's share of the traffic is taken."""
POOL = (
    "gemini-1.5-pro-002",
    "gemini-1.5-flash-002",
    "Meta-Llama-3_1-70B-Instruct",
    "Qwen1.5-72B-Chat",
    "Phi-3-mini-4k-instruct",
)
_LEARNERS = {"forgetting": 500.0, "never forgetting": float("inf"), "no learning": None}
_SHARES = (1.0, 0.2)


@dataclass(frozen=True)
class Line:
    """What one kind of learner did, over all seeds; each figure is (mean, half-width of its 95% interval).

    Attributes:
        learner: Which.
        feedback: Share of the calls with feedback.
        moved: Calls until the favourite's share is below half of the usual one; the phase's length where it never is.
        returned: Calls until it is above three quarters of it again; the phase's length where it never is.
        never: Shares of the runs in which it never moved away, and never returned.
        accuracy: Mean score before, while the favourite is bad, and after.
        share: The favourite's moving share of the traffic, mean over the seeds, shape (calls,).
    """

    learner: str
    feedback: float
    moved: tuple[float, float]
    returned: tuple[float, float]
    never: tuple[float, float]
    accuracy: tuple[float, float, float]
    share: FloatArray


@dataclass(frozen=True)
class World:
    """What is predicted of a pool on some queries, and what came out.

    Attributes:
        names: The experts.
        quality: Predicted quality, queries x experts.
        cost: Expected cost in nano-dollars, queries x experts.
        scores: 0..1, shape (queries, experts).
    """

    names: tuple[str, ...]
    quality: list[list[float]]
    cost: list[list[float]]
    scores: FloatArray

    @classmethod
    def read(cls, folder: Path, predictor: ResponsePredictor, pool: Sequence[str] = POOL) -> "World":
        """The test part of an outcome table, as far as all experts of the pool answered."""
        table = OutcomeTable.read(folder)
        table = table.take(np.asarray(table.parts() == "test"), list(pool))
        table = table.take(np.asarray(~np.isnan(table.scores).any(axis=1)))
        experts = experts_of(table.experts, table.prices)
        prediction = predictor.predict_vectors(predictor_vectors(table.queries, predictor), experts)
        prompt = table.prompt_tokens.astype(np.float64)
        return cls(
            names=tuple(table.experts),
            quality=prediction.quality.astype(np.float64).tolist(),
            cost=expected_costs(predictor, prediction, experts, table.queries, table.prices, prompt).tolist(),
            scores=table.scores.astype(np.float64),
        )

    @cached_property
    def usual(self) -> float:
        """The favourite's share of the traffic when nothing is learned."""
        return float(self._counts.max() / self._counts.sum())

    @cached_property
    def favourite(self) -> int:
        """The expert with most traffic when nothing is learned."""
        return int(self._counts.argmax())

    @cached_property
    def _counts(self) -> npt.NDArray[np.int64]:
        return np.bincount([self.choose(i, quality) for i, quality in enumerate(self.quality)])

    def choose(self, i: int, quality: list[float]) -> int:
        """The expert that the default rule takes for query `i`."""
        least = max(quality) - DEFAULT_TOLERANCE
        return min((j for j, q in enumerate(quality) if q >= least - 1e-6), key=lambda j: self.cost[i][j])

    def run(self, memory: float | None, feedback: float, seed: int) -> tuple[npt.NDArray[np.bool_], FloatArray]:
        """Whether the favourite answered, and the score, of every call; both of shape (calls,).

        Args:
            memory: Of the learner; None: nothing is learned.
            feedback: Share of the calls with feedback.
            seed: Of the queries, the spoilt answers and the feedback.
        """
        rng = np.random.default_rng(seed)
        learner = None if memory is None else OnlineLearner(memory=memory)
        calls = sum(PHASES)
        rows, spoilt = rng.integers(len(self.scores), size=calls), rng.random(calls) < 0.5
        heard = rng.random(calls) < feedback
        favoured, scores = np.zeros(calls, dtype=bool), np.zeros(calls)
        for n, i in enumerate(rows.tolist()):
            base = self.quality[i]
            believed = base
            if learner is not None:
                believed = [learner.quality(name, q) for name, q in zip(self.names, base, strict=True)]
            j = self.choose(i, believed)
            favoured[n], score = j == self.favourite, float(self.scores[i, j])
            if favoured[n] and spoilt[n] and PHASES[0] <= n < PHASES[0] + PHASES[1]:
                score = 0.0
            scores[n] = score
            if learner is not None and heard[n]:
                learner.learn(self.names[j], base[j], score)
        return favoured, scores


def study(world: World, *, seeds: int = 10) -> list[Line]:
    """Every kind of learner at every share of feedback."""
    return [_line(world, name, memory, share, seeds) for share in _SHARES for name, memory in _LEARNERS.items()]


def _line(world: World, name: str, memory: float | None, feedback: float, seeds: int) -> Line:
    worse, better = PHASES[0], PHASES[0] + PHASES[1]
    moved, returned, never, accuracy, shares = [], [], [], [], []
    for seed in range(seeds):
        favoured, scores = world.run(memory, feedback, seed)
        share = _moving(favoured)
        gone = np.flatnonzero(share[worse:better] < world.usual / 2)
        back = np.flatnonzero(share[better:] > 0.75 * world.usual)
        moved.append(float(gone[0] + 1) if len(gone) else float(PHASES[1]))
        returned.append(float(back[0] + 1) if len(back) else float(PHASES[2]))
        never.append((not len(gone), not len(back)))
        accuracy.append([scores[:worse].mean(), scores[worse:better].mean(), scores[better:].mean()])
        shares.append(share)
    before, bad, after = np.mean(accuracy, axis=0).tolist()
    never_moved, never_returned = np.mean(never, axis=0).tolist()
    return Line(
        learner=name,
        feedback=feedback,
        moved=_interval(moved),
        returned=_interval(returned),
        never=(never_moved, never_returned),
        accuracy=(before, bad, after),
        share=np.mean(shares, axis=0),
    )


def _moving(favoured: npt.NDArray[np.bool_]) -> FloatArray:
    sums = np.concatenate([[0], np.cumsum(favoured)])
    at = np.arange(1, len(favoured) + 1)
    start = np.maximum(at - WINDOW, 0)
    share: FloatArray = (sums[at] - sums[start]) / (at - start)
    return share


def _interval(values: list[float]) -> tuple[float, float]:
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return float(np.mean(values)), 1.96 * error


def markdown(world: World, lines: Sequence[Line], name: str) -> str:
    """The study as a section of a report."""
    text = [
        "## An expert that silently gets worse\n",
        f"{len(world.names)} experts of {name}'s test part; {world.names[world.favourite]}, with {world.usual:.0%} of "
        f"the traffic, has its scores halved for {PHASES[1]:,} calls (`leeroo.evaluation.drift`). Means over the seeds "
        "with 95% intervals. Moved away: its share of the last 50 calls is below half of the usual one; returned: "
        "above three quarters of it. A run that never does counts with the length of its phase.\n",
        "| learner | feedback on | calls until traffic moves away | until it returns | never returned "
        "| accuracy before | while bad | after |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        moved, returned = (
            "never" if share == 1 else f"{mean:,.0f} ± {half:,.0f}"
            for (mean, half), share in zip((line.moved, line.returned), line.never, strict=True)
        )
        learns = line.learner != "no learning"
        before, bad, after = line.accuracy
        text.append(
            f"| {line.learner} | {line.feedback:.0%} | {moved} | {returned if learns else '-'} | "
            f"{f'{line.never[1]:.0%} of runs' if learns else '-'} | {before:.3f} | {bad:.3f} | {after:.3f} |"
        )
    return "\n".join(text) + "\n"


def plot(world: World, lines: Sequence[Line], path: Path) -> Path:
    """The favourite's share of the traffic with feedback on every call; returns the file."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "leeroo"
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 3.6))
    name = world.names[world.favourite]
    axis.axvspan(PHASES[0], PHASES[0] + PHASES[1], color="#eeeeee", label=f"{name}'s scores halved")
    for line in lines:
        if line.feedback == 1.0:
            at = np.arange(0, len(line.share), 10)  # a point per 10 calls is enough to see
            axis.plot(at, line.share[at], label=line.learner, linewidth=1)
    axis.set(xlabel="calls", ylabel=f"its share of the last {WINDOW} calls", ylim=(0, 1))
    axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
