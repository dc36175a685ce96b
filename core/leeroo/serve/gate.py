"""What every request passes before anything of it is read: its key, its rate, its size."""

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leeroo.errors import ConfigError
from leeroo.serve.errors import Refusal, after, shape_of
from leeroo.serve.held import Held
from leeroo.serve.keys import Key, KeyFile
from leeroo.serve.named import Named
from leeroo.visible import counted, visible

FREE = frozenset({"/healthz", "/openapi.json"})
"""Paths that need no key and count for no rate."""
OPERATOR = frozenset({"/metrics"})
"""Paths that show what every scope spends: for keys of the scope "*" only."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
CALLERS = 10_000
"""Callers whose rate is remembered."""
log = logging.getLogger("leeroo.serve")


class Gate:
    """ASGI middleware that lets a request in, or answers it with an error in OpenAI's shape.

    Args:
        app: What lies behind.
        keys: The keys; None lets everybody in who reaches the server by a name of the loopback.
        per_minute: Requests of one key, or without keys of one address, per minute; 0 for no limit.
        max_bytes: The largest body.
        seconds: In which a body has to come.
        held: Counts the bodies of all requests together.
    """

    def __init__(
        self, app: ASGIApp, *, keys: KeyFile | None, per_minute: int, max_bytes: int, seconds: float, held: Held
    ) -> None:
        self._app = app
        self._keys = keys
        self._rates = Rates(per_minute) if per_minute else None
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        named = Named(scope, send)
        try:
            await self._check(scope)
            with self._counted(scope, receive) as counted:
                await self._app(scope, counted, named.send)
        except Refusal as refusal:
            await _answer(refusal, scope, named)
        except Exception as error:
            # Its message may repeat a prompt; its type and its place do not.
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
            log.error("%s %s failed: %s at %s, request %s", scope["method"], visible(scope["path"], 200),
                      type(error).__name__, where, named.id)  # fmt: skip
            await _answer(Refusal(500, "Leeroo failed; the server's log says where.", "server_error"), scope, named)
        finally:
            named.log()
        return None

    async def _check(self, scope: Scope) -> None:
        path = scope["path"]
        scope.setdefault("state", {})["key"] = None
        if path in FREE:
            return
        key = None
        if self._keys is not None:
            key = await asyncio.to_thread(_authenticated, self._keys, scope)  # it looks at the file
        elif (host := re.sub(r":\d+$", "", _header(scope, b"host"))) not in LOOPBACK:
            # A page in a browser can have its own name point here; it must not spend the owner's money.
            shown = visible(host, 100)
            raise Refusal(403, f"Host {shown} is not this server's; without keys it is reached as localhost only.")
        elif _is_from_elsewhere(scope):
            raise Refusal(403, "A page of another site sent this; without keys only this machine's own may.")
        if key is not None and path in OPERATOR and key.scope != "*":
            raise Refusal(403, f"{path} needs a key of the scope '*'.", "permission_error", "scope_not_allowed")
        if scope["method"] == "POST" and not _is_json(_header(scope, b"content-type")):
            raise Refusal(415, "Send JSON, with 'Content-Type: application/json'.", code="unsupported_media_type")
        scope["state"]["key"] = key
        if self._rates is not None:
            self._rates.take(key.id if key is not None else (scope.get("client") or ("?",))[0])

    @contextmanager
    def _counted(self, scope: Scope, receive: Receive) -> Iterator[Receive]:
        """`receive` that stops a body which is too large, declared or not, or is one too many."""
        declared = _header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise self._too_large()
        seen = 0
        whole = False
        ends = asyncio.get_running_loop().time() + self._seconds

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:
                return await receive()  # that the client hangs up: for that there is no hurry
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise Refusal(408, f"The body did not come within {self._seconds:g} s.", code="too_slow") from None
            whole = not message.get("more_body", False)
            size = len(message.get("body", b""))
            if seen + size > self._max_bytes:
                raise self._too_large()
            self._held.take(size, seen + size)
            seen += size
            return message

        try:
            yield counted
        finally:
            self._held.give(seen)

    def _too_large(self) -> Refusal:
        return Refusal(413, f"The request is larger than {self._max_bytes} bytes.", code="request_too_large")


class Rates:
    """Token buckets: each caller may make so many requests at once, and as many again spread over a minute.

    Args:
        per_minute: How many.
        clock: Seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one request.

        Raises:
            Refusal: The caller has made too many.
        """
        now = self._clock()
        left, since = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_second)
        allowed = left >= 1
        self._left[caller] = (left - 1 if allowed else left, now)
        while len(self._left) > CALLERS:
            self._left.popitem(last=False)
        if not allowed:
            message = f"More than {counted(round(self._most), 'request')} per minute; wait a little."
            wait = after((1 - left) / self._per_second)
            raise Refusal(429, message, "rate_limit_error", "rate_limit_exceeded", headers=wait)


def _authenticated(keys: KeyFile, scope: Scope) -> Key:
    kind, _, token = _header(scope, b"authorization").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        token = _header(scope, b"x-api-key")  # as Anthropic's clients send theirs
    if not token.strip():
        raise _denied("Give your key in the header 'Authorization: Bearer ...'; `leeroo keys add` makes one.")
    try:
        key = keys.find(token.strip())
    except ConfigError as error:
        log.error("No key is accepted: %s", error)
        key = None
    if key is None:
        raise _denied("This key is unknown here, or was revoked.")
    return key


def _denied(message: str) -> Refusal:
    headers = {"WWW-Authenticate": "Bearer"}
    return Refusal(401, message, "authentication_error", "invalid_api_key", headers=headers)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _is_from_elsewhere(scope: Scope) -> bool:
    """Whether a browser says that a page of another site makes the request."""
    origin = _header(scope, b"origin")
    if origin and re.sub(r":\d+$", "", origin.partition("://")[2]) not in LOOPBACK:
        return True
    return _header(scope, b"sec-fetch-site") == "cross-site"


def _is_json(content_type: str) -> bool:
    # A page may send other types to any site without asking; this one a browser asks about first, and is refused.
    return content_type.partition(";")[0].strip().lower() == "application/json"


async def _answer(refusal: Refusal, scope: Scope, named: Named) -> None:
    if named.status is not None:
        return  # the client has the beginning of another answer; that its end is missing tells it enough
    headers = [(b"content-type", b"application/json")]
    headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
    await named.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await named.send({"type": "http.response.body", "body": refusal.encoded(shape_of(scope["path"]))})
