"""What an evaluation found: figures, a table, a plot."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leeroo.errors import ConfigError, MissingDependency
from leeroo.evaluation.metrics import Curve

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
}


@dataclass(frozen=True)
class Report:
    """One evaluation.

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
            "curves": {k: {"cost": c.cost.tolist(), "accuracy": c.accuracy.tolist()} for k, c in self.curves.items()},
        }
        cleaned = _without_nan(content)
        json.dumps(cleaned, allow_nan=False)
        return dict(cleaned)

    def table(self) -> "Table":
        """The figures for a terminal."""
        from rich.table import Table

        title = f"{self.table_name} ({self.split}): {self.queries} queries, {len(self.pool)} experts"
        title += f"; {self.weak} -> {self.reference}"
        found = Table(title=title)
        found.add_column("method")
        for head in _HEADS.values():
            found.add_column(head, justify="right")
        for line in (*self.lines, *self.singles):
            found.add_row(line.method, *(_shown(getattr(line, name)) for name in _HEADS))
        return found

    def plot(self, file: str | Path) -> None:
        """Draw accuracy against cost to a .png or .svg file.

        Raises:
            ConfigError: Another suffix.
            MissingDependency: matplotlib is not installed.
        """
        path = Path(file)
        if path.suffix not in (".png", ".svg"):
            raise ConfigError(f"{path}: plots are written as .png or .svg.")
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            raise MissingDependency("Plots need matplotlib: pip install 'leeroo[eval]'.") from None
        figure = Figure(figsize=(8, 5), dpi=130)
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for name, curve in self.curves.items():
            best = np.maximum.accumulate(curve.accuracy)
            ours, chance = name == "leeroo", name in ("random mixing", "oracle")
            # Between two points calls are mixed, which is a straight line in cost and so a curve on the log axis.
            cost = np.geomspace(max(float(curve.cost[0]), 1e-12), max(float(curve.cost[-1]), 1e-12), 400)
            axes.plot(
                cost * 1000,
                np.interp(cost, curve.cost, best),
                label=name,
                linewidth=2.6 if ours else 1.2,
                linestyle="--" if chance else "-",
                zorder=5 if ours else 2,
            )
        middle = float(np.sqrt(min(s.cost for s in self.singles) * max(s.cost for s in self.singles)))
        for line in self.singles:
            axes.plot(line.cost * 1000, line.accuracy, "k.", markersize=5)
            if line.method in (self.reference, self.weak) or len(self.singles) <= 10:
                axes.annotate(
                    line.method,
                    (line.cost * 1000, line.accuracy),
                    fontsize=7,
                    xytext=(0, -11),
                    textcoords="offset points",
                    ha="left" if line.cost < middle else "right",
                )
        axes.set_xscale("log")
        axes.set_xlabel("mean cost, USD per 1,000 queries")
        axes.set_ylabel("accuracy")
        axes.set_title(
            f"{self.table_name}, {self.split} part: {self.queries} queries, {len(self.pool)} experts", fontsize=10
        )
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
        figure.tight_layout()
        figure.savefig(path)


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
