"""Writes docs/RESULTS.md: `python -m leeroo.evaluation.results DIR... --out docs/RESULTS.md`. Never edited by hand."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leeroo.evaluation.figures import Line
from leeroo.evaluation.report import Report
from leeroo.evaluation.run import Baselines, evaluate
from leeroo.evaluation.studies import GPT4, MIXTRAL, feedback, left_out, paper_pools, robustness, universe
from leeroo.prediction.response import ResponsePredictor, load

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
    "order": "order",
    "won": "won",
}
# What the project set out to reach, by table and figure; the sign says which way is better.
_AIMS: dict[str, dict[str, tuple[str, float]]] = {
    "mmlu": {
        "auc": (">=", 0.72),
        "ece": ("<=", 0.03),
        "apgr": (">=", 0.72),
        "cpt50": ("<=", 0.24),
        "cpt80": ("<=", 0.52),
        "cost_100": ("<=", 0.75),
    },
    "mmlu-pro": {
        "auc": (">=", 0.705),
        "ece": ("<=", 0.03),
        "cost_100": ("<=", 0.5),
        "cost_99": ("<=", 0.4),
        "cost_95": ("<=", 0.18),
    },
}
_LIMITS = """## What this does not show
- The test part comes from the same benchmarks as the training part: multiple-choice questions, mostly. It says little
  of open-ended requests, long conversations or tools.
- Costs are list prices of 2024 applied to the tables' token counts; in `mmlu` and `mixed` one output length is assumed
  for all, so only prices matter there.
- The best point of a frontier is read off on the test part itself: in service, a budget or a tolerance is set before.
- Intervals are of the queries only: another seed of the training would move the figures too. Where two methods'
  figures lie inside each other's intervals, nothing says which is better.
- An ECE of so few queries is mostly chance; beside it stands what a perfectly calibrated predictor would show.
- Nothing here was tuned on the test part; shrinkage, memory and calibration were chosen on the validation part.
"""


def _number(value: float) -> str:
    return "-" if not np.isfinite(value) else f"{value:.3f}"


def headline(reports: Sequence[Report]) -> str:
    """Our figures beside the aims, with intervals."""
    lines = []
    for report in reports:
        ours = next(line for line in report.lines if line.method == "leeroo")
        for name, (sign, aim) in _AIMS.get(report.table_name, {}).items():
            value = getattr(ours, name)
            low, high = report.intervals.get(name, (np.nan, np.nan))
            met = value >= aim if sign == ">=" else value <= aim
            interval = f"{_number(low)} to {_number(high)}" if np.isfinite(low) else "-"
            if name == "ece":
                interval = f"chance alone: {report.chance_ece:.3f}"
            lines.append(
                f"| {report.table_name} | {_HEADS[name]} | {sign} {aim:g} | {_number(value)} | {interval} "
                f"| {'yes' if met else 'no'} |"
            )
    if not lines:
        return ""
    head = "| table | figure | aim | measured | 95% interval | reached |\n|---|---|---|---|---|---|"
    return "## Aims and figures\n" + head + "\n" + "\n".join(lines) + "\n"


def section(title: str, report: Report) -> str:
    """One evaluation as Markdown."""
    head = "| method | " + " | ".join(_HEADS.values()) + " |\n|---|" + "---|" * len(_HEADS)
    rows = "\n".join(_row(line) for line in report.lines)
    singles = ", ".join(
        f"{line.method} {line.accuracy:.3f} ({line.cost_100:.2f} of the reference's cost)"
        for line in report.singles[:6]
    )
    sure = ", ".join(
        f"{_HEADS[name]} {_number(low)} to {_number(high)}" for name, (low, high) in report.intervals.items()
    )
    return (
        f"## {title}\n{report.queries} queries of the {report.split} part, {len(report.pool)} experts; "
        f"reference {report.reference}; APGR and CPT from {report.weak} to it. "
        "Costs are shares of the reference's cost.\n\n"
        f"{head}\n{rows}\n\n95% intervals of leeroo's figures: {sure}. "
        f"ECE by chance alone: {report.chance_ece:.3f}.\n\nSingle experts (best six): {singles}.\n"
    )


def _row(line: Line) -> str:
    return f"| {line.method} | " + " | ".join(_number(getattr(line, name)) for name in _HEADS) + " |"


def write_results(
    dirs: Sequence[str | Path],
    predictor: ResponsePredictor,
    out: str | Path,
    *,
    baselines: Baselines = "cheap",
    studies: bool = True,
    progress: bool = False,
) -> None:
    """Evaluate on the held-out part of every table and write the report, plots beside it.

    Args:
        dirs: Outcome tables; `mmlu` gets the paper's pools.
        predictor: The predictor.
        out: The Markdown file.
        baselines: all, cheap or none.
        studies: Leave experts and domains out as well, which fits some hundred response models.
        progress: Show what is being done.
    """
    path, folders = Path(out), [Path(folder) for folder in dirs]
    path.parent.mkdir(parents=True, exist_ok=True)
    reports, text = [], []
    for folder in folders:
        report, pages = _measured(folder, predictor, path.parent, baselines, progress)
        reports.append(report)
        text += pages
    text += left_out(folders, predictor, path, progress) if studies else []
    text += [robustness(folders, predictor), universe(folders, path)]
    text += [*feedback(folders, predictor, path.parent / "feedback.svg"), _LIMITS]
    about = predictor.artifact.about
    intro = (
        "# Results\nWritten by `python -m leeroo.evaluation.results`; not edited by hand. The artifact was trained on "
        f"{about.get('queries', '?')} queries (hash {str(about.get('trained_on', '?'))[:12]}); the test part, split "
        "off by the hash of its stems, was not used in training or tuning.\n"
    )
    path.write_text("\n".join([intro, headline(reports), *text]), encoding="utf-8")


def _measured(
    folder: Path, predictor: ResponsePredictor, beside: Path, baselines: Baselines, progress: bool
) -> tuple[Report, list[str]]:
    """One table's evaluation, and what is written of it; its plots lie in `beside`."""
    mmlu = folder.name == "mmlu"
    if mmlu:
        report = evaluate(
            folder,
            predictor,
            pool=[MIXTRAL, GPT4],
            reference=GPT4,
            weak=MIXTRAL,
            baselines=baselines,
            progress=progress,
        )
    else:
        report = evaluate(folder, predictor, baselines=baselines, progress=progress)
    text = [section("MMLU: Mixtral-8x7B and GPT-4" if mmlu else folder.name, report)]
    text += [f"![{file.stem}]({file.name})\n" for file in report.plot(beside / f"frontier-{folder.name}.svg")]
    if mmlu:
        text.append(paper_pools(folder, predictor))
    return report, text


def main() -> None:
    """Read the arguments and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dirs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/RESULTS.md"))
    parser.add_argument("--artifact", type=Path, default=None)
    parser.add_argument("--baselines", choices=("all", "cheap", "none"), default="cheap")
    parser.add_argument("--no-studies", action="store_true", help="Leave out new experts and far from home.")
    given = parser.parse_args()
    write_results(
        given.dirs,
        load(given.artifact),
        given.out,
        baselines=given.baselines,
        studies=not given.no_studies,
        progress=sys.stderr.isatty(),
    )


if __name__ == "__main__":
    main()
