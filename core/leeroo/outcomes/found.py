"""What a reader of an export finds in a record, as it stands there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leeroo.outcomes.messages import Message


@dataclass(frozen=True, slots=True)
class Found:
    """A call, its numbers not yet looked at.

    Attributes:
        messages: What was asked.
        model: Who was asked.
        tools: Tool schemas.
        input_tokens: As written.
        output_tokens: As written.
        cached_tokens: As written.
        cost: USD, as written.
    """

    messages: Sequence[Message]
    model: Any = None
    tools: Sequence[Any] = ()
    input_tokens: Any = None
    output_tokens: Any = None
    cached_tokens: Any = None
    cost: Any = None


@dataclass(frozen=True, slots=True)
class NotACall:
    """A record that is no call of an LLM: a chain, a tool, a score."""


def first(mapping: Any, *keys: str) -> Any:
    """The first value that is there and not None, of a mapping or of anything else, which has none."""
    if not isinstance(mapping, Mapping):
        return None
    return next((mapping[key] for key in keys if mapping.get(key) is not None), None)


def inner(mapping: Any, *path: str) -> Any:
    """The value at a path of keys, None where the path ends before."""
    for key in path:
        mapping = first(mapping, key)
    return mapping
