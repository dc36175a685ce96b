"""From the bytes of a request to a `ChatRequest`, in a time that its size bounds: `read`.

A small body can hold a million values, each of which costs far more to check than to send. So the values are counted
before they are made, and the lists before they are looked into. All of it runs beside the event loop.
"""

import math
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from leeroo.errors import ConfigError, did_you_mean
from leeroo.serve.aside import rest
from leeroo.serve.dialects import DIALECTS
from leeroo.serve.dialects.dialect import Dialect, Teller
from leeroo.serve.errors import Refusal
from leeroo.serve.schemas import ChatRequest

Model = TypeVar("Model", bound=BaseModel)
DEEPEST = 190
"""Levels that the reader of JSON can go down."""
KEYS, COMMAS = 4, 20
"""For each of the most objects and arrays that a request may hold, so many names and commas."""
_MANY = frozenset({"messages", "content", "input", "output", "system"})
"""Lists of messages and of their parts, on any endpoint."""
_TOOLS = frozenset({"tools", "functions"})


@dataclass(frozen=True)
class Limits:
    """How much one request may hold.

    Attributes:
        messages: Messages, and parts of their contents, each.
        tools: Tools, and functions, each.
        entries: Entries of any other list or mapping of a request, such as `logit_bias` or `stop`.
        values: Objects and arrays in all.
        depth: How deep they may lie in each other.
    """

    messages: int = 4_096
    tools: int = 512
    entries: int = 4_096
    values: int = 50_000
    depth: int = 100

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if type(value) is not int or value < 1:
                raise ConfigError(f"the most {name} of a request are {value}; give a whole number, 1 or more.")
        if self.depth > DEEPEST:
            raise ConfigError(f"the most depth of a request is {self.depth}; give {DEEPEST} or less.")


def read(body: bytes, limits: Limits, dialect: Dialect) -> tuple[ChatRequest, Teller]:
    """Read a request.

    Args:
        body: As it came.
        limits: How much it may hold.
        dialect: Of the endpoint that it was sent to.

    Returns:
        The chat that it asks for, and who writes the answer.

    Raises:
        Refusal: It is no JSON, too much, or not what the endpoint takes.
    """
    # Counted as bytes: so a text full of brackets counts, too, but no text that fits a model has so many.
    most = limits.values
    if (body.count(b"{") + body.count(b"[") > most or body.count(b",") > COMMAS * most
            or body.count(b'":') > KEYS * most):  # fmt: skip
        raise _too_many("values", limits.values)
    rest()
    try:
        # A third of the time of `json` and less; while it reads, nothing else of the process gets on.
        given = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal(400, f"The body is not JSON in UTF-8: {error}.") from None
    if not isinstance(given, dict):
        raise Refusal(400, "The body must be a JSON object, sent with 'Content-Type: application/json'.")
    rest()
    _check_lengths(given, limits)
    rest()
    for name, refused in dialect.refused.items():
        value = given.pop(name, None)
        if value is not None and not any(value is one or value == one for one in refused.harmless):
            message = f"{name} is not taken here: {refused.remedy}"
            raise Refusal(400, message, code="unsupported_parameter", param=name)
    request = _valid(dialect.schema, given, dialect)
    chat = request if isinstance(request, ChatRequest) else _valid(ChatRequest, dialect.chat(request), dialect)
    rest()
    return chat, dialect.teller(request)


def _valid(schema: type[Model], given: dict[str, Any], dialect: Dialect) -> Model:
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False), dialect) from None


def invalid(faults: Any, dialect: Dialect) -> Refusal:
    """The first fault that was found; a misspelt name says more than the missing one beside it."""
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    param = ".".join(str(part)[:100] for part in fault["loc"]) or None
    if fault["type"] == "extra_forbidden":
        return Refusal(400, f"Unknown parameter {param!r}.{_hint(param or '', dialect)}",
                       code="unknown_parameter", param=param)  # fmt: skip
    return Refusal(400, f"{param}: {fault['msg']}", code="invalid_value", param=param)


def _hint(param: str, dialect: Dialect) -> str:
    """What an unknown parameter may be: a misspelt one, or one of another endpoint."""
    paths = [one.path for one in DIALECTS if param in one.schema.model_fields]
    if paths:
        return f" {paths[0]} knows it, {dialect.path} does not."
    return did_you_mean(param, dialect.schema.model_fields)


def _check_lengths(given: dict[str, Any], limits: Limits) -> None:
    waiting: list[tuple[Any, str, int]] = [(given, "", 0)]
    while waiting:
        value, name, depth = waiting.pop()
        if isinstance(value, float):
            if not math.isfinite(value):
                _no_number(name)
            continue
        if not isinstance(value, (dict, list)):
            continue
        most = limits.messages if name in _MANY else limits.tools if name in _TOOLS else limits.entries
        if len(value) > most:
            raise _too_many(name or "parameters", most)
        if depth > limits.depth:
            raise Refusal(400, f"The request is more than {limits.depth} levels deep.", code="invalid_value")
        inner = value.items() if isinstance(value, dict) else ((name if depth < 1 else "", one) for one in value)
        waiting.extend((one, str(key), depth + 1) for key, one in inner)


def _too_many(name: str, most: int) -> Refusal:
    return Refusal(413, f"The request has more than {most} {name[:100]}.", code="request_too_large", param=name[:100])


def _no_number(_: str) -> NoReturn:
    raise Refusal(400, "The request has a number that JSON cannot hold: NaN, or one beyond all bounds.")
