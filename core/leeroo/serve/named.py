"""The name of a request, on its answer and in the log: `Named`."""

import logging
import re
import secrets

from starlette.types import Message, Scope, Send

from leeroo.routing.logs import event

HEADER = b"x-request-id"
_PLAIN = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
"""What a client may name its request; anything else could forge a line of a log, or a header."""


class Named:
    """Sends a request's answer with its name, and logs how it ended.

    Args:
        scope: The request's. Its state's `answer_id`, where a handler has put one there, is in the log, too.
        send: Where the answer goes.

    Attributes:
        id: The name: what the client gave in `x-request-id`, else one that is made here.
        status: HTTP status of the answer; None before it has begun.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        self.id = given.decode() if _PLAIN.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        self.status: int | None = None
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        """As ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = (HEADER, b"request-id") if self._scope["path"].startswith("/v1/messages") else (HEADER,)
            named = [(name, self.id.encode()) for name in names]
            message = {**message, "headers": [*message.get("headers", ()), *named]}
        await self._send(message)

    def log(self) -> None:
        """Log the request: its name, its path, its status and its answer."""
        event(
            logging.INFO, "request", request_id=self.id, method=self._scope["method"], path=self._scope["path"][:200],
            status=self.status, answer_id=self._scope.get("state", {}).get("answer_id"),
        )  # fmt: skip
