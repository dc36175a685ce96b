"""The rules of choice beside each other on real outcomes: `python -m leeroo.evaluation.rules DIR --pool a,b,c`.

Each rule is swept over its values on held-out queries, by the same `select` that serves: what was predicted decides,
and what came out is counted.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.budget import Budget
from leeroo.evaluation.costs import expected_costs, experts_of
from leeroo.evaluation.run import find
from leeroo.money import to_nano
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.predictor import Predictor
from leeroo.selection.selector import Candidate, select

Floats = npt.NDArray[np.float64]
RULES: Mapping[str, tuple[float, ...]] = {
    "tolerance": (0.0, 0.01, 0.02, 0.05, 0.08, 0.1, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0),
    "min_quality": (0.0, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "willingness_to_pay": tuple(float(f"{v:.2g}") for v in sorted([3e-3, *np.geomspace(1e-5, 1.0, 26)])),
    "max_cost": tuple(float(f"{v:.2g}") for v in sorted([5e-4, *np.geomspace(3e-5, 5e-3, 23)])),
}
"""Values by rule. `max_cost` is the cap alone: the best that fits (tolerance 0, doubt not counted)."""
MARKED = {
    "tolerance": (0.02, 0.1), "min_quality": (0.5, 0.7), "willingness_to_pay": (0.003, 0.01), "max_cost": (0.0005,),
}  # fmt: skip
START, END = "<!-- figures: written by leeroo.evaluation.rules -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Point:
    """One value of one rule.

    Attributes:
        rule: A key of `RULES`, or "expert".
        value: Its value, or the expert.
        accuracy: Mean score of the queries answered and refused, a refusal counting 0.
        cost: Mean USD per query.
        refused: Share of queries for which no expert was eligible.
        adequate: Share of queries whose choice met the rule.
    """

    rule: str
    value: float | str
    accuracy: float
    cost: float
    refused: float
    adequate: float


def sweep_rules(table: OutcomeTable, predictor: Predictor, pool: Sequence[str]) -> list[Point]:
    """Every rule at every value, on the test part's queries that all experts of the pool answered.

    Args:
        table: Outcomes with tokens and prices.
        predictor: Whose predictions decide.
        pool: Experts to choose from; names may be shortened.
    """
    whole = table.take(np.flatnonzero(table.parts() == "test"), [find(name, table.experts) for name in pool])
    part = whole.take(np.flatnonzero(~np.isnan(whole.costs).any(axis=1)))
    candidates = _candidates(part, predictor)
    scores, costs = part.scores.astype(np.float64), part.costs.astype(np.float64)
    found = [
        _point(rule, value, candidates, part.experts, scores, costs)
        for rule, values in RULES.items()
        for value in values
    ]
    singles = zip(part.experts, scores.mean(axis=0).tolist(), costs.mean(axis=0).tolist(), strict=True)
    return found + [Point("expert", name, accuracy, cost, 0.0, 1.0) for name, accuracy, cost in singles]


def _candidates(part: OutcomeTable, predictor: Predictor) -> list[list[Candidate]]:
    experts = experts_of(part.experts, part.prices)
    told = predictor.predict(part.queries, experts)
    usd = expected_costs(predictor, told, experts, part.queries, part.prices, part.prompt_tokens.astype(np.float64))
    doubt = np.zeros(told.quality.shape) if told.doubt is None else told.doubt

    def candidate(i: int, j: int) -> Candidate:
        cost = to_nano(float(usd[i, j]))
        quality = float(told.quality[i, j])
        doubted = float(doubt[i, j])
        # The rules look at cost and quality only; what a cap would leave of the output is not asked here.
        return Candidate(experts[j], quality, told.sources[j], 0, 0, 0, cost, cost, 0, doubt=doubted)

    return [[candidate(i, j) for j in range(len(experts))] for i in range(len(part))]


def _point(
    rule: str, value: float, queries: Sequence[Sequence[Candidate]], names: Sequence[str], scores: Floats, costs: Floats
) -> Point:
    capped = rule == "max_cost"
    budget = Budget(tolerance=0.0, confidence=0.5) if capped else Budget.of({rule: value})
    cap = to_nano(value) if capped else None
    got = paid = 0.0
    refused = adequate = 0
    for i, candidates in enumerate(queries):
        fits = [c for c in candidates if cap is None or c.worst_cost <= cap]
        chosen = select(fits, budget)
        if not chosen.order:
            refused += 1
            continue
        j = names.index(chosen.order[0].expert.name)
        got, paid, adequate = got + scores[i, j], paid + costs[i, j], adequate + chosen.adequate
    count = len(queries)
    return Point(rule, value, got / count, paid / count, refused / count, adequate / count)


def draw(points: Sequence[Point], path: Path) -> Path:
    """Accuracy against cost, a line per rule, single experts as points."""
    from leeroo.evaluation.plots import COLOURS, GREY, OURS, canvas, save

    figure, axes = canvas(8.0, 4.8)
    styles = zip(RULES, (OURS, COLOURS[1], COLOURS[4], COLOURS[2]), ("o", "s", "^", "D"), strict=True)
    for rule, colour, marker in styles:
        line = sorted((p for p in points if p.rule == rule and not p.refused), key=lambda p: p.cost)
        axes.plot([1e3 * p.cost for p in line], [p.accuracy for p in line], color=colour, lw=1.6, label=rule)
        for p in line:
            if p.value in MARKED[rule]:
                axes.plot(1e3 * p.cost, p.accuracy, marker, color=colour, ms=6)
                axes.annotate(
                    f"{p.value:g}", (1e3 * p.cost, p.accuracy), color=colour, fontsize=8, textcoords="offset points",
                    xytext=(5, -11) if rule in ("tolerance", "max_cost") else (-5, 6),
                    ha="left" if rule in ("tolerance", "max_cost") else "right",
                )  # fmt: skip
    singles = sorted((p for p in points if p.rule == "expert"), key=lambda p: p.cost)
    for place, p in enumerate(singles):
        axes.axvline(1e3 * p.cost, color=GREY, lw=0.6, ls=":")
        axes.plot(1e3 * p.cost, p.accuracy, "x", color=GREY, ms=7)
        # Names stand above the plot, where no line runs, in two rows.
        height = 1.01 + 0.04 * (place % 2)
        above = axes.get_xaxis_transform()
        axes.text(1e3 * p.cost, height, str(p.value), fontsize=7.5, color=GREY, ha="center", transform=above)
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.12)
    axes.xaxis.set_minor_formatter("")
    axes.set_xticks([t for t in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0) if _within(t, singles)])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("USD per 1,000 queries (log)")
    axes.set_ylabel("right answers")
    axes.legend(frameon=False, loc="lower right")
    return save(figure, path)


def _within(tick: float, singles: Sequence[Point]) -> bool:
    return 0.5 * singles[0].cost <= tick / 1e3 <= 2 * singles[-1].cost


def table_of(points: Sequence[Point]) -> str:
    """The marked values as a Markdown table."""
    lines = ["| rule | right answers | USD per 1,000 | met the rule |", "|---|---|---|---|"]
    for p in points:
        if p.rule == "expert" or p.value in MARKED[p.rule]:
            name = f"`expert={p.value}`" if p.rule == "expert" else f"`{p.rule}={p.value:g}`"
            lines.append(f"| {name} | {100 * p.accuracy:.1f}% | {1e3 * p.cost:.3f} | {100 * p.adequate:.0f}% |")
    return "\n".join(lines)


def main() -> None:
    """Write the picture and the figures, and put the table into the page between its two marks."""
    from leeroo.prediction import load

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--pool", required=True, help="experts, comma-separated")
    parser.add_argument("--page", type=Path, required=True, help="such as docs/how-to/rules.md; others lie beside it")
    given = parser.parse_args()
    points = sweep_rules(OutcomeTable.read(given.table), load(), given.pool.split(","))
    draw(points, given.page.with_suffix(".svg"))
    given.page.with_suffix(".json").write_text(json.dumps([asdict(p) for p in points], indent=1) + "\n", "utf-8")
    text = given.page.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    given.page.write_text(f"{before}{START}\n\n{table_of(points)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
