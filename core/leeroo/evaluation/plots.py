"""Plots of an evaluation: the cost-accuracy frontier, calibration, regret by domain. Needs matplotlib."""

from pathlib import Path
from typing import Any

import numpy as np

from leeroo.errors import ConfigError, MissingDependency
from leeroo.evaluation.figures import Figures
from leeroo.visible import counted

# Okabe and Ito's colours: told apart with every common kind of colour blindness.
OURS, OTHER, GREY = "#0072B2", "#D55E00", "#666666"
COLOURS = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D1F", "#44AA99")
_NEUTRAL = {"random mixing": (GREY, "--"), "oracle": (GREY, ":")}


def canvas(width: float, height: float, *, panels: int = 1) -> tuple[Any, ...]:
    """A figure and its axes, side by side, on a light ground; the same data give the same file.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependency("Plots need matplotlib: pip install 'leeroo[eval]'.") from None
    matplotlib.rcParams["svg.hashsalt"] = "leeroo"
    figure = Figure(figsize=(width, height), dpi=130, facecolor="white", layout="constrained")
    found = [figure.add_subplot(1, panels, place + 1) for place in range(panels)]
    for axes in found:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return (figure, *found)


def save(figure: Any, path: Path) -> Path:
    """Write a figure.

    Raises:
        ConfigError: The suffix is neither .png nor .svg.
    """
    if path.suffix not in (".png", ".svg"):
        raise ConfigError(f"{path}: plots are written as .png or .svg.")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return path


def draw(report: Figures, path: Path) -> list[Path]:
    """The three plots: the frontier in `path`, the others beside it; what the report does not hold is left out."""
    written = [save(frontier(report), path)]
    if report.reliability:
        written.append(save(calibration(report), path.with_stem(f"{path.stem}-calibration")))
    if report.regret:
        written.append(save(regret(report), path.with_stem(f"{path.stem}-regret")))
    return written


def frontier(report: Figures) -> Any:
    """Accuracy against cost by method, single experts as dots."""
    figure, axes = canvas(8, 5)
    _methods(axes, report)
    _singles(axes, report)
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("mean cost, USD per 1,000 queries")
    axes.set_ylabel("accuracy")
    axes.set_title(
        f"{report.table_name}, {report.split} part: {counted(report.queries, 'query', 'queries')}, "
        f"{len(report.pool)} experts",
        fontsize=10,
    )
    axes.legend(fontsize=8, frameon=False)
    return figure


def _methods(axes: Any, report: Figures) -> None:
    """A line per method."""
    colours = iter(COLOURS)
    for name, curve in report.curves.items():
        best = np.maximum.accumulate(curve.accuracy)
        ours = name == "leeroo"
        colour, style = (OURS, "-") if ours else _NEUTRAL[name] if name in _NEUTRAL else (next(colours), "-")
        # Between two points calls are mixed, which is a straight line in cost and so a curve on the log axis.
        cost = np.geomspace(max(float(curve.cost[0]), 1e-12), max(float(curve.cost[-1]), 1e-12), 400)
        axes.plot(
            cost * 1000,
            np.interp(cost, curve.cost, best),
            label=name,
            color=colour,
            linewidth=2.8 if ours else 1.2,
            linestyle=style,
            zorder=5 if ours else 2,
        )


def _singles(axes: Any, report: Figures) -> None:
    """A dot per expert, with the names that matter or fit."""
    middle = float(np.sqrt(min(s.cost for s in report.singles) * max(s.cost for s in report.singles)))
    for line in report.singles:
        axes.plot(line.cost * 1000, line.accuracy, ".", color="black", markersize=6, zorder=6)
        if line.method in (report.reference, report.weak) or len(report.singles) <= 3:
            axes.annotate(
                line.method,
                (line.cost * 1000, line.accuracy),
                fontsize=8,
                xytext=(0, -13),
                textcoords="offset points",
                ha="left" if line.cost < middle else "right",
            )


def calibration(report: Figures) -> Any:
    """Mean score against mean prediction in equally filled bins: each expert thin, all together thick."""
    figure, axes = canvas(5.5, 5)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
    few = len(report.reliability) <= 3
    for place, (name, rows) in enumerate(report.reliability.items()):
        p, y, _ = np.array(rows).T
        colour = COLOURS[place] if few else OURS
        label = name if few else ("each expert" if place == 0 else None)
        axes.plot(p, y, color=colour, alpha=0.9 if few else 0.22, linewidth=1.2, marker=".", markersize=4, label=label)
    bins = [np.array(rows) for rows in report.reliability.values()]
    size = min(len(rows) for rows in bins)
    order = np.concatenate(bins)
    order = order[np.argsort(order[:, 0])]
    together = [np.average(part[:, :2], axis=0, weights=part[:, 2]) for part in np.array_split(order, size)]
    axes.plot(*np.array(together).T, color="black", linewidth=2.4, marker="o", markersize=5, label="all experts")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="predicted quality", ylabel="measured score")
    ece = next(line.ece for line in report.lines if line.method == "leeroo")
    axes.set_title(
        f"{report.table_name}: ECE {ece:.3f} per expert\n({report.chance_ece:.3f} would be chance alone)", fontsize=10
    )
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    return figure


def regret(report: Figures) -> Any:
    """Score lost against the best expert of each query, by domain: always the reference, and our default rule."""
    shown = sorted(report.regret.items(), key=lambda item: item[1]["leeroo"])
    if len(shown) > 30:  # the largest domains, so that the labels stay readable
        kept = sorted(shown, key=lambda item: -item[1]["queries"])[:30]
        shown = [item for item in shown if item in kept]
    figure, axes = canvas(7.5, 1.6 + 0.24 * len(shown))
    height = np.arange(len(shown))
    ours, fixed = (np.array([row[key] for _, row in shown]) for key in ("leeroo", "reference"))
    axes.hlines(height, np.minimum(ours, fixed), np.maximum(ours, fixed), color="#BBBBBB", linewidth=2, zorder=1)
    hollow = {"marker": "s", "s": 70, "facecolors": "none", "edgecolors": OTHER, "linewidths": 1.8}
    axes.scatter(fixed, height, label=f"always {report.reference}", zorder=2, **hollow)
    axes.scatter(ours, height, color=OURS, s=34, label="leeroo, within 0.02 of the best", zorder=3)
    axes.set_yticks(height, [f"{name} ({row['queries']:.0f})" for name, row in shown], fontsize=8)
    axes.set_xlabel("regret: score per query below the best expert of each query")
    axes.set_xlim(left=-0.02 * max(float(np.max([ours, fixed])), 0.05))
    axes.set_title(f"{report.table_name}, by domain (queries)", fontsize=10)
    figure.legend(loc="outside lower center", fontsize=8, ncols=2, frameon=False)
    return figure
