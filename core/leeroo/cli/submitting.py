"""`leeroo routerarena`: a pool's choices as RouterArena takes them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.budget import Budget
from leeroo.cli.options import PoolOption, with_budget
from leeroo.cli.pools import open_router
from leeroo.cli.printing import out
from leeroo.visible import counted


@with_budget
def routerarena(
    queries: Annotated[Path, typer.Argument(metavar="FILE", help="RouterArena's queries: router_data.json.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for config, predictions and model_cost.")],
    budget: Budget,
    pool: PoolOption = None,
    name: Annotated[str, typer.Option(help="The router's name on the board.")] = "leeroo",
    optimality: Annotated[Path | None, typer.Option(help="The 10% split, to judge optimal selection by.")] = None,
    robustness: Annotated[Path | None, typer.Option(help="The same queries in other words.")] = None,
) -> None:
    """Write a pool's choices in RouterArena's prediction-file format; no expert is asked.

    The files hold the queries, as the format wants. Answers are generated and scored by RouterArena's own programs.

    Example: `leeroo routerarena router_data.json --pool pool.yaml --out arena --willingness-to-pay 0.002`
    """
    from leeroo.evaluation.routerarena import write_submission

    with open_router(pool, run=False) as router, Console(stderr=True).status("Deciding ..."):
        done = write_submission(
            router, queries, to, name=name, budget=budget, optimality=optimality, robustness=robustness
        )
    more = f", {done.optimality} entries for optimality" if done.optimality else ""
    again = f", {done.reworded} reworded" if done.reworded else ""
    out.print(f"{counted(done.queries, 'query', 'queries')} decided{more}{again}.", highlight=False)
    out.print(f"In {done.predictions}; {done.config}; {done.prices}", highlight=False, markup=False, soft_wrap=True)
