"""`leeroo equivalence`: how long answers are compared, fitted to pairs that are marked as the same or different."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from leeroo.visible import visible

if TYPE_CHECKING:
    from leeroo.consult.likeness import Similarity
    from leeroo.evaluation.likeness import Measured

out = Console()


def equivalence(
    pairs: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="JSONL: question, one, other, same (true or false), perhaps group."),
    ],
    to: Annotated[Path | None, typer.Option("--out", help="Write what was fitted: JSON.")] = None,
    error: Annotated[float, typer.Option(help="Share of verdicts 'the same' that may be wrong.")] = 0.05,
    other_error: Annotated[float, typer.Option(help="Share of verdicts 'different' that may be wrong.")] = 0.08,
    similarity: Annotated[
        bool, typer.Option("--similarity", help="Count the similarity of the predictor's vectors, too.")
    ] = False,
    predictor: Annotated[Path | None, typer.Option(help="Artifact in place of the one that ships.")] = None,
    source: Annotated[str, typer.Option(help="Where the pairs come from, kept with the numbers.")] = "",
) -> None:
    """Learn from marked pairs when two long answers to one question come to the same.

    Errors are measured on groups of pairs (or, of one group, on questions) that were not fitted on. Where no threshold
    keeps to the allowed errors, nothing will be compared.

    Example: `leeroo equivalence pairs.jsonl --out likeness.json`
    """
    from leeroo.evaluation.likeness import fit, read_pairs

    found = [pair for path in pairs for pair in read_pairs(path)]
    about = {"source": source or ", ".join(path.name for path in pairs), "date": date.today().isoformat()}
    vectors = _similarity(predictor) if similarity else None
    likeness, measured = fit(found, error=error, other_error=other_error, similarity=vectors, about=about)
    out.print(_shown(measured))
    for one in measured:
        verdicts = getattr(likeness, one.kind)
        if not verdicts.says:
            out.print(f"{one.kind}: no threshold keeps to {error:g}; these are not compared.", highlight=False)
    if to is not None:
        likeness.write(to)
        out.print(f"Written to {visible(str(to))}", highlight=False, markup=False)


def _similarity(predictor: Path | None) -> "Similarity | None":
    from leeroo.prediction import load
    from leeroo.routing.resembling import similarity_of

    return similarity_of(load(predictor))


def _shown(measured: "list[Measured]") -> Table:
    table = Table("pairs", "group", "number", "AUC", "called same", "wrong", "called different", "wrong")
    for one in measured:
        told = one.to_dict()
        for group, row in {"all": told, **told["groups"]}.items():
            figures = (row["auc"], *row["same"], *row["other"])
            cells = ["-" if figure is None else f"{figure:.3f}" for figure in figures]
            table.add_row(one.kind, visible(group), str(row["pairs"]), *cells)
    return table
