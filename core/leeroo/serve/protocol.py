"""HTTP for clients that do not hurry: `impatient`, uvicorn's protocol with an end to waiting.

A connection that never finishes its request costs its sender nothing and the server a file descriptor; when those run
out, nobody is served. So headers have to come within seconds, and beyond a number of connections new ones are dropped.
"""

import asyncio
import resource
from contextlib import suppress
from typing import Any

HEADER_SECONDS = 15.0
"""For all headers of a request; the body has its own time, see `leeroo.serve.gate`."""
SPARE = 128
"""File descriptors kept for experts, the ledger and files."""


def most_connections() -> int:
    """How many clients may be connected: half of what the system allows, which is first raised to its most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard > 0 else 65_536, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(16, (soft - SPARE) // 2)


def impatient(most: int, seconds: float = HEADER_SECONDS) -> Any:
    """A class of uvicorn protocols.

    Args:
        most: Connections at a time.
        seconds: For the headers of a request.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    return type("Impatient", (_Impatient, AutoHTTPProtocol), {"most": most, "seconds": seconds})


class _Impatient(asyncio.Protocol):
    """What stands before uvicorn's protocol, whose attributes it reads."""

    most: int
    seconds: float
    connections: Any
    cycle: Any
    loop: Any
    transport: Any
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._await_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering():
            self._stop()
        elif self._timer is None:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_headers(self) -> None:
        self._timer = self.loop.call_later(self.seconds, self._too_late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self._is_answering() and not self.transport.is_closing():
            self.transport.abort()
