"""`leeroo universe` and `leeroo gaps`: which experts make a good pool, and what no expert of it does well."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from leeroo.errors import ConfigError

if TYPE_CHECKING:
    from leeroo.evaluation.pools import CheckedPool

out = Console()
TableDir = Annotated[Path, typer.Argument(metavar="DIR", help="Outcome table.")]


def universe(
    table: TableDir,
    size: Annotated[int, typer.Option("-k", "--size", min=1, help="How many experts to choose.")] = 5,
    cost_weight: Annotated[float, typer.Option(min=0, help="Score that a USD per 1,000 answers is worth.")] = 0.0,
    include: Annotated[list[str] | None, typer.Option(help="An expert that must be in. May be repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="An expert that must not. May be repeated.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the gain by number of experts: .png or .svg.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Choose a small pool whose experts complement each other, and check it on held-out queries.

    Example: `leeroo universe data/mmlu-pro -k 5 --plot gains.png`
    """
    from leeroo.evaluation import pools
    from leeroo.outcomes.table import OutcomeTable

    data = OutcomeTable.read(table)
    pool = pools.choose(data, size, cost_weight=cost_weight, include=include or (), exclude=exclude or ())
    found = pool.universe
    if plot:
        pools.plot(pool, plot)
    if as_json:
        rows = {
            "experts": found.experts,
            "gains": found.gains,
            "coverage": found.values,
            "held_out": pool.held_out,
            "bound": found.bound,
        }
        print(json.dumps(rows, indent=2))  # noqa: T201 - machine-readable
        return
    _show(data.name, pool)
    if plot:
        out.print(f"Plot in {plot}")


def _show(name: str, pool: "CheckedPool") -> None:
    found = pool.universe
    title = f"{name}: the best answer of the pool, on {pool.queries} queries and on {pool.held_out_queries} held out"
    shown = Table(title=title)
    for column in ("k", "expert", "gain", "S(U)", "held out"):
        shown.add_column(column, justify="left" if column == "expert" else "right")
    for k, name in enumerate(found.experts):
        shown.add_row(str(k + 1), name, f"{found.gains[k]:.4f}", f"{found.values[k]:.4f}", f"{pool.held_out[k]:.4f}")
    out.print(shown)
    reached = found.values[-1] / found.bound if found.bound else 1.0
    share = f"{100 * reached:.1f}% of that (greedy guarantees 63.2%)"
    size = len(found.experts)
    out.print(f"No pool of {size} can pass {found.bound:.4f}; this one reaches {share}.", highlight=False)


def gaps(
    table: TableDir,
    pool: Annotated[str | None, typer.Option(help="Experts of the pool, comma-separated; all when absent.")] = None,
    least: Annotated[int, typer.Option(min=1, help="Domains with fewer queries are left out.")] = 20,
) -> None:
    """Show the domains that no expert of the pool serves well, and which other expert would add most there.

    Example: `leeroo gaps data/mmlu-pro --pool Yi-34B,mathstral-7B`
    """
    from leeroo.outcomes.table import OutcomeTable
    from leeroo.universe.gaps import find_gaps

    data = OutcomeTable.read(table)
    names = [name.strip() for name in pool.split(",") if name.strip()] if pool else list(data.experts)
    found = find_gaps(data.scores, data.experts, data.domains, names, least=least)
    if not found:
        raise ConfigError(f"{table}: no domain has {least} queries; lower --least.")
    shown = Table(title="Domains, the worst served first")
    for column in ("domain", "queries", "some expert is right", "best single", "", "would add most", "gain"):
        shown.add_column(
            column, justify="right" if column in {"queries", "some expert is right", "", "gain"} else "left"
        )
    for gap in found:
        gain = f"{gap.gain:.3f}" if gap.helper else ""
        shown.add_row(
            gap.domain,
            str(gap.queries),
            f"{gap.best:.3f}",
            gap.expert,
            f"{gap.single:.3f}",
            gap.helper or "",
            gain,
        )
    out.print(shown)
