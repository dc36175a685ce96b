"""Writes docs/RESULTS.md: `python -m leeroo.evaluation.results DIR... --out docs/RESULTS.md`. Never edited by hand."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leeroo.evaluation.metrics import accuracy_at, cost_at
from leeroo.evaluation.report import Line, Report
from leeroo.evaluation.robustness import flip_rates
from leeroo.evaluation.run import Baselines, evaluate
from leeroo.learning.outcomes import OutcomeTable
from leeroo.prediction.response import ResponsePredictor, load

_SMALL = (
    "Chinese-Mistral-7B-v0.1",
    "Meta-Llama-3-8B",
    "MetaMath-Mistral-7B",
    "Mistral-7B-v0.1",
    "dolphin-2.6-mistral-7b",
    "dolphin-2.9-llama3-8b",
    "zephyr-7b-beta",
)
_MIXTRAL, _GPT4 = "Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
_HEADS = {
    "auc": "AUC",
    "ece": "ECE",
    "apgr": "APGR",
    "cpt50": "CPT(50%)",
    "cpt80": "CPT(80%)",
    "aiq": "AIQ",
    "accuracy": "best accuracy",
    "accuracy_at_reference_cost": "accuracy at reference's cost",
    "cost_100": "cost at 100%",
    "cost_99": "at 99%",
    "cost_95": "at 95%",
}
_LIMITS = """## What this does not show
- The test part comes from the same benchmarks as the training part: multiple-choice questions, mostly. It says little
  of open-ended requests, long conversations or tools.
- Costs are list prices of 2024 applied to the tables' token counts; in `mmlu` and `mixed` one output length is assumed
  for all, so only prices matter there.
- The best point of a frontier is read off on the test part itself: in service, a budget or a tolerance is set before.
- Intervals are not given; with about 800 queries, a difference of one point of accuracy or 0.01 of AUC may be chance.
  With ten bins and so few queries, even a perfectly calibrated predictor would show an ECE of 0.03 to 0.05.
- Nothing here was tuned on the test part; shrinkage, memory and calibration were chosen on the validation part.
"""


def _row(line: Line) -> str:
    cells = (getattr(line, name) for name in _HEADS)
    return f"| {line.method} | " + " | ".join("-" if np.isnan(v) else f"{v:.3f}" for v in cells) + " |"


def section(title: str, report: Report) -> str:
    """One evaluation as Markdown."""
    head = "| method | " + " | ".join(_HEADS.values()) + " |\n|---|" + "---|" * len(_HEADS)
    rows = "\n".join(_row(line) for line in report.lines)
    singles = ", ".join(
        f"{line.method} {line.accuracy:.3f} ({line.cost_100:.2f} of the reference's cost)"
        for line in report.singles[:6]
    )
    return (
        f"## {title}\n{report.queries} queries of the {report.split} part, {len(report.pool)} experts; "
        f"reference {report.reference}; APGR and CPT from {report.weak} to it. "
        "Costs are shares of the reference's cost.\n\n"
        f"{head}\n{rows}\n\nSingle experts (best six): {singles}.\n"
    )


def paper_pools(folder: Path, predictor: ResponsePredictor) -> str:
    """The paper's three MMLU pools beside its claims (arXiv 2401.13979, table 1)."""
    open_pool = evaluate(folder, predictor, pool=[*_SMALL, _MIXTRAL], reference=_MIXTRAL, baselines="none")
    with_gpt = evaluate(folder, predictor, pool=[*_SMALL, _MIXTRAL, _GPT4], reference=_GPT4, baselines="none")
    ours, gpt = open_pool.curves["leeroo"], with_gpt.curves["leeroo"]
    mixtral = next(line for line in open_pool.singles if line.method == _MIXTRAL)
    gpt4 = next(line for line in with_gpt.singles if line.method == _GPT4)
    queries, points = open_pool.queries, 100 * (accuracy_at(ours, mixtral.cost) - mixtral.accuracy)
    share = cost_at(ours, mixtral.accuracy) / mixtral.cost
    half, most = (accuracy_at(gpt, part * gpt4.cost) for part in (0.5, 0.75))
    return (
        f"## The paper's pools on MMLU\n{queries} test queries that all nine experts answered. The paper's pool holds "
        "other 7B models, chosen for it; ours are the seven that the table has.\n\n"
        "| pool | the paper's claim | measured here |\n|---|---|---|\n"
        "| 7B experts + Mixtral | Mixtral's accuracy at 2/3 of its cost | "
        f"Mixtral's accuracy ({mixtral.accuracy:.3f}) at {share:.2f} of its cost |\n"
        f"| the same | + 5 points at Mixtral's cost | {points:+.1f} points |\n"
        f"| + GPT-4, half its cost | nearly GPT-4's accuracy | {half:.3f} against {gpt4.accuracy:.3f} |\n"
        f"| + GPT-4, 75% of its cost | above GPT-4 | {most:.3f} against {gpt4.accuracy:.3f} |\n"
    )


