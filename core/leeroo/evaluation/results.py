"""Writes docs/RESULTS.md: `python -m leeroo.evaluation.results DIR... --out docs/RESULTS.md`. Never edited by hand."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from leeroo.evaluation import drift, newcomers, pools, shift
from leeroo.evaluation.figures import Line
from leeroo.evaluation.metrics import accuracy_at, cost_at
from leeroo.evaluation.refit import Space
from leeroo.evaluation.report import Report
from leeroo.evaluation.robustness import flip_rates
from leeroo.evaluation.run import Baselines, evaluate
from leeroo.outcomes.table import OutcomeTable
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
SPACES: tuple[Space, ...] = ("plain", "own")
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


def new_experts(folders: Sequence[Path], predictor: ResponsePredictor, plot: Path, *, progress: bool) -> str:
    """The study of new experts as Markdown, its plot written."""
    rows = [
        row
        for folder in folders
        for space in SPACES
        for row in newcomers.study(folder, predictor, space, progress=progress)
    ]
    newcomers.plot(rows, plot)
    return (
        "## New experts\nEach expert is left out in turn, the response model is fitted without it, and its traits are "
        "then fitted from N of its outcomes with the others as the prior. Measured on the test part, mean over the "
        "experts. `plain`: on vectors of the plain encoder, which has seen no outcome: strict. `own`: on the "
        "predictor's own vectors, whose fine-tuning did see the expert's outcomes: a little too kind.\n\n"
        f"{newcomers.markdown(rows)}\n\n![new experts]({plot.name})\n"
    )


def far_from_home(folders: Sequence[Path], predictor: ResponsePredictor, *, progress: bool) -> str:
    """The study of domains left out as Markdown."""
    by_name = {folder.name: folder for folder in folders}
    rows = []
    for space in SPACES:
        if "mmlu-pro" in by_name:
            rows += shift.leave_domains_out(by_name["mmlu-pro"], predictor, space, progress=progress)
        if "mixed" in by_name and len(folders) > 1:
            others = [folder for folder in folders if folder.name != "mixed"]
            rows.append(shift.leave_table_out(by_name["mixed"], others, predictor, space, progress=progress))
    if not rows:
        return ""
    return (
        "## Far from home\nEach domain of `mmlu-pro` is left out in turn: the response model is fitted on the others "
        "and asked about this one; `all` puts all domains together. `mixed` is left out as a whole; of its experts "
        "only their mean score is known then. `plain`: on vectors of the plain encoder: strict. `own`: on the "
        "predictor's own vectors, whose fine-tuning saw the domain, asked about queries it did not see. The best "
        "fixed choice is the expert that is best on what was fitted; AIQ is the mean accuracy of the frontier.\n\n"
        f"{shift.markdown(rows)}\n"
    )


def robustness(folders: Sequence[Path], predictor: ResponsePredictor, *, limit: int = 80) -> str:
    """Flip rates as Markdown."""
    text = [
        "## Robustness\nChoices that flip when the same question is written otherwise (and the predicted quality lost, "
        "mean over queries). Choice: the cheapest expert within 0.02 of the best predicted quality.\n"
    ]
    rates: dict[str, list[str]] = {}
    heads = []
    for folder in folders:
        table = OutcomeTable.read(folder)
        rows = np.flatnonzero(table.parts() == "test")[:limit]
        heads.append(f"{folder.name}: {len(rows)} queries, {len(table.experts)} experts")
        for name, rate in flip_rates(table.take(rows), predictor).items():
            rates.setdefault(name, []).append(f"{rate['flips']:.1%} ({rate['regret']:.4f})")
    text.append(f"| change | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    text += [f"| {name} | {' | '.join(cells)} |" for name, cells in rates.items()]
    return "\n".join(text) + "\n"


def universe(folders: Sequence[Path], out: Path, *, size: int = 5) -> str:
    """Small pools, what they reach on held-out queries, and their gaps, as Markdown; plots written beside."""
    text = [
        "## Universe and gaps\nS(U) is the mean over queries of the best score in the pool (arXiv 2401.13979); pools "
        "are chosen on all but the test part. The gaps are the domains that the chosen pool serves worst.\n"
    ]
    for folder in folders:
        table = OutcomeTable.read(folder)
        pool = pools.choose(table, min(size, len(table.experts)))
        drawn = pools.plot(pool, out.parent / f"universe-{folder.name}.svg")
        text += [pools.markdown(pool), f"![gain by k]({drawn.name})\n"]
        text.append(pools.gaps_markdown(table, pool.universe.experts))
    return "\n".join(text)


def feedback(folders: Sequence[Path], predictor: ResponsePredictor, plot: Path) -> Iterator[str]:
    """How feedback moves the traffic, where a table has the study's experts, as Markdown; the plot written beside."""
    for folder in folders:
        if set(drift.POOL) <= set(OutcomeTable.read(folder).experts):
            world = drift.World.read(folder, predictor)
            lines = drift.study(world)
            yield drift.markdown(world, lines, folder.name)
            yield f"![The favourite's share of the traffic]({drift.plot(world, lines, plot).name})\n"


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
        if folder.name == "mmlu":
            reports.append(
                evaluate(
                    folder,
                    predictor,
                    pool=[_MIXTRAL, _GPT4],
                    reference=_GPT4,
                    weak=_MIXTRAL,
                    baselines=baselines,
                    progress=progress,
                )
            )
            text.append(section("MMLU: Mixtral-8x7B and GPT-4", reports[-1]))
        else:
            reports.append(evaluate(folder, predictor, baselines=baselines, progress=progress))
            text.append(section(folder.name, reports[-1]))
        drawn = reports[-1].plot(path.parent / f"frontier-{folder.name}.svg")
        text += [f"![{file.stem}]({file.name})\n" for file in drawn]
        if folder.name == "mmlu":
            text.append(paper_pools(folder, predictor))
    text += _studies(folders, predictor, path, progress) if studies else []
    text += [robustness(folders, predictor), universe(folders, path)]
    text += [*feedback(folders, predictor, path.parent / "feedback.svg"), _LIMITS]
    about = predictor.artifact.about
    intro = (
        "# Results\nWritten by `python -m leeroo.evaluation.results`; not edited by hand. The artifact was trained on "
        f"{about.get('queries', '?')} queries (hash {str(about.get('trained_on', '?'))[:12]}); the test part, split "
        "off by the hash of its stems, was not used in training or tuning.\n"
    )
    path.write_text("\n".join([intro, headline(reports), *text]), encoding="utf-8")


def _studies(folders: Sequence[Path], predictor: ResponsePredictor, path: Path, progress: bool) -> Iterator[str]:
    yield new_experts(folders, predictor, path.parent / "new-experts.svg", progress=progress)
    yield far_from_home(folders, predictor, progress=progress)


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
