"""`leeroo experts add`: teach the predictor a new expert."""

from pathlib import Path
from typing import Annotated

import typer

from leeroo.cli.printing import out
from leeroo.visible import counted

experts_app = typer.Typer(help="Teach the predictor new experts.", no_args_is_help=True)


@experts_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The expert, as pools name it or its model.")],
    to: Annotated[Path, typer.Option("--out", help="Folder of the new artifact.")],
    outcomes: Annotated[Path | None, typer.Option(help="Outcome table with answers of this expert.")] = None,
    benchmark: Annotated[float | None, typer.Option(help="A published benchmark score, 0..1.")] = None,
    artifact: Annotated[Path | None, typer.Option(help="Artifact to add to; the one that ships when absent.")] = None,
) -> None:
    """Fit a new expert's traits from its outcomes, a benchmark score, or nothing but the prior; no retraining.

    Example: `leeroo experts add my-llm --outcomes data/mine --out runs/with-mine`
    """
    import numpy as np

    from leeroo.outcomes.table import OutcomeTable
    from leeroo.prediction.artifact import SHIPPED
    from leeroo.training.traits import add_expert

    rows: list[tuple[str, float, float]] = []
    if outcomes is not None:
        table = OutcomeTable.read(outcomes)
        one = table.take(np.arange(len(table)), [name])
        columns = zip(one.queries, one.scores[:, 0].tolist(), one.completion_tokens[:, 0].tolist(), strict=True)
        rows = [(query, score, tokens) for query, score, tokens in columns if score == score]
    traits = add_expert(artifact or SHIPPED, name, rows, to, benchmark=benchmark)
    out.print(
        f"{name}: {traits.source}, {counted(traits.outcomes, 'outcome')}, mean predicted quality "
        f"{traits.prior:.3f}. In {to}"
    )