def robustness(folder: Path, predictor: ResponsePredictor, *, limit: int = 80) -> str:
    """Flip rates as Markdown."""
    table = OutcomeTable.read(folder)
    rows = np.flatnonzero(table.parts() == "test")[:limit]
    rates = flip_rates(table.take(rows), predictor)
    lines = "\n".join(f"| {name} | {r['flips']:.1%} | {r['regret']:.4f} |" for name, r in rates.items())
    return (
        f"### {folder.name}: {len(rows)} queries, {len(table.experts)} experts\n"
        f"| change | choices that flip | predicted quality lost |\n|---|---|---|\n{lines}\n"
    )


def write_results(
    dirs: Sequence[str | Path], predictor: ResponsePredictor, out: str | Path, *, baselines: Baselines = "cheap"
) -> None:
    """Evaluate on the held-out part of every table and write the report, plots beside it.

    Args:
        dirs: Outcome tables; `mmlu` and `mmlu-pro` get their own sections.
        predictor: The predictor.
        out: The Markdown file.
        baselines: all, cheap or none.
    """
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    about = predictor.artifact.about
    text = [
        "# Results\nWritten by `python -m leeroo.evaluation.results`; not edited by hand. The artifact was trained on "
        f"{about.get('queries', '?')} queries (hash {str(about.get('trained_on', '?'))[:12]}); the test part, split "
        "off by the hash of its stems, was not used in training or tuning.\n"
    ]
    for folder in map(Path, dirs):
        if folder.name == "mmlu":
            report = evaluate(
                folder, predictor, pool=[_MIXTRAL, _GPT4], reference=_GPT4, weak=_MIXTRAL, baselines=baselines
            )
            text.append(section("MMLU: Mixtral-8x7B and GPT-4", report))
            text.append(paper_pools(folder, predictor))
        else:
            report = evaluate(folder, predictor, baselines=baselines)
            text.append(section(folder.name, report))
        plot = path.parent / f"frontier-{folder.name}.svg"
        report.plot(plot)
        text.append(f"![frontier]({plot.name})\n")
    flips = "\n".join(robustness(Path(folder), predictor) for folder in dirs)
    rule = "Choice: the cheapest expert within 0.02 of the best predicted quality."
    text.append(f"## Robustness\n{rule}\n\n{flips}")
    text.append(_LIMITS)
    path.write_text("\n".join(text), encoding="utf-8")


def main() -> None:
    """Read the arguments and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dirs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/RESULTS.md"))
    parser.add_argument("--artifact", type=Path, default=None)
    parser.add_argument("--baselines", choices=("all", "cheap", "none"), default="cheap")
    given = parser.parse_args()
    write_results(given.dirs, load(given.artifact), given.out, baselines=given.baselines)


if __name__ == "__main__":
    main()
