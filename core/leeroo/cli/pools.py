"""The router that a command works with: of a pool file, or of the two local experts; and `leeroo pool check`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leeroo.cli.printing import out, paragraph
from leeroo.endpoints.openai_compatible import key_variable
from leeroo.endpoints.providers import PROVIDERS
from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.pool.file import read_pool
from leeroo.routing.router import Router
from leeroo.routing.telling import HELPS
from leeroo.selection.selector import BY_PRICE
from leeroo.visible import counted, visible

pool_app = typer.Typer(help="Look after pool files.", no_args_is_help=True)

POOL_FILES = ("leeroo.yaml", "pool.yaml")
BY_FRAMEWORK = "reached by LangChain, with the key that it finds"
PoolArgument = Annotated[
    Path | None, typer.Argument(metavar="POOL", help="Pool file. Default: $LEEROO_POOL, ./leeroo.yaml, ./pool.yaml.")
]
NO_POOL_FILE = "No pool file here, so two small local models are used. `leeroo init` writes one for your own models."


@contextmanager
def open_router(pool: Path | None, *, run: bool) -> Iterator[Router]:
    """The router of a pool file, or of the two local experts, started only where they are to answer.

    Args:
        pool: The file; $LEEROO_POOL, ./leeroo.yaml or ./pool.yaml when absent, else the local experts.
        run: Whether the experts are to answer.
    """
    file = _found(pool)
    if file is not None:
        yield Router.from_pool(file)
        return
    from leeroo.endpoints import local

    errors = Console(stderr=True)
    errors.print(NO_POOL_FILE, soft_wrap=True, highlight=False, markup=False, style="dim")
    if not run:
        yield Router(local.specifications())
        return
    with errors.status("Starting two local experts ..."):
        context = local.experts()
        experts = context.__enter__()
    try:
        yield Router(experts)
    finally:
        context.__exit__(None, None, None)


def _found(named: Path | None) -> Path | None:
    if named is None and os.environ.get("LEEROO_POOL"):
        return Path(os.environ["LEEROO_POOL"])
    return named or next((Path(name) for name in POOL_FILES if Path(name).exists()), None)


def pool_file(named: Path | None) -> Path:
    """The pool file that a command is about: the one named, $LEEROO_POOL, ./leeroo.yaml or ./pool.yaml.

    Raises:
        ConfigError: None is named, and none is there.
    """
    file = _found(named)
    if file is None:
        raise ConfigError(f"No pool file here ({' or '.join(POOL_FILES)}): name one, or let `leeroo init` write it.")
    return file


def by_framework(expert: Expert) -> bool:
    """Whether an expert is of a provider that LangChain knows, and no OpenAI-compatible endpoint of it is known."""
    reached = expert.base_url or expert.api_key_env or expert.provider in (None, "hf", *PROVIDERS)
    return not reached


@pool_app.command("check")
def check(pool: PoolArgument = None) -> None:
    """Read a pool file, say what is wrong with it, or show its experts and prices.

    Example: `leeroo pool check pool.yaml`
    """
    from leeroo.prediction import load

    file = pool_file(pool)
    read = read_pool(file)
    experts = list(read.pool)
    known: Sequence[tuple[str, str] | None] = load(read.predictor).tell(experts) or [None] * len(experts)
    paragraph(f"{file}: {counted(len(read.pool), 'expert')}, reference {visible(read.pool.reference)}")
    for expert, told in zip(experts, known, strict=True):
        variable = key_variable(expert)
        key = f"{variable} {'set' if os.environ.get(variable) else 'NOT SET'}" if variable else "no key"
        key = BY_FRAMEWORK if by_framework(expert) else key
        price = expert.known_price
        window = f"{expert.context_window:,} tokens of context" if expert.context_window else "context window unknown"
        money = f"${price.input:g} in, ${price.output:g} out per 1M tokens"
        out.print(f"  {visible(expert.name)}", style="bold", highlight=False, markup=False)
        knowledge = "" if told is None else f"; quality from {told[1]}"
        paragraph(f"{visible(expert.model_id)}; {money}; {window}; {key}{knowledge}", "    ")
    source_of = {visible(e.name): told[0] for e, told in zip(experts, known, strict=True) if told is not None}
    kin = ", ".join(name for name, source in source_of.items() if source == "relative")
    dark = ", ".join(name for name, source in source_of.items() if source in BY_PRICE)
    words = [f"Of {kin} nothing was measured yet, of relatives only."] if kin else []
    words += [f"Of {dark} too little is known to choose well."] if dark else []
    if words:
        paragraph(" ".join([*words, HELPS]))
