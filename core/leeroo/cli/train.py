"""`leeroo train`: outcome tables in, a predictor out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.visible import counted

out = Console()


# long: 26 of its lines are its options, and 19 hand them on.
def train(
    tables: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Outcome tables to learn from.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for the artifact and its checkpoints.")],
    epochs: Annotated[int, typer.Option(min=0, help="Passes over the queries; 0: fit the response model only.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all when absent.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Learn from this many queries of each table only.")] = None,
    minutes: Annotated[float | None, typer.Option(help="End by then, rates annealed as if all were done.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in --out.")] = True,
    batch: Annotated[int, typer.Option(min=1, help="Queries per step.")] = 32,
    learning_rate: Annotated[float | None, typer.Option(help="Of encoder (1e-4) or adapters (5e-4).")] = None,
    max_length: Annotated[int | None, typer.Option(min=8, help="Tokens read per query.")] = None,
    causal_lm: Annotated[
        str | None, typer.Option(help="Use a causal LM with LoRA: smollm2, a folder or GGUF file, or hf:org/name.")
    ] = None,
    layers: Annotated[
        int | None, typer.Option(min=1, help="Lowest layers to keep; if absent 4 of the encoder, all of an LM.")
    ] = None,
    lora_layers: Annotated[
        int | None, typer.Option(min=0, help="Uppermost of these that get adapters; all if absent.")
    ] = None,
    lora_rank: Annotated[int, typer.Option(min=1, help="Rank of the adapters.")] = 8,
    numbers_only: Annotated[
        list[str] | None, typer.Option(help="A table whose licence lets only numbers be learned from it, no text.")
    ] = None,
    encoder_of: Annotated[
        Path | None, typer.Option(help="Keep this artifact's encoder and fit anew what stands above it: minutes.")
    ] = None,
) -> None:
    """Train the predictor on outcome tables; stop it and start it again as you like.

    Started by `accelerate launch`, several processes train together.

    Example: `leeroo train data/mmlu data/mmlu-pro --out runs/mine --epochs 2`
    """
    from leeroo.training.training import main_process, refit

    if encoder_of is not None:
        place = refit(tables, encoder_of, to, numbers_only=numbers_only or (), seed=seed, progress=True)
        out.print(f"Fitted anew in {place}")
        _learn_to_consult(tables, place)
        return
    from leeroo.outcomes.table import PARTS
    from leeroo.training.training import train as run

    report = run(
        tables,
        to,
        epochs=epochs,
        seed=seed,
        threads=threads,
        limit=limit,
        minutes=minutes,
        resume=resume,
        batch=batch,
        learning_rate=learning_rate,
        causal_lm=causal_lm,
        layers=layers,
        lora_layers=lora_layers,
        lora_rank=lora_rank,
        max_length=max_length or 128,
        serve_length=max_length or 160,
        numbers_only=numbers_only or (),
        progress=True,
    )
    if main_process():
        learned, chosen, unseen = (report.queries.get(part, 0) for part in PARTS)
        out.print(
            f"Predictor: {counted(report.experts, 'expert')} by table; {counted(learned, 'query', 'queries')} learned "
            f"from, {chosen} chosen by, {unseen} not looked at; {report.size / 1e6:.1f} MB. In {report.out}",
            highlight=False,
        )
        _learn_to_consult(tables, report.out)


def _learn_to_consult(tables: list[Path], place: Path) -> None:
    """Fit the consult model on the part that calibrates, where tables have answers, and keep it in the artifact."""
    from leeroo.evaluation.learned_consult import keep, learn_from, words
    from leeroo.prediction import load

    found = learn_from(tables, load(place), ("validation",))
    if found is None:
        why = "too few held-out queries have two answers, or a fit on half of them foretells the others no better"
        out.print(f"Consult model: the one that ships; {why}.", highlight=False)
        return
    keep(found, place, [table.name for table in tables])
    out.print(f"Consult model: {words(found)}.", highlight=False)
