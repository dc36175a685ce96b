"""The command line: `leeroo ...`, one file per group of commands, put together here.

Errors are one clear line on stderr and a non-zero exit, never a traceback. What only some commands need is imported by
these commands.
"""

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from leeroo._version import __version__
from leeroo.cli import (
    artifacts,
    asking,
    chatting,
    consulting,
    doctor,
    equivalence,
    evaluating,
    experts,
    feedback,
    importing,
    initialising,
    ledger,
    pools,
    replay,
    replaying,
    report,
    selfplay,
    serve,
    submitting,
    train,
    universe,
)
from leeroo.cli.printing import out
from leeroo.errors import LeerooError

__all__ = ["app", "main"]

app = typer.Typer(
    name="leeroo",
    help="Send each question to the cheapest adequate LLM within its budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
COMMANDS: dict[str, Callable[..., None]] = {
    "ask": asking.ask,
    "chat": chatting.chat,
    "explain": asking.explain,
    "demo": asking.demo,
    "init": initialising.init,
    "predict": evaluating.predict,
    "eval": evaluating.evaluate,
    "routerarena": submitting.routerarena,
    "import": importing.import_results,
    "whatif": replaying.whatif,
    "train": train.train,
    "universe": universe.universe,
    "selfplay": selfplay.selfplay,
    "gaps": universe.gaps,
    "serve": serve.serve,
    "spend": ledger.spend,
    "doctor": doctor.doctor,
    "feedback": feedback.feedback,
    "feedback-export": feedback.feedback_export,
    "replay": replay.replay,
    "consult-fit": consulting.consult_fit,
    "equivalence": equivalence.equivalence,
    "report": report.report,
}
GROUPS = {
    "pool": pools.pool_app,
    "experts": experts.experts_app,
    "scopes": ledger.scopes_app,
    "keys": serve.keys_app,
    "artifacts": artifacts.artifacts_app,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a log in ASCII is no reason to stop
    try:
        app()
    except LeerooError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Stopped.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")


def _fail(message: str, code: int = 1) -> None:
    line = escape(" ".join(message.split()))
    Console(stderr=True).print(f"[red]error:[/red] {line}", soft_wrap=True, highlight=False)
    sys.exit(code)
