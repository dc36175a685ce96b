"""The report of a run: a text with its figures in a JSON file and a plot beside it, written by the command."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leeroo.errors import MissingDependency
from leeroo.money import show_usd, to_usd
from leeroo.selfplay.result import Result


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the parts of a report lie."""

    text: Path
    data: Path
    plot: Path


def write_report(result: Result, path: str | Path, command: str) -> Paths:
    """Write the report of a run.

    Args:
        result: The run's.
        path: Of the text, REPORT.md; REPORT.json and REPORT.svg are written beside it.
        command: The command line that made it.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    text = Path(path)
    paths = Paths(text, text.with_suffix(".json"), text.with_suffix(".svg"))
    paths.data.write_text(json.dumps({"command": command, **asdict(result)}, indent=1) + "\n", encoding="utf-8")
    _plot(result, paths.plot)
    text.write_text(_text(result, command, paths.plot.name), encoding="utf-8")
    return paths


def _text(result: Result, command: str, plot: str) -> str:
    about, last = result.about, result.rounds[-1]
    done = len(result.rounds) - 1
    names = [expert["name"] for expert in about["experts"]]
    said = [
        "# Self-play",
        f"Written by `{command}`; not edited by hand.",
        f"{done} rounds, {about['queries']} queries over {len(about['domains'])} domains and {about['held_out']} "
        f"held-out ones, {sum(result.calls.values())} calls, {show_usd(to_usd(result.nano))}. "
        f"It ended for: {result.stopped}. Version in use: `{about['version']}`.",
        "## The predictor on the held-out part",
        "Round 0 is before the run. AUC: P(a right answer was predicted above a wrong one), by expert and their mean; "
        "log loss in nats. The held-out queries were drawn evenly, answered by every expert, never learned from; but "
        "they decide which version is used, so that the figures of the version in use are a little flattering.",
        _rows(
            ["round", "queries", "pairs asked", "cost", *(f"AUC {n}" for n in names), "AUC", "log loss", "ECE", "then"],
            [_round(row, names) for row in result.rounds],
        ),
        f"![AUC by round, and accuracy against cost]({plot})",
        "## The router on the held-out part",
        f"The rule is the pool's own (by default the cheapest within 0.02 of the best), over {_routed(last)} queries "
        "that every expert answered. The oracle takes the cheapest of the best answers and cannot be passed.",
        _rows(["who answers", "accuracy", "cost per query"], _routing(result)),
        "## Domains",
        _rows(["domain", "about"], [[name, text] for name, text in about["domains"].items()]),
        "## How it went",
        "Calls by purpose: " + ", ".join(f"{count} {kind}" for kind, count in sorted(result.calls.items())) + ".",
    ]
    return "\n\n".join([*said, *_notes(result)]) + "\n"


def _notes(result: Result) -> list[str]:
    """What there is to say of answers without a score, of written questions, of the judge, and the settings."""
    about, said = result.about, []
    if result.unscored:
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(result.unscored.items()))
        said.append(f"Answers without a score, which leave no outcome: {listed}.")
    notes = result.rounds[-1].get("notes") or {}
    if any(notes.values()):
        said.append(
            "Written questions: " + ", ".join(f"{count} {what}" for what, count in notes.items() if count) + "."
        )
    if about["judge"]:
        judge = about["judge"]
        told = "not checked" if judge["auc"] is None else f"AUC {judge['auc']:.3f}"
        said.append(f"The judge on {judge['answers']} answers of known score: {told}.")
    said.append("Settings: " + ", ".join(f"{key} {value}" for key, value in about["settings"].items()) + ".")
    return said


def _round(row: dict[str, Any], names: Sequence[str]) -> list[str]:
    asked = f"{row['pairs']} of {row['of']}" if "pairs" in row else "-"
    kept = "" if "promoted" not in row else "kept" if row["promoted"] else "rolled back"
    by_expert = [_figure(row["experts"].get(name, {}).get("auc")) for name in names]
    cost = show_usd(to_usd(row["spent"])) if "spent" in row else "-"
    first = [row["key"], str(row.get("generated", "-")), asked, cost]
    return [*first, *by_expert, _figure(row["auc"]), _figure(row["log_loss"], 4), _figure(row["ece"]), kept]


def _routing(result: Result) -> list[list[str]]:
    rows = [[f"always {name}" if name != "oracle" else name, _figure(found["accuracy"]), show_usd(found["cost"])]
            for name, found in result.always.items()]  # fmt: skip
    for title, row in (("the router before", result.rounds[0]), ("the router after", result.rounds[-1])):
        if "routing" in row:
            rows.append([title, _figure(row["routing"]["accuracy"]), show_usd(row["routing"]["cost"])])
    return rows


def _routed(row: dict[str, Any]) -> int:
    return int(row["routing"]["queries"]) if "routing" in row else 0


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )


def _plot(result: Result, path: Path) -> None:
    try:
        import matplotlib
    except ImportError:
        raise MissingDependency("The report's plot needs matplotlib: pip install 'leeroo[selfplay]'.") from None
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "leeroo"  # the same run gives the same file
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    rounds = range(len(result.rounds))
    for expert in result.about["experts"]:
        values = [row["experts"].get(expert["name"], {}).get("auc") for row in result.rounds]
        known = [(r, v) for r, v in zip(rounds, values, strict=True) if v is not None]
        left.plot([r for r, _ in known], [v for _, v in known], marker="o", label=expert["name"])
    left.set(xlabel="round (0: before)", ylabel="held-out AUC", xticks=list(rounds))
    left.legend(fontsize="small")
    left.grid(alpha=0.3)
    for row, label in ((result.rounds[0], "router before"), (result.rounds[-1], "router after")):
        if "curve" in row:
            right.plot([1000 * cost for cost, _ in row["curve"]], [a for _, a in row["curve"]], marker=".", label=label)
    for name, found in result.always.items():
        label = name if name == "oracle" else f"always {name}"
        right.plot(1000 * found["cost"], found["accuracy"], "x", markersize=8, label=label)
    right.set(xlabel="USD per 1,000 queries", ylabel="held-out accuracy")
    right.legend(fontsize="small")
    right.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
