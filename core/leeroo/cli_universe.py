"""`leeroo universe` and `leeroo gaps`: which experts make a good pool, and what no expert of it does well."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from leeroo.errors import ConfigError
from leeroo.learning.outcomes import OutcomeTable
from leeroo.selection.universe import construct, coverage

out = Console()
TableDir = Annotated[Path, typer.Argument(metavar="DIR", help="Outcome table.")]


def universe(
    table: TableDir,
    size: Annotated[int, typer.Option("-k", "--size", min=1, help="How many experts to choose.")] = 5,
    cost_weight: Annotated[float, typer.Option(min=0, help="Score that a USD per 1,000 answers is worth.")] = 0.0,
    include: Annotated[list[str] | None, typer.Option(help="An expert that must be in. May be repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="An expert that must not. May be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Choose a small pool whose experts complement each other, and check it on held-out queries.

    Example: `leeroo universe data/mmlu-pro -k 5`
    """
    data = OutcomeTable.read(table)
    held_out = data.parts() == "test"
    known, unseen = data.take(~held_out), data.take(held_out)
    found = construct(
        known.scores,
        known.experts,
        size,
        costs=np.nan_to_num(np.nanmean(known.costs, axis=0) * 1000) if cost_weight else None,
        cost_weight=cost_weight,
        include=include or (),
        exclude=exclude or (),
    )
    values = [coverage(unseen.scores, unseen.experts, found.experts[: k + 1]) for k in range(size)]
    if as_json:
        rows = {
            "experts": found.experts,
            "gains": found.gains,
            "coverage": found.values,
            "held_out": values,
            "bound": found.bound,
        }
        print(json.dumps(rows, indent=2))  # noqa: T201 - machine-readable
        return
    title = f"{data.name}: the best answer of the pool, on {len(known)} queries and on {len(unseen)} held-out ones"
    shown = Table(title=title)
    for column in ("k", "expert", "gain", "S(U)", "held out"):
        shown.add_column(column, justify="left" if column == "expert" else "right")
    for k, name in enumerate(found.experts):
        shown.add_row(str(k + 1), name, f"{found.gains[k]:.4f}", f"{found.values[k]:.4f}", f"{values[k]:.4f}")
    out.print(shown)
    reached = found.values[-1] / found.bound if found.bound else 1.0
    share = f"{100 * reached:.1f}% of that (greedy guarantees 63.2%)"
    out.print(f"No pool of {size} can pass {found.bound:.4f}; this one reaches {share}.", highlight=False)


def gaps(
    table: TableDir,
    pool: Annotated[str | None, typer.Option(help="Experts of the pool, comma-separated; all when absent.")] = None,
    least: Annotated[int, typer.Option(min=1, help="Domains with fewer queries are left out.")] = 20,
) -> None:
    """Show the domains that no expert of the pool serves well, and which other expert would add most there.

    Example: `leeroo gaps data/mmlu-pro --pool Yi-34B,mathstral-7B`
    """
    data = OutcomeTable.read(table)
    names = [name.strip() for name in pool.split(",")] if pool else list(data.experts)
    inside = data.take(np.arange(len(data)), names)
    others = [name for name in data.experts if name not in names]
    domains = np.array(data.domains)
    rows = []
    for domain in sorted(set(data.domains)):
        mask = domains == domain
        if mask.sum() < least:
            continue
        best = np.nan_to_num(inside.scores[mask]).max(axis=1)
        means = np.nan_to_num(inside.scores[mask]).mean(axis=0)
        gains = {
            name: float(np.maximum(np.nan_to_num(data.scores[mask, data.experts.index(name)]) - best, 0).mean())
            for name in others
        }
        helper = max(gains, key=lambda name: gains[name]) if gains else ""
        rows.append(
            (float(best.mean()), domain, int(mask.sum()), names[int(means.argmax())], float(means.max()), helper, gains)
        )
    if not rows:
        raise ConfigError(f"{table}: no domain has {least} queries; lower --least.")
    shown = Table(title="Domains, the worst served first")
    for column in ("domain", "queries", "some expert is right", "best single", "", "would add most", "gain"):
        shown.add_column(
            column, justify="right" if column in {"queries", "some expert is right", "", "gain"} else "left"
        )
    for value, domain, count, best_name, best_mean, helper, gains in sorted(rows):
        gain = f"{gains[helper]:.3f}" if helper else ""
        shown.add_row(domain, str(count), f"{value:.3f}", best_name, f"{best_mean:.3f}", helper, gain)
    out.print(shown)
