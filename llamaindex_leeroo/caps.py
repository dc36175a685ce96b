"""What limits an answer's length, under all of its names, and what would multiply it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from llama_index.core.llms import LLM, MockLLM

from leeroo import InvalidRequest
from leeroo.pool.extras import BODY

FIELDS = ("max_tokens", "max_new_tokens", "max_output_tokens")
"""Fields by which LlamaIndex's integrations cap the output."""
NAMES = (*FIELDS, "max_completion_tokens")
"""Names by which requests do; each goes to the expert as its own field, lowered to what the budget pays for."""
MULTIPLIERS = ("n", "best_of")
"""What makes an endpoint write several answers: all are paid for, and LlamaIndex reads one."""


@lru_cache(maxsize=256)
def cap_field(kind: type[LLM]) -> str | None:
    """The field that caps a kind of LLM's output, if any. LlamaIndex's mock takes it for a length to fill."""
    if issubclass(kind, MockLLM):
        return None
    return next((name for name in FIELDS if name in kind.model_fields), None)


def multiplier(kwargs: Mapping[str, Any]) -> str | None:
    """What asks for several answers, as "n=3"; None where nothing does."""
    inner = kwargs.get(BODY)
    places: list[Mapping[str, Any]] = [kwargs, inner] if isinstance(inner, Mapping) else [kwargs]
    for place in places:
        for name in MULTIPLIERS:
            if place.get(name) not in (None, 1):
                return f"{name}={place[name]!r}"
    return None


def told(kwargs: dict[str, Any]) -> dict[str, Any]:
    """A call's kwargs with the caps that hide in `extra_body` beside the others.

    Raises:
        InvalidRequest: They ask for several answers.
    """
    several = multiplier(kwargs)
    if several is not None:
        raise InvalidRequest(f"{several} pays for answers that LlamaIndex does not return; leave it out and ask again.")
    body = kwargs.get(BODY)
    hidden = {name: body[name] for name in NAMES if name in body} if isinstance(body, Mapping) else {}
    if not hidden:
        return kwargs
    rest = {name: value for name, value in kwargs[BODY].items() if name not in hidden}
    return {**kwargs, BODY: rest, **hidden}


def asked(kwargs: Mapping[str, Any]) -> int | None:
    """The output cap that a call asks for, the lowest of all.

    Raises:
        InvalidRequest: One of them is no whole number.
    """
    values = [kwargs[name] for name in NAMES if kwargs.get(name) is not None]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidRequest(f"max_tokens is {value!r}; give a whole number of tokens, 1 or more.")
    return min(values, default=None)


def capped(kwargs: Mapping[str, Any], kind: type[LLM], cap: int | None) -> dict[str, Any]:
    """The kwargs of one attempt: caps among them give way to the field that is set, or are lowered where none is."""
    given = dict(kwargs)
    for name in NAMES if cap is not None else ():
        if given.get(name) is not None:
            if cap_field(kind) is not None:
                del given[name]
            else:
                given[name] = cap
    return given


def lowered(own: Mapping[str, Any], cap: int | None) -> dict[str, Any]:
    """What an LLM sends of its own with every request, its caps lowered."""
    if cap is None:
        return dict(own)
    found = {k: min(v, cap) if k in NAMES and isinstance(v, int) else v for k, v in own.items()}
    if isinstance(own.get(BODY), Mapping):
        found[BODY] = lowered(own[BODY], cap)
    return found
