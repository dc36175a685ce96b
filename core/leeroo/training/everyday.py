"""Everyday requests in seventeen languages, of which no outcomes are known: what is like them is like no kind of work.

Some languages stand in one table only: without these texts, whatever was written in Chinese or Finnish was taken for
the political criticism that `speechmap` has in them. They were written for this; no outcome is attached to them.
"""

from functools import cache
from importlib.resources import files


@cache
def everyday() -> tuple[str, ...]:
    """The requests, one a line of the package's file."""
    text = files("leeroo.training").joinpath("everyday.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
