"""Paced budgets on simulated days of real outcomes, against first come first served and fixed thresholds; prints JSON.

    python benchmarks/pacing.py DATA... [--calls 2000] [--seeds 16] [--plot docs/pacing.svg]

DATA are outcome tables (queries.parquet, outcomes.parquet, experts.csv). A day draws its calls, with replacement, from
the test part, which the shipped predictor has not seen, among queries that every expert of the pool answered. Calls
arrive in bursts over a day with a busy noon and a quiet night, on one day more of them than on another. The budget lies
between what the cheapest expert for every call costs (share 0) and what the default rule costs (share 1) for the usual
number of calls. A call that finds no expert to pay for counts 0.

- paced, day n: `leeroo.selection.pacing`; day 1 knows nothing, later ones know when calls came on the days before and
  start from the mean price of the last day, as a router with a ledger does.
- first come, first served: the default rule until the money is spent.
- fixed threshold: one willingness to pay, the best for the same budget on the day before, kept all day.
- in hindsight: the one willingness that just spends the day's budget, knowing all its calls: about the most there is.

Choices are made on predictions; spend and accuracy are of the real outcomes. Intervals are 95%, over seeds.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("LEEROO_OFFLINE", "1")

import numpy as np

from leeroo.budget import DEFAULT_TOLERANCE, Budget
from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.evaluation.vectors import predictor_vectors
from leeroo.ledger.pacing import BUCKETS, UNIFORM_CALLS, share
from leeroo.money import NANO
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import load
from leeroo.selection.pacing import Meter, Pacer
from leeroo.selection.selector import Candidate, select

SHARES = (0.1, 0.25, 0.5, 0.75)
POOLS = {"mmlu": ("Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")}
"""Experts of tables that did not ask every expert everything; the others give all of theirs."""
DAYS = 3
VOLUME = 0.15
"""Standard deviation of the logarithm of a day's number of calls."""
DEFAULT = Budget()


class World:
    """Queries with what is predicted (quality, nano-dollars) and what came out (score, nano-dollars)."""

    def __init__(self, folder: str) -> None:
        table = OutcomeTable.read(folder)
        table = table.take(table.parts() == "test", POOLS.get(table.name))
        table = table.take(~np.isnan(table.scores).any(axis=1) & ~np.isnan(table.costs).any(axis=1))
        predictor, self.experts = load(), experts_of(table.experts, table.prices)
        prediction = predictor.predict_vectors(predictor_vectors(table.queries, predictor), self.experts)
        prompt = table.prompt_tokens.astype(np.float64)
        usd = expected_costs(predictor, prediction, self.experts, table.queries, table.prices, prompt)
        self.name, self.size = table.name, len(table)
        self.quality = prediction.quality.astype(np.float64)
        self.expected = np.ceil(usd * 1e9).astype(np.int64)
        self.scores, self.costs = table.scores.astype(np.float64), np.ceil(table.costs * 1e9).astype(np.int64)
        least = self.quality.max(axis=1, keepdims=True) - DEFAULT_TOLERANCE
        self.worth = np.minimum(self.quality, least)
        self.rule = np.where(self.quality >= least - 1e-6, self.expected, np.iinfo(np.int64).max).argmin(axis=1)
        self.cheapest = self.expected.argmin(axis=1)
        self.candidates = [self._candidates(i) for i in range(self.size)]

    def _candidates(self, i: int) -> list[Candidate]:
        return [
            Candidate(
                expert=expert, quality=float(self.quality[i, j]), source="learned", input_tokens=0, input_upper=0,
                output_tokens=0, expected_cost=int(self.expected[i, j]), worst_cost=0, max_tokens=0,
            )
            for j, expert in enumerate(self.experts)
        ]  # fmt: skip

    def budget(self, part: float, calls: int) -> int:
        """Nano-dollars of a day."""
        every = np.arange(self.size)
        low, high = self.costs[every, self.cheapest].mean(), self.costs[every, self.rule].mean()
        return int(calls * (low + part * (high - low)))

    def at(self, willingness: float, rows: np.ndarray) -> np.ndarray:
        """The expert of each query at one willingness, in nano-dollars a right answer."""
        return (self.worth[rows] * willingness - self.expected[rows]).argmax(axis=1)

    def best_fixed(self, rows: np.ndarray, budget: int) -> float:
        """The largest willingness, in nano-dollars, whose real spend is within the budget."""
        low, high = 0.0, 30.0
        for _ in range(40):
            middle = (low + high) / 2
            within = self.costs[rows, self.at(np.exp(middle), rows)].sum() <= budget
            low, high = (middle, high) if within else (low, middle)
        return float(np.exp(low))


def arrivals(rng: np.random.Generator, calls: int) -> np.ndarray:
    """Moments of a day, 0..1: a tenth at any time, six tenths around noon, three tenths in ten bursts of minutes."""
    bursts = rng.uniform(0.3, 0.85, 10)[rng.integers(10, size=int(0.3 * calls))]
    bursts = bursts + rng.exponential(0.003, len(bursts))
    noon = rng.normal(0.55, 0.12, int(0.6 * calls))
    rest = rng.uniform(0, 1, calls - len(bursts) - len(noon))
    return np.sort(np.clip(np.concatenate([bursts, noon, rest]), 0, 1 - 1e-9))


