"""`leeroo chat`: talk to a pool in a terminal, or answer the lines of a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

from leeroo.budget import Budget
from leeroo.budget import budget as ambient_budget
from leeroo.cli.options import PoolOption, with_budget
from leeroo.cli.pools import open_router
from leeroo.cli.printing import out
from leeroo.cli.session import Session

PROMPT = "you> "


@with_budget
def chat(
    budget: Budget,
    pool: PoolOption = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Output cap of every answer, in tokens.")] = None,
    max_total_cost: Annotated[float | None, typer.Option(help="USD, hard cap of the whole session.")] = None,
) -> None:
    """Talk to your models through the router; /why, /cost, /expert and /budget show and change what it does.

    Without a terminal, every line of the input is a turn and the answers are printed. Example: `leeroo chat --max-cost
    0.01`
    """
    talks = sys.stdin.isatty() and sys.stdout.isatty()
    about = out if talks else Console(stderr=True)

    def note(text: str) -> None:
        about.print(text, style="dim", markup=False, highlight=False, soft_wrap=not talks)

    with open_router(pool, run=True) as router, ambient_budget(max_total_cost=max_total_cost):
        written = Wrapped(out.width if talks else None, _write)
        session = Session(router, budget, written.write, note, max_tokens)
        if talks:
            note(f"{', '.join(router.pool.names)}. /help lists the commands, /quit ends.")
        for line in _typed() if talks else sys.stdin:
            if not session.take(line):
                break
    if not talks and session.failures:
        raise typer.Exit(1)


def _write(text: str) -> None:
    # Not through rich, which would wrap and colour every piece as a text of its own.
    out.file.write(text)
    out.file.flush()


def _typed() -> Iterator[str]:
    """The lines that the user types, with the line editing and the history of readline where there is one."""
    with suppress(ImportError):
        import readline  # noqa: F401 - being imported is all it needs to serve `input`
    while True:
        try:
            yield input(PROMPT)
        except KeyboardInterrupt:
            out.print()
        except EOFError:
            out.print()
            return


class Wrapped:
    """Writes a text that comes in pieces, and breaks its lines between words.

    Args:
        width: Columns, None to leave lines as they are.
        out: Takes what is to be written.
    """

    def __init__(self, width: int | None, out: Callable[[str], None]) -> None:
        self._width = width
        self._out = out
        self._column = 0
        self._word = ""

    def write(self, piece: str) -> None:
        """Write a piece; its last word waits until it is known to be whole. A line's end ends it."""
        if self._width is None:
            self._out(piece)
            return
        for character in piece:
            if character.isspace():
                self._end_word()
                self._out(character)
                self._column = 0 if character == "\n" else self._column + 1
            else:
                self._word += character
                if self._column + len(self._word) >= self._width and self._column:
                    self._out("\n")
                    self._column = 0

    def _end_word(self) -> None:
        self._out(self._word)
        self._column += len(self._word)
        self._word = ""
