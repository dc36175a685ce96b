"""What every endpoint that gives answers has: `Dialect`, and `Teller`, which writes one answer."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from leeroo.serve.errors import Refusal

Json = dict[str, Any]


class Teller(Protocol):
    """Writes one answer as its client knows it, out of a chat completion or of the pieces of one."""

    def whole(self, completion: Json) -> Json:
        """The body of the answer.

        Args:
            completion: A chat completion, with the call's record.
        """

    def take(self, piece: Json) -> Iterator[bytes]:
        """The events that a piece makes."""

    def end(self) -> Iterator[bytes]:
        """The events after the last piece."""

    def failed(self, refusal: Refusal) -> bytes:
        """The event that ends an answer which nobody can finish."""


@dataclass(frozen=True)
class Refused:
    """A parameter that cannot be taken here.

    Attributes:
        remedy: What to do instead.
        harmless: Its values, beside null, that ask for nothing and may be left out.
    """

    remedy: str
    harmless: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Dialect:
    """One endpoint.

    Attributes:
        path: Where it is.
        schema: What its requests may hold.
        chat: Makes the body of a chat request out of one.
        teller: Makes the writer of the answer to one.
        refused: Known parameters that it does not take.
    """

    path: str
    schema: type[BaseModel]
    chat: Callable[[Any], Json]
    teller: Callable[[Any], Teller]
    refused: Mapping[str, Refused] = field(default_factory=dict)


def given(request: BaseModel, *names: str, **renamed: str) -> Json:
    """Parameters of a request that were given, under the names that chat requests have for them.

    Args:
        request: The request.
        names: Parameters with the same name there.
        renamed: The name there, by the name here.
    """
    pairs = {**dict(zip(names, names, strict=True)), **renamed}
    return {there: value for here, there in pairs.items() if (value := getattr(request, here)) is not None}


def event(body: Json) -> bytes:
    """A server-sent event that is named by its body's `type`."""
    # ASCII: answers may hold characters that UTF-8 has no bytes for.
    return b"event: %s\ndata: %s\n\n" % (str(body["type"]).encode(), json.dumps(body).encode())


def tokens(usage: Any, *path: str) -> int:
    """A number out of a chat completion's `usage`, 0 where there is none; what endpoints report may be anything."""
    for name in path:
        usage = usage.get(name) if isinstance(usage, Mapping) else None
    return usage if type(usage) is int and usage >= 0 else 0
