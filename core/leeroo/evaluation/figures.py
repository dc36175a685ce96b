"""What an evaluation found, as figures: `Line` by method, and all of them, `Figures`."""

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from leeroo.evaluation.intervals import Interval
from leeroo.evaluation.metrics import Curve
from leeroo.visible import counted

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Line:
    """The figures of one method.

    Attributes:
        method: Its name.
        accuracy: Mean score of its dearest point (single experts: of the expert).
        cost: Mean USD per query there.
        auc: Mean over experts.
        ece: Mean expected calibration error over experts.
        apgr: Average performance gap recovered, weak -> reference (RouteLLM).
        cpt50: Share of reference calls for half of the gap.
        cpt80: Share of reference calls for 80% of it.
        aiq: Average improvement in quality (RouterBench).
        accuracy_at_reference_cost: Best accuracy for the reference's cost.
        cost_100: Cost for the reference's accuracy, as a share of the reference's cost.
        cost_99: The same for 99% of its accuracy.
        cost_95: The same for 95%.
        order: Share of pairs of experts with different scores on a query that are put in the right order.
        won: Share of what an oracle would win over fixed choices, over pools drawn from these experts
            (`leeroo.evaluation.crossval`).
    """

    method: str
    accuracy: float = float("nan")
    cost: float = float("nan")
    auc: float = float("nan")
    ece: float = float("nan")
    apgr: float = float("nan")
    cpt50: float = float("nan")
    cpt80: float = float("nan")
    aiq: float = float("nan")
    accuracy_at_reference_cost: float = float("nan")
    cost_100: float = float("nan")
    cost_99: float = float("nan")
    cost_95: float = float("nan")
    order: float = float("nan")
    won: float = float("nan")


_HEADS = {
    "accuracy": "best acc.",
    "auc": "AUC",
    "ece": "ECE",
    "apgr": "APGR",
    "cpt50": "CPT50",
    "cpt80": "CPT80",
    "aiq": "AIQ",
    "accuracy_at_reference_cost": "acc. at ref. cost",
    "cost_100": "cost 100%",
    "cost_99": "cost 99%",
    "cost_95": "cost 95%",
    "order": "order",
    "won": "won",
}


@dataclass(frozen=True)
class Figures:
    """The figures of one evaluation.

    Attributes:
        table_name: The outcome table.
        split: The part evaluated on.
        queries: How many queries it has (those that every expert of the pool answered).
        pool: The experts.
        reference: The expert to match.
        weak: The cheaper expert of APGR and CPT.
        lines: Figures by method, routers first.
        singles: Accuracy and cost of each expert.
        experts: AUC and ECE of our predictor by expert.
        curves: Accuracy against cost by method.
        intervals: 95% intervals of our predictor's figures (names as in `Line`).
        chance_ece: The ECE that a perfectly calibrated predictor would show on so few queries, mean over experts.
        reliability: By expert, rows of (mean prediction, mean score, outcomes) over equally filled bins.
        regret: By domain: queries, and how much score per query is lost against the best expert of each query, by
            always taking the reference (`reference`) and by our default rule (`leeroo`).
        boards: Figures of public leaderboards on these outcomes: `routerarena`
            (`leeroo.evaluation.boards.ArenaFigures`) of the default rule, robustness against typos; `routereval`
            (`EvalFigures`), over the reference's accuracy.
    """

    table_name: str
    split: str
    queries: int
    pool: tuple[str, ...]
    reference: str
    weak: str
    lines: tuple[Line, ...]
    singles: tuple[Line, ...]
    experts: dict[str, dict[str, float]]
    curves: dict[str, Curve] = field(repr=False)
    intervals: dict[str, Interval] = field(default_factory=dict)
    chance_ece: float = float("nan")
    reliability: dict[str, list[list[float]]] = field(default_factory=dict, repr=False)
    regret: dict[str, dict[str, float]] = field(default_factory=dict, repr=False)
    boards: dict[str, dict[str, float | None]] = field(default_factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: NaN becomes null."""
        content = {
            "table": self.table_name,
            "split": self.split,
            "queries": self.queries,
            "pool": list(self.pool),
            "reference": self.reference,
            "weak": self.weak,
            "methods": [asdict(line) for line in self.lines],
            "singles": [asdict(line) for line in self.singles],
            "experts": self.experts,
            "intervals": self.intervals,
            "chance_ece": self.chance_ece,
            "reliability": self.reliability,
            "regret": self.regret,
            "boards": self.boards,
            "curves": {k: {"cost": c.cost.tolist(), "accuracy": c.accuracy.tolist()} for k, c in self.curves.items()},
        }
        cleaned = _without_nan(content)
        json.dumps(cleaned, allow_nan=False)
        return dict(cleaned)

    def table(self) -> "Table":
        """The figures for a terminal."""
        from rich.table import Table

        title = (
            f"{self.table_name} ({self.split}): {counted(self.queries, 'query', 'queries')}, {len(self.pool)} experts"
        )
        title += f"; {self.weak} -> {self.reference}"
        found = Table(title=title)
        found.add_column("method")
        for head in _HEADS.values():
            found.add_column(head, justify="right")
        for line in (*self.lines, *self.singles):
            found.add_row(line.method, *(_shown(getattr(line, name)) for name in _HEADS))
        return found

    def on_boards(self) -> str:
        """What public leaderboards would call this, in two lines for people."""
        arena, mean = (self.boards.get(name, {}) for name in ("routerarena", "routereval"))

        def said(figures: dict[str, float | None], **words: str) -> str:
            return ", ".join(f"{word} {_shown(_number(figures.get(name)))}" for name, word in words.items())

        first = said(
            arena, score="score", accuracy="accuracy", optimal_selection="optimal selection",
            optimal_cost="optimal cost", optimal_accuracy="optimal accuracy", robustness="robustness",
        )  # fmt: skip
        second = said(mean, accuracy="accuracy", over_reference="V_R", over_best="V_B", entropy="E_p")
        return f"As RouterArena counts, the default rule: {first}.\nAs RouterEval counts, the best predicted: {second}."


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _shown(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
