"""Answers of endpoints are read up to a bound: hooks for httpx's clients.

A compressed body of half a megabyte can unfold to a gigabyte, and a stream need not end. So bodies are unpacked here,
piece by piece, and whoever sends more than any answer of an LLM holds is given up. Only gzip is asked for; what comes
packed otherwise is refused.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from leeroo.endpoints.http import http_library
from leeroo.errors import LeerooError

MOST_BYTES = 64_000_000
"""Of one answer, unpacked."""
PIECE = 1_000_000
"""Bytes that are unpacked at a time."""
SWELLS, FROM = 200, 2_000_000
"""How many bytes one packed byte may hold, once so many were unpacked; answers of models have ten or twenty."""
MOST_JOINED = 2 * 10**9
"""Bytes that the reader of one server-sent event may copy. openai's (2.54, 2026-11) copies all that it has of an event
at each of its lines and pieces, so that a megabyte of short lines holds it for minutes, and a few for ever."""


class BadAnswer(LeerooError):
    """The endpoint answered with something that is no chat completion."""


def hooks() -> dict[str, list[Callable[..., Any]]]:
    """For `httpx.Client(event_hooks=...)`."""

    def ask(request: Any) -> None:
        request.headers["Accept-Encoding"] = "gzip"

    def bound(response: Any) -> None:
        unpacker = _unpacker(response)
        response.stream = _Bounded(response.stream, unpacker)

    return {"request": [ask], "response": [bound]}


def async_hooks() -> dict[str, list[Callable[..., Any]]]:
    """For `httpx.AsyncClient(event_hooks=...)`."""
    (ask,), (bound,) = hooks().values()

    async def aask(request: Any) -> None:
        ask(request)

    async def abound(response: Any) -> None:
        bound(response)

    return {"request": [aask], "response": [abound]}


def _unpacker(response: Any) -> "_Unpacker":
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "", "gzip"):
        raise BadAnswer("An endpoint sent an answer packed in a way that it was not asked for.")
    if "content-encoding" in response.headers:
        del response.headers["content-encoding"]  # it is unpacked before the client sees it
    events = response.headers.get("content-type", "").strip().lower().startswith("text/event-stream")
    return _Unpacker(packing == "gzip", _Joins() if events else None)


class _Unpacker:
    def __init__(self, packed: bool, joins: "_Joins | None") -> None:
        self._zlib = zlib.decompressobj(wbits=31) if packed else None
        self._joins = joins
        self._came = 0
        self._seen = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        self._came += len(data)
        if self._zlib is None:
            yield self._counted(data)
            return
        while data:
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error:
                raise BadAnswer("An endpoint sent a packed answer that cannot be unpacked.") from None
            data = self._zlib.unconsumed_tail
            yield self._counted(piece)

    def _counted(self, piece: bytes) -> bytes:
        self._seen += len(piece)
        if self._seen > MOST_BYTES:
            raise BadAnswer(f"An endpoint sent an answer of more than {MOST_BYTES} bytes.")
        if self._seen > max(FROM, SWELLS * self._came):
            raise BadAnswer("An endpoint sent a packed answer that swells like none of a model.")
        if self._joins is not None:
            self._joins.see(piece)
        return piece


class _Joins:
    """What the event that is on its way costs its reader."""

    def __init__(self) -> None:
        self._size = self._copied = 0
        self._tail = b""  # line ends that may go on in the next piece

    def see(self, piece: bytes) -> None:
        raw = self._tail + piece
        text = raw.rstrip(b"\r\n")
        self._tail = raw[len(text) :][-4:]
        for at, event in enumerate(text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")):
            if at:
                self._size = self._copied = 0
            self._copied += (event.count(b"\n") + 1) * (self._size + len(event) // 2)
            self._size += len(event)
            if self._copied > MOST_JOINED:
                raise BadAnswer("An endpoint sent an event of more lines than any answer has.")


def _stream_classes() -> tuple[type, type]:
    """The library's own base classes: its clients look whether a stream is one of theirs."""
    library = http_library()
    return library.SyncByteStream, library.AsyncByteStream


def _Bounded(stream: Any, unpacker: _Unpacker) -> Any:  # noqa: N802 - makes one of a class that has to be made late
    sync_base, async_base = _stream_classes()

    class Bounded(sync_base, async_base):  # type: ignore[misc, valid-type]
        def __iter__(self) -> Iterator[bytes]:
            for data in stream:
                yield from unpacker.pieces(data)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for data in stream:
                for at, piece in enumerate(unpacker.pieces(data)):
                    if at:
                        await asyncio.sleep(0)  # unpacking a large one must not keep others waiting
                    yield piece

        def close(self) -> None:
            stream.close()

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
