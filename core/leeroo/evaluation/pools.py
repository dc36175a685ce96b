"""Universe construction on an outcome table, checked on its held-out part: figures, a table, a plot."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leeroo.evaluation.plots import GREY, OTHER, OURS, canvas, save
from leeroo.outcomes.table import OutcomeTable
from leeroo.universe.construction import Universe, construct, coverage
from leeroo.universe.gaps import find_gaps


@dataclass(frozen=True)
class CheckedPool:
    """A pool chosen on one part of a table, and what it reaches on the other.

    Attributes:
        table: The table's name.
        universe: The pool, its gains and its bound on the queries it was chosen on.
        queries: How many those are.
        held_out: S(U) after each expert on the held-out queries.
        held_out_queries: How many those are.
        held_out_best: S of all experts together there.
    """

    table: str
    universe: Universe
    queries: int
    held_out: tuple[float, ...]
    held_out_queries: int
    held_out_best: float


def choose(
    table: OutcomeTable,
    size: int,
    *,
    cost_weight: float = 0.0,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> CheckedPool:
    """Choose a pool on all but the test part, and measure it there.

    Args:
        table: The outcome table.
        size: How many experts.
        cost_weight: Score that a USD per 1,000 answers is worth.
        include: Experts that must be in.
        exclude: Experts that must not.

    Raises:
        ConfigError: An unknown name, or a size that the experts do not allow.
    """
    unseen_rows = table.parts() == "test"
    known, unseen = table.take(~unseen_rows), table.take(unseen_rows)
    found = construct(
        known.scores,
        known.experts,
        size,
        costs=np.nan_to_num(np.nanmean(known.costs, axis=0) * 1000) if cost_weight else None,
        cost_weight=cost_weight,
        include=include,
        exclude=exclude,
    )
    return CheckedPool(
        table=table.name,
        universe=found,
        queries=len(known),
        held_out=tuple(coverage(unseen.scores, unseen.experts, found.experts[: k + 1]) for k in range(size)),
        held_out_queries=len(unseen),
        held_out_best=coverage(unseen.scores, unseen.experts, unseen.experts),
    )


def markdown(pool: CheckedPool) -> str:
    """The pool as a table."""
    found = pool.universe
    rows = zip(found.experts, found.gains, found.values, pool.held_out, strict=True)
    lines = "\n".join(
        f"| {k} | {name} | {gain:.4f} | {value:.4f} | {unseen:.4f} |"
        for k, (name, gain, value, unseen) in enumerate(rows, start=1)
    )
    return (
        f"### {pool.table}: {pool.queries} queries to choose on, {pool.held_out_queries} held out\n"
        f"| k | expert | gain | S(U) | S(U), held out |\n|---|---|---|---|---|\n{lines}\n\n"
        f"No pool of {len(found.experts)} can pass {found.bound:.4f} on the queries chosen on: this one reaches "
        f"{found.values[-1] / found.bound:.1%} of that (greedy guarantees 63.2%). All experts together reach "
        f"{pool.held_out_best:.4f} on the held-out ones.\n"
    )


def gaps_markdown(table: OutcomeTable, pool: Sequence[str], *, least: int = 60, worst: int = 8) -> str:
    """The domains that the pool serves worst, as a table."""
    found = find_gaps(table.scores, table.experts, table.domains, pool, least=least)[:worst]
    lines = "\n".join(
        f"| {gap.domain} | {gap.queries} | {gap.best:.3f} | {gap.expert} | {gap.single:.3f} "
        f"| {gap.helper or '-'} | {gap.gain:.3f} |"
        for gap in found
    )
    return (
        "| domain | queries | some expert is right | best single expert | its score | would add most | gain |\n"
        f"|---|---|---|---|---|---|---|\n{lines}\n"
    )


def plot(pool: CheckedPool, path: Path) -> Path:
    """S(U) by number of experts, on the queries chosen on and on held-out ones, with each expert's name.

    Raises:
        ConfigError: The suffix is neither .png nor .svg.
        MissingDependency: matplotlib is not installed.
    """
    found = pool.universe
    k = np.arange(1, len(found.experts) + 1)
    figure, axes = canvas(8, 4.5)
    axes.axhline(found.bound, color=GREY, linestyle=":", linewidth=1.2, label=f"no pool of {k[-1]} can pass this")
    axes.plot(k, found.values, color=OURS, marker="o", linewidth=2, label=f"{pool.queries} queries chosen on")
    held = f"{pool.held_out_queries} held-out queries"
    axes.plot(k, pool.held_out, color=OTHER, marker="s", linestyle="--", linewidth=1.6, label=held)
    axes.set_xticks(k, [f"{i}\n{name}" for i, name in zip(k, found.experts, strict=True)], fontsize=7.5)
    if len(k) > 4:
        axes.tick_params(axis="x", rotation=30)
    axes.set_xlabel("expert added")
    axes.set_ylabel("S(U): score of the pool's best answer")
    axes.set_title(f"{pool.table}: the pool, expert by expert", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    return save(figure, path)
