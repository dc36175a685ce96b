"""`leeroo serve` and `leeroo keys`: the OpenAI-compatible endpoint, and who may use it."""

import json
import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from leeroo.cli.pools import open_router
from leeroo.cli.printing import cell
from leeroo.errors import ConfigError
from leeroo.pool.on_empty import on_empty_of
from leeroo.serve.keys import KeyFile
from leeroo.visible import visible

out = Console()
keys_app = typer.Typer(help="Keys of `leeroo serve`, hashed at rest, each bound to a scope.", no_args_is_help=True)

Keys = Annotated[Path, typer.Option("--keys", envvar="LEEROO_KEYS", help="File of keys.")]


# long: 37 of its lines are its options.
def serve(
    pool: Annotated[
        Path | None,
        typer.Argument(help="Pool file. Default: $LEEROO_POOL, ./leeroo.yaml, ./pool.yaml, else two local experts."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback with --keys only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 for any that is free.")] = 8000,
    keys: Annotated[Path | None, typer.Option("--keys", envvar="LEEROO_KEYS", help="File of keys.")] = None,
    per_minute: Annotated[
        int, typer.Option("--requests-per-minute", help="Of one key, or without keys of one address; 0: no limit.")
    ] = 600,
    max_mb: Annotated[float, typer.Option("--max-request-mb", help="The largest request, in MB.")] = 20.0,
    held_mb: Annotated[
        float | None, typer.Option("--max-held-mb", help="All requests together, in MB; default: ten of the largest.")
    ] = None,
    messages: Annotated[int, typer.Option("--max-messages", help="Messages of a request, and parts of one.")] = 4_096,
    tools: Annotated[int, typer.Option("--max-tools", help="Tools of a request.")] = 512,
    entries: Annotated[int, typer.Option("--max-entries", help="Entries of any other list of a request.")] = 4_096,
    values: Annotated[int, typer.Option("--max-values", help="Objects and arrays of a request.")] = 50_000,
    depth: Annotated[int, typer.Option("--max-depth", help="Levels of a request.")] = 100,
    body_seconds: Annotated[float, typer.Option("--body-seconds", help="In which a request has to come.")] = 60.0,
    read_seconds: Annotated[float, typer.Option("--read-seconds", help="In which it has to be read.")] = 20.0,
    on_empty: Annotated[
        str | None,
        typer.Option(
            "--on-empty", help="After an empty answer: next expert (next) or none (accept). Default: the pool's."
        ),
    ] = None,
    consult_model: Annotated[
        Path | None, typer.Option("--consult-model", help="Consult model (JSON), in place of the pool file's.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="Expert that is asked whether two answers agree that no rule can compare.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="How often one expert may be asked in a call that consults, 1 to 5.")
    ] = None,
) -> None:
    """Serve the pool as an OpenAI-compatible endpoint.

    Example: `leeroo serve pool.yaml --port 8000`, then any OpenAI client with base_url http://127.0.0.1:8000/v1
    """
    from leeroo.serve.app import Settings
    from leeroo.serve.reading import Limits
    from leeroo.serve.running import serve as run

    settings = Settings(
        per_minute=per_minute,
        max_bytes=_bytes("the largest request", max_mb),
        held_bytes=_bytes("all requests together", 10 * max_mb if held_mb is None else held_mb),
        limits=Limits(messages=messages, tools=tools, entries=entries, values=values, depth=depth),
        body_seconds=body_seconds,
        read_seconds=read_seconds,
    )
    with open_router(pool, run=True) as router:
        if on_empty is not None:
            router.on_empty = on_empty_of(on_empty, "--on-empty")
        if judge is not None:
            judge = router.pool[judge].name
        router.consulting = router.consulting.with_(model=consult_model, judge=judge, repeats=repeats)
        router.consulting.check()
        run(router, host=host, port=port, keys=None if keys is None else KeyFile(keys), settings=settings)


def _bytes(what: str, megabytes: float) -> int:
    if not math.isfinite(megabytes):
        raise ConfigError(f"{what} may have {megabytes} MB; give a number.")
    return int(megabytes * 1e6)


@keys_app.command("add")
def add(
    scope: Annotated[str, typer.Argument(help="Account that its calls are charged to; '*': any, and /metrics.")],
    keys: Keys = Path("keys.json"),
    name: Annotated[str, typer.Option(help="Whose it is.")] = "",
) -> None:
    """Make a key and print it, once: only its hash is kept.

    Example: `leeroo keys add acme/team-a --name "Team A" --keys keys.json`
    """
    key, secret = KeyFile(keys).add(scope, name)
    Console(stderr=True).print(
        f"Key {key.id} of {visible(key.scope)} in {visible(keys)}. It is not shown again:",
        highlight=False,
        markup=False,
    )
    print(secret)  # noqa: T201 - to be piped, so not through rich's wrapping


@keys_app.command("list")
def list_(
    keys: Keys = Path("keys.json"), as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the keys, revoked ones included.

    Example: `leeroo keys list --keys keys.json`
    """
    rows = [
        {"id": key.id, "scope": key.scope, "name": key.name, "created": key.created, "revoked": key.revoked}
        for key in KeyFile(keys).all()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))  # noqa: T201 - machine-readable
        return
    table = Table("id", "scope", "name", "created", "revoked", title=cell(keys))
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    out.print(table)


@keys_app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="From `leeroo keys list`.")],
    keys: Keys = Path("keys.json"),
) -> None:
    """Take a key back; running servers refuse it from the next request on.

    Example: `leeroo keys revoke 1a2b3c4d --keys keys.json`
    """
    key = KeyFile(keys).revoke(key_id)
    out.print(f"Key {visible(key.id)} of {visible(key.scope)} is revoked.", highlight=False, markup=False)
