"""The pieces of a streamed answer out of the bytes of its server-sent events: `Pieces`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pydantic_core import from_json

from leeroo.endpoints.bounded import BadAnswer
from leeroo.endpoints.http import http_library

Json = dict[str, Any]
MOST_VALUES = 2_000_000
"""Of a whole answer, the log-probabilities of a long one included."""


class Pieces:
    """Reads events as they come, each into the JSON object that it holds.

    The openai SDK makes a tree of its own classes out of every piece, which takes longer than all else about it: a few
    endpoints that send as fast as they can would keep an event loop from everybody else.

    Args:
        expert: Whose answer it is, for errors.

    Attributes:
        ended: Whether the event has come that ends a stream, `[DONE]`; what follows it is not read.
    """

    def __init__(self, expert: str) -> None:
        self.ended = False
        self._expert = expert
        self._open: list[bytes] = []  # the line that is on its way; joined once it ends, not at every packet
        self._data: list[bytes] = []  # the lines so far of the event that is on its way

    def take(self, data: bytes) -> Iterator[Json]:
        """The pieces that some more bytes complete.

        Raises:
            BadAnswer: A piece is no JSON object, or none of a chat completion.
            openai.APIError: The endpoint says that it has failed.
        """
        if self.ended:
            return
        self._open.append(data)
        if b"\n" not in data and b"\r" not in data:
            return
        lines = b"".join(self._open).splitlines(keepends=True)
        # A "\r" may be half of a line's end.
        self._open = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        for line in lines:
            piece = self._line(line.rstrip(b"\r\n"))
            if self.ended:
                return
            if piece is not None:
                yield piece

    def end(self) -> Iterator[Json]:
        """The pieces that are left when all bytes have come; an event may lack the empty line after it."""
        yield from self.take(b"\n\n")

    def _line(self, line: bytes) -> Json | None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        if line or not self._data:
            return None  # the name of an event, a comment, a second empty line
        data, self._data = b"\n".join(self._data), []
        self.ended = data.startswith(b"[DONE]")
        return None if self.ended or not data.strip() else self._piece(data)

    def _piece(self, data: bytes) -> Json:
        try:
            piece = _DECODER.decode(data.decode())
        except (ValueError, RecursionError):
            raise BadAnswer(f"Expert {self._expert!r} sent a piece of an answer that is no JSON.") from None
        if isinstance(piece, dict) and piece.get("error"):
            _raise_told(piece["error"])
        if not isinstance(piece, dict) or not _is_of_a_chat(piece.get("choices")):
            raise BadAnswer(f"Expert {self._expert!r} sent a piece that is none of a chat completion.")
        return piece


def read_whole(content: bytes) -> Any:
    """The JSON of a whole answer.

    Args:
        content: As it came. It may hold half characters, which some endpoints make.

    Raises:
        BadAnswer: It is no JSON, or has more values than any answer.
    """
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        raise BadAnswer("An endpoint sent an answer of more values than any answer has.")
    try:
        return from_json(content, allow_inf_nan=False)  # a fifth of the time that `json` takes for a long text
    except ValueError:
        try:
            return _DECODER.decode(content.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError):
            raise BadAnswer("An endpoint sent an answer that is no JSON.") from None


def _is_of_a_chat(choices: Any) -> bool:
    if choices is None:
        return True
    return isinstance(choices, list) and all(
        isinstance(one, dict) and isinstance(one.get("delta") or {}, dict) for one in choices
    )


def _nothing(_: str) -> None:
    """NaN and the infinities, which JSON does not have and clients do not read."""


_DECODER = json.JSONDecoder(parse_constant=_nothing)


def _raise_told(error: Any) -> NoReturn:
    import openai

    said = error.get("message") if isinstance(error, Mapping) else None
    message = said if isinstance(said, str) and said else "An error occurred during streaming"
    # The SDK's error wants a request, of which nobody reads anything.
    raise openai.APIError(message, http_library().Request("POST", "http://localhost"), body=error)
