"""What commands read and print alike."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

from leeroo.visible import visible

out = Console()


def text_of(given: str) -> str:
    """A text given as an argument, where - stands for standard input."""
    return sys.stdin.read() if given == "-" else given


def print_json(data: Any) -> None:
    """Print for machines."""
    print(json.dumps(data, indent=2))  # noqa: T201 - machine-readable, so not through rich's wrapping


def cell(value: object) -> str:
    """A value as a cell of a table: without escape sequences, and without what rich takes for markup."""
    return "" if value is None else escape(visible(value))
