"""What commands read and print alike."""

import json
import sys
import textwrap
from typing import Any

from rich.console import Console
from rich.markup import escape

from leeroo.visible import visible

out = Console()


def text_of(given: str) -> str:
    """A text given as an argument, where - stands for standard input."""
    return sys.stdin.read() if given == "-" else given


def paragraph(
    text: str, indent: str = "", later: str | None = None, *, most: int = 120, style: str | None = None
) -> None:
    """Print a text, its lines broken between words only: a terminal may be narrow, and names and commands are long.

    Args:
        text: The text; whatever must not rule a terminal is made `visible` by the caller.
        indent: What stands before it.
        later: What stands before all its lines but the first; blanks when absent.
        most: Columns at most.
        style: Rich's.
    """
    later = " " * len(indent) if later is None else later
    width = min(max(out.width, 30), most)
    for line in textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    ):
        out.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def print_json(data: Any) -> None:
    """Print for machines."""
    print(json.dumps(data, indent=2))  # noqa: T201 - machine-readable, so not through rich's wrapping


def cell(value: object) -> str:
    """A value as a cell of a table: without escape sequences, and without what rich takes for markup."""
    return "" if value is None else escape(visible(value))
