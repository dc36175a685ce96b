"""`leeroo init`: a first pool file, of the providers whose keys are in the environment."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from leeroo.cli.pools import check
from leeroo.cli.printing import out, paragraph
from leeroo.cli.proposing import CURRENT, MOST, Proposed, propose, providers_at_hand, variable_of, write_pool
from leeroo.errors import ConfigError
from leeroo.pool.pool import Pool
from leeroo.prediction.predictor import Source

FEWEST = 3


def init(
    provider: Annotated[
        list[str] | None, typer.Option(help="openai, anthropic, google_genai, ... May be repeated.")
    ] = None,
    file: Annotated[Path, typer.Option("--out", help="The pool file to write.")] = Path("pool.yaml"),
    size: Annotated[int, typer.Option(min=FEWEST, max=MOST, help="Experts at most.")] = MOST,
    max_cost: Annotated[float, typer.Option(min=0.0, help="USD, hard cap of every call.")] = 0.05,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Propose 3 to 5 current models of your providers, write pool.yaml with comments, and check it.

    Looks which providers' keys are in the environment, by the names of the variables; no key is read, and nobody is
    called. Example: `leeroo init --provider openai --provider anthropic`
    """
    if file.exists() and not force:
        raise ConfigError(f"{file} is there already: give --force to replace it, or --out for another file.")
    asks = not yes and not provider and sys.stdin.isatty()
    chosen = list(dict.fromkeys(provider or _ask_providers(asks)))
    proposed = propose(chosen, os.environ, size)
    text = write_pool(proposed, max_cost, _sources(proposed))
    file.write_text(text, encoding="utf-8")
    check(file)
    unset = sorted({p.variable for p in proposed if not os.environ.get(p.variable, "").strip()})
    if unset:
        paragraph(f"To be set before you ask: {', '.join(unset)}.")
    out.print(f"{file} is written. Next: leeroo chat --pool {file}", highlight=False, markup=False, soft_wrap=True)


def _ask_providers(asks: bool) -> list[str]:
    """The providers at hand, or those that the user names.

    Raises:
        ConfigError: None is at hand, and nobody can be asked.
    """
    found = providers_at_hand(os.environ)
    if not asks:
        if not found:
            variables = ", ".join(variable_of(name, {}) for name in CURRENT)
            raise ConfigError(
                f"No provider's key is in the environment ({variables}). Set one, or name providers: "
                "leeroo init --provider openai."
            )
        return found
    told = ", ".join(f"{name} ({variable_of(name, os.environ)})" for name in found) or "none"
    out.print(f"Keys found in the environment: {told}. Known providers: {', '.join(CURRENT)}.", highlight=False)
    answer: str = typer.prompt("Which providers", default=", ".join(found) or "openai")
    return [name for part in answer.replace(",", " ").split() if (name := part.strip())]


def _sources(proposed: list[Proposed]) -> dict[str, Source]:
    """Where the predictor's estimates of each expert come from."""
    from leeroo.prediction import load

    experts = list(Pool({p.name: {"model": p.model} for p in proposed}))
    sources = load().predict(["What is the capital of France?"], experts).sources
    return {expert.name: source for expert, source in zip(experts, sources, strict=True)}
