"""HTTP for experts' calls. For async ones a connection pool per event loop, aiohttp's where it is installed.

A pool that outlives its event loop hands out dead connections: the second `asyncio.run` of a program fails with a
connection error. The frameworks' own clients hide that behind retries; the router makes none, because its budget
counts attempts.

httpx's own pool looks through all its connections at every request and every answer (encode/httpx issue 3215,
openai-python issue 1596), which with a few dozen calls in flight costs more than all else about them. aiohttp's does
not.
"""

import asyncio
import contextlib
import importlib
import ssl
import urllib.request
import weakref
from collections.abc import AsyncGenerator
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from leeroo.endpoints import bounded
from leeroo.endpoints.http import http_library, tls

MOST_CONNECTIONS = 1000
KEPT_ALIVE = 5.0
"""Seconds that an idle connection is kept, as httpx does: servers close theirs after not much longer."""


class PerLoopTransport:
    """Passes each request to the pool of the event loop that it is made in.

    Args:
        library: httpx, or httpx2.
        proxy: In place of the environment's.
    """

    def __init__(self, library: Any, proxy: str | None = None) -> None:
        self._library = library
        self._proxy = proxy
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request."""
        pool = self._pools.get(asyncio.get_running_loop()) or await self._open()
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

    async def _open(self) -> Any:
        for known in list(self._pools):
            if known.is_closed() and isinstance(pool := self._pools.pop(known, None), AiohttpPool):
                pool.abandon()
        pool = _pool(self._library, tls(), self._proxy)
        self._pools[asyncio.get_running_loop()] = pool
        if isinstance(pool, AiohttpPool):
            await pool.close_with_the_loop()
        return pool


class AiohttpPool:
    """A loop's connections, kept by aiohttp; closed when the loop ends, for aiohttp complains of those that are not.

    Args:
        library: httpx, or httpx2.
        tls: What certificates are checked with.

    Raises:
        ImportError: aiohttp or httpx-aiohttp is not installed.
    """

    def __init__(self, library: Any, tls: ssl.SSLContext) -> None:
        bridge = importlib.import_module("httpx_aiohttp" if library.__name__ == "httpx" else "httpx_aiohttp.httpx2")
        import aiohttp

        self._library = library
        connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=KEPT_ALIVE, ssl=tls)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._transport = bridge.AiohttpTransport(verify=tls, client=session)
        self._keeper: AsyncGenerator[None] | None = None
        # Also when this is dropped, and when the program ends.
        self._finish = weakref.finalize(self, _close, asyncio.get_running_loop(), session, connector)

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request."""
        try:
            return await self._transport.handle_async_request(request)
        except self._library.ConnectTimeout as error:
            if isinstance(error.__cause__, TimeoutError):
                raise
            # The bridge takes every lost connection for a timeout, and a timeout may have to be paid for.
            raise self._library.ReadError(str(error)) from error.__cause__

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def close_with_the_loop(self) -> None:
        """Have the running loop close this when it shuts down its generators, as `asyncio.run` makes it do."""

        async def keep() -> AsyncGenerator[None]:
            try:
                yield
            finally:
                await self.aclose()

        self._keeper = keep()
        await anext(self._keeper)

    def abandon(self) -> None:
        """Close, from outside of the loop, the connections of a loop that is over."""
        self._finish()


def _close(loop: asyncio.AbstractEventLoop, session: Any, connector: Any) -> None:
    if session.closed or loop.is_running():
        return
    if loop.is_closed():
        session.detach()
        with contextlib.suppress(StopIteration):  # with the loop closed there is nothing that it would wait for
            next(connector.close().__await__())
        return
    closing = session.close()
    try:
        loop.run_until_complete(closing)
    except RuntimeError:  # another loop runs in this thread
        closing.close()


class ProxiedPool:
    """A loop's connections behind a proxy, which httpx finds in the environment.

    Args:
        library: httpx, or httpx2.
        tls: What certificates are checked with.
        limits: Of its connections.
        proxy: In place of the environment's.
    """

    def __init__(self, library: Any, tls: ssl.SSLContext, limits: Any, proxy: str | None) -> None:
        self._client = _without_cookies(library.AsyncClient)(
            verify=tls, limits=limits, proxy=proxy, follow_redirects=False
        )

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request."""
        return await self._client.send(request, stream=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _pool(library: Any, tls: ssl.SSLContext, proxy: str | None) -> Any:
    limits = library.Limits(
        max_connections=MOST_CONNECTIONS, max_keepalive_connections=100, keepalive_expiry=KEPT_ALIVE
    )
    if proxy is not None or urllib.request.getproxies().keys() & {"http", "https", "all"}:
        return ProxiedPool(library, tls, limits, proxy)
    try:
        return AiohttpPool(library, tls)
    except ImportError:
        return library.AsyncHTTPTransport(verify=tls, limits=limits)


def sync_client(timeout: float, *, proxy: str | None = None) -> Any:
    """A client for calls from threads.

    It follows no redirects and reads answers up to a bound, see `leeroo.endpoints.bounded`, behind a proxy too.

    Args:
        timeout: Seconds.
        proxy: In place of the environment's.
    """
    import openai

    return _without_cookies(openai.DefaultHttpxClient)(
        verify=tls(), timeout=timeout, follow_redirects=False, event_hooks=bounded.hooks(), proxy=proxy
    )


def async_client(timeout: float, *, proxy: str | None = None) -> Any:
    """A client for async calls, which works in every event loop; else as `sync_client`."""
    import openai

    return _without_cookies(openai.DefaultAsyncHttpxClient)(
        transport=PerLoopTransport(http_library(), proxy),
        timeout=timeout,
        follow_redirects=False,
        event_hooks=bounded.async_hooks(),
    )


@lru_cache(maxsize=3)
def _without_cookies(client: Any) -> Any:
    """A class of clients that keep no cookies.

    An expert is asked on behalf of many users, whose calls are nobody's session; and looking for cookies takes httpx a
    twentieth of a short call.
    """

    class Nothing(http_library().Cookies):  # type: ignore[misc]
        def extract_cookies(self, response: Any) -> None: ...

        def set_cookie_header(self, request: Any) -> None: ...

        def __bool__(self) -> bool:
            return False

    nothing = Nothing()

    class WithoutCookies(client):  # type: ignore[misc]
        @property
        def cookies(self) -> Any:
            return nothing

    return WithoutCookies
