"""The studies of docs/RESULTS.md, each as Markdown: the paper's pools, new experts, far domains, robustness, gaps."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from leeroo.evaluation import drift, newcomers, pools, shift
from leeroo.evaluation.metrics import accuracy_at, cost_at
from leeroo.evaluation.refit import Space
from leeroo.evaluation.robustness import flip_rates
from leeroo.evaluation.run import evaluate
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.response import ResponsePredictor

_SMALL = (
    "Chinese-Mistral-7B-v0.1",
    "Meta-Llama-3-8B",
    "MetaMath-Mistral-7B",
    "Mistral-7B-v0.1",
    "dolphin-2.6-mistral-7b",
    "dolphin-2.9-llama3-8b",
    "zephyr-7b-beta",
)
MIXTRAL, GPT4 = "Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
SPACES: tuple[Space, ...] = ("plain", "own")


def paper_pools(folder: Path, predictor: ResponsePredictor) -> str:
    """The paper's three MMLU pools beside its claims (arXiv 2401.13979, table 1)."""
    open_pool = evaluate(folder, predictor, pool=[*_SMALL, MIXTRAL], reference=MIXTRAL, baselines="none")
    with_gpt = evaluate(folder, predictor, pool=[*_SMALL, MIXTRAL, GPT4], reference=GPT4, baselines="none")
    ours, gpt = open_pool.curves["leeroo"], with_gpt.curves["leeroo"]
    mixtral = next(line for line in open_pool.singles if line.method == MIXTRAL)
    gpt4 = next(line for line in with_gpt.singles if line.method == GPT4)
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


def left_out(folders: Sequence[Path], predictor: ResponsePredictor, path: Path, progress: bool) -> Iterator[str]:
    """The studies that leave experts and domains out, as Markdown."""
    yield new_experts(folders, predictor, path.parent / "new-experts.svg", progress=progress)
    yield far_from_home(folders, predictor, progress=progress)