def shape_of(days: list[np.ndarray]) -> list[float]:
    """What `leeroo.ledger.pacing.Demand` learns from days before."""
    counts = np.full(BUCKETS, UNIFORM_CALLS / BUCKETS)
    for day in days:
        counts += np.histogram(day, BUCKETS, (0, 1))[0]
    return list(np.cumsum(counts) / counts.sum())


def serve(
    world: World, rows: np.ndarray, budget: int, choose: Callable[[int, int, int], list[int]]
) -> dict[str, float]:
    """A day: `choose(number, query, spent)` gives experts in order; the first whose real cost fits answers."""
    spent, right, answered = 0, 0.0, 0
    for number, i in enumerate(rows.tolist()):
        j = next((j for j in choose(number, i, spent) if world.costs[i, j] <= budget - spent), None)
        if j is not None:
            spent, right, answered = spent + int(world.costs[i, j]), right + float(world.scores[i, j]), answered + 1
    assert spent <= budget
    return {"accuracy": right / len(rows), "spent": spent / budget, "answered": answered / len(rows)}


def run(world: World, part: float, calls: int, seed: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(seed)
    sizes = (calls * np.exp(rng.normal(0, VOLUME, DAYS))).astype(int)
    days = [(arrivals(rng, size), rng.integers(world.size, size=size)) for size in sizes.tolist()]
    budget = world.budget(part, calls)
    place = {expert.name: j for j, expert in enumerate(world.experts)}
    pacer, found = Pacer(), {}
    for day, (moments, rows) in enumerate(days):
        shape = shape_of([moments for moments, _ in days[:day]])

        def paced(number: int, i: int, spent: int) -> list[int]:
            meter = Meter(1, day, "usd", budget, spent, share(shape, float(moments[number])))  # noqa: B023
            order = select(world.candidates[i], DEFAULT, pacer.toll([meter], world.candidates[i])).order
            return [place[c.expert.name] for c in order]

        found[f"paced, day {day + 1}"] = serve(world, rows, budget, paced)
    rows, before = days[-1][1], days[-2][1]
    fixed, hindsight = world.best_fixed(before, budget), world.best_fixed(rows, budget)
    found["first come, first served"] = serve(world, rows, budget, lambda _, i, s: [int(world.rule[i])])
    at_fixed, at_best = world.at(fixed, rows), world.at(hindsight, rows)
    found["fixed threshold"] = serve(world, rows, budget, lambda n, i, s: [int(at_fixed[n])])
    found["in hindsight"] = serve(world, rows, budget, lambda n, i, s: [int(at_best[n])])
    return found


def summary(values: list[float]) -> dict[str, float]:
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": round(mean, 4), "half_width": round(1.96 * error, 4)}


def plot(tables: dict[str, list[dict]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "leeroo"
    from matplotlib import pyplot as plt

    shown = {
        "in hindsight": ("#999999", "--"), f"paced, day {DAYS}": ("#c0392b", "-"), "paced, day 1": ("#e59866", "-"),
        "fixed threshold": ("#2471a3", "-"),
        "first come, first served": ("#7d6608", "-"),
    }  # fmt: skip
    figure, axes = plt.subplots(1, len(tables), figsize=(5 * len(tables), 4), squeeze=False)
    for axis, (name, lines) in zip(axes[0], tables.items(), strict=True):
        for policy, (colour, style) in shown.items():
            x = [line["share"] for line in lines]
            y = [line[policy]["accuracy"]["mean"] for line in lines]
            error = [line[policy]["accuracy"]["half_width"] for line in lines]
            axis.errorbar(x, y, error, color=colour, linestyle=style, marker="o", markersize=3, label=policy)
        axis.set(title=name, xlabel="budget, from cheapest (0) to the plain rule (1)", ylabel="accuracy over the day")
    axes[0][-1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("tables", nargs="+")
    options.add_argument("--calls", type=int, default=2000)
    options.add_argument("--seeds", type=int, default=16)
    options.add_argument("--plot", type=Path)
    given = options.parse_args()
    tables: dict[str, list[dict]] = {}
    for folder in given.tables:
        world = World(folder)
        lines = tables.setdefault(world.name, [])
        for part in SHARES:
            runs = [run(world, part, given.calls, seed) for seed in range(given.seeds)]
            line: dict = {"share": part, "usd": world.budget(part, given.calls) / NANO}
            for policy in runs[0]:
                line[policy] = {name: summary([r[policy][name] for r in runs]) for name in runs[0][policy]}
            last = f"paced, day {DAYS}"
            line["paced_minus"] = {
                policy: summary([r[last]["accuracy"] - r[policy]["accuracy"] for r in runs])
                for policy in ("first come, first served", "fixed threshold")
            }
            lines.append(line)
    print(json.dumps({"calls": given.calls, "seeds": given.seeds, "tables": tables}, indent=2))
    if given.plot:
        plot(tables, given.plot)


if __name__ == "__main__":
    main()
