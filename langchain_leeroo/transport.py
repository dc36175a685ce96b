"""HTTP for experts' async calls: one connection pool per event loop. Imported when the first expert is built.

A pool that outlives its event loop hands out dead connections: the second `asyncio.run` of a program fails with a
connection error. langchain-openai hides that behind retries; the router makes none, because its budget counts attempts.
"""

import asyncio
import ssl
import urllib.request
from typing import Any
from weakref import WeakKeyDictionary

from leeroo.endpoints import http_library


class PerLoopTransport:
    """Passes each request to the pool of the event loop that it is made in.

    Args:
        library: httpx, or httpx2.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self._ssl: ssl.SSLContext | None = None

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            self._ssl = self._ssl or self._library.create_ssl_context()
            limits = self._library.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=5.0)
            pool = self._pools[loop] = self._library.AsyncHTTPTransport(verify=self._ssl, limits=limits)
        return await pool.handle_async_request(request)

    async def aclose(self) -> None:
        """Close this loop's pool."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()

    async def __aenter__(self) -> "PerLoopTransport":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def async_client(timeout: float) -> Any:
    """A client that works in every event loop; None behind a proxy, which only the library's own transport finds."""
    if urllib.request.getproxies():
        return None
    import openai

    return openai.DefaultAsyncHttpxClient(transport=PerLoopTransport(http_library()), timeout=timeout)  # type: ignore[arg-type]
