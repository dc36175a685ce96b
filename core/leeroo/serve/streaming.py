"""A streamed answer as server-sent events: `Events`."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from leeroo.serve.dialects.dialect import Teller
from leeroo.serve.errors import Refusal

Json = dict[str, Any]
AHEAD = 64
"""Pieces that an expert may be ahead of a slow client."""
STALLED = 30.0
"""Seconds that a client may read nothing while something waits for it; its reservation is money that others lack."""
log = logging.getLogger("leeroo.serve")


class Events:
    """The events of one answer, made in a task of their own.

    A client that hangs up ends the response at once, wherever it is; the task is then asked to stop, and settles what
    was used in its own time.

    Args:
        pieces: The answer's pieces.
        teller: Writes them as the client knows them.
        refusal: Makes an error of whatever is raised while they are made.
        running: Tasks that are on their way; the server ends them when it ends.

    Attributes:
        id: The answer's, once it has begun.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[Json, None],
        teller: Teller,
        refusal: Callable[[Exception], Awaitable[Refusal]],
        running: "set[asyncio.Task[None]]",
    ) -> None:
        self.id: str | None = None
        self._teller = teller
        self._refusal = refusal
        self._queue: asyncio.Queue[Json | Refusal | None] = asyncio.Queue(AHEAD)
        self._task = asyncio.create_task(self._make(pieces))
        running.add(self._task)
        self._task.add_done_callback(running.discard)

    async def begin(self) -> AsyncIterator[bytes]:
        """Wait for the first piece, and give the events; what fails before it is an error with its own HTTP status.

        Raises:
            Refusal: There is no answer.
        """
        try:
            first = await self._queue.get()
        except BaseException:
            self.stop()
            raise
        if isinstance(first, Refusal):
            raise first
        self.id = None if first is None else first.get("id")
        return self._events(first)

    async def _events(self, piece: Json | Refusal | None) -> AsyncIterator[bytes]:
        while True:
            ready = [piece]
            # What has come meanwhile goes out at once: an expert that floods must not make a packet of each word.
            while isinstance(ready[-1], dict) and not self._queue.empty():
                ready.append(self._queue.get_nowait())
            if events := b"".join(event for one in ready for event in self._written(one)):
                yield events
            if not isinstance(ready[-1], dict):
                return
            piece = await self._queue.get()

    def _written(self, piece: Json | Refusal | None) -> Iterator[bytes]:
        if piece is None:
            return self._teller.end()
        return iter((self._teller.failed(piece),)) if isinstance(piece, Refusal) else self._teller.take(piece)

    def stop(self) -> None:
        """Make no more of them; without effect once all are made."""
        self._task.cancel()

    async def _make(self, pieces: AsyncGenerator[Json, None]) -> None:
        end: Refusal | None = None
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    await self._queue.put(piece)
        except Exception as error:
            end = await self._refused(error)
        await self._queue.put(end)

    async def _refused(self, error: Exception) -> Refusal:
        try:
            return await self._refusal(error)
        except Exception as second:  # the ledger may be down, too, and the client must hear of the end all the same
            log.error("A stream failed, and so did saying why: %s, %s", type(error).__name__, type(second).__name__)
            return Refusal(500, "Leeroo failed; the server's log says where.", "server_error")


class EventStream(StreamingResponse):
    """The response that sends events; however it ends, it stops them.

    Args:
        events: The events.
        content: From `events.begin`.
    """

    def __init__(self, events: Events, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(STALLED):
                await send(message)

        try:
            await super().__call__(scope, receive, in_time)
        except TimeoutError:
            log.warning("A client has read nothing of its stream for %.0f s and was left.", STALLED)
        finally:
            self._events.stop()
