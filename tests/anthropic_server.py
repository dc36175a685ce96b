"""A loopback server that speaks Anthropic's Messages API, with its prompt cache: a mark writes, the same prefix reads.

    with AnthropicServer(answer=lambda body: "Hello.") as server:
        ChatAnthropic(base_url=server.url, model="claude-sonnet-4-5", api_key="x")

It caches as the real one does: nothing without a mark, tools before instructions before messages, up to each block that
is marked, for the model that was asked; a fifth mark is refused. A token is four characters. With a signature it thinks
before each answer, and refuses thinking that it did not sign.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Json = dict[str, Any]
MOST_MARKS = 4


class AnthropicServer:
    """The server; runs inside its `with` block.

    Args:
        answer: Makes the answer of a request's body: a text, or a tool to call as (name, arguments).
        least: Tokens from which on a prefix is cached.
        signature: What it signs its thinking with; "" for an answer without thinking.

    Attributes:
        overloaded: Whether every request is refused with a status of 529.
        bodies: Of all requests so far, in order.
        usages: What was reported of each.
    """

    def __init__(
        self, answer: "Callable[[Json], str | tuple[str, Json]] | None" = None, least: int = 0, signature: str = ""
    ) -> None:
        self.answer = answer or (lambda body: "Paris.")
        self.least = least
        self.signature = signature
        self.overloaded = False
        self.bodies: list[Json] = []
        self.usages: list[Json] = []
        self._cache: set[str] = set()
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.anthropic = self

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True, name="anthropic-server").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def reply(self, body: Json) -> tuple[int, Json]:
        """Status and message of a request."""
        with self._lock:
            self.bodies.append(body)
            if self.overloaded:
                return 529, _error("overloaded_error", "Overloaded")
            for at, message in enumerate(body["messages"]):
                for index, part in enumerate(_parts(message)):
                    if "thinking" in part["type"] and part.get("signature") != self.signature:
                        where = f"messages.{at}.content.{index}"
                        return 400, _error("invalid_request_error", f"{where}: Invalid `signature` in `thinking` block")
            blocks = list(_blocks(body))
            marks = [(at, found) for at, (_, found) in enumerate(blocks) if found]
            if len(marks) > MOST_MARKS:
                text = f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {len(marks)}."
                return 400, _error("invalid_request_error", text)
            usage = self._usage(body, [text for text, _ in blocks], marks)
            given = self.answer(body)
            if isinstance(given, str):
                content: list[Json] = [{"type": "text", "text": given}]
            else:
                name, arguments = given
                call_id = f"toolu_{len(self.bodies)}"
                content = [{"type": "tool_use", "id": call_id, "name": name, "input": arguments}]
            if self.signature:
                content.insert(0, {"type": "thinking", "thinking": "Let me see.", "signature": self.signature})
            usage["output_tokens"] = _tokens(json.dumps(content))
            self.usages.append(usage)
            return 200, {
                "id": f"msg_{len(self.bodies)}", "type": "message", "role": "assistant", "model": body["model"],
                "content": content, "stop_reason": "end_turn" if isinstance(given, str) else "tool_use",
                "stop_sequence": None, "usage": usage,
            }  # fmt: skip

    def _usage(self, body: Json, texts: list[str], marks: list[tuple[int, Mapping[str, Any]]]) -> Json:
        """The input's tokens: read from the cache, written to it, and the rest."""

        def prefix(last: int) -> str:
            return "\n".join([str(body["model"]), *texts[: last + 1]])

        read, written, hour, new = 0, 0, False, set()
        for at, found in marks:
            # A mark also finds what an earlier request has cached up to one of the blocks before it.
            hits = [upto for upto in range(at + 1) if prefix(upto) in self._cache]
            read = max([read, *(sum(map(_tokens, texts[: upto + 1])) for upto in hits)])
            total = sum(map(_tokens, texts[: at + 1]))
            if total >= self.least:
                new.add(prefix(at))
                written, hour = max(written, total), found.get("ttl") == "1h"
        self._cache |= new
        total, written = sum(map(_tokens, texts)), max(0, written - read)
        return {
            "input_tokens": total - read - written,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {"ephemeral_5m_input_tokens": 0 if hour else written,
                               "ephemeral_1h_input_tokens": written if hour else 0},
            "service_tier": "standard",
        }  # fmt: skip


def _error(kind: str, message: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": message}}


def marks_of(body: Json) -> list[tuple[str, str]]:
    """Where a request is marked ("tools", "system", "message 3", "top") and for how long."""
    found = [("tools", tool) for tool in body.get("tools") or ()]
    found += [("system", part) for part in body.get("system") or () if isinstance(part, dict)]
    found += [(f"message {at}", part) for at, message in enumerate(body["messages"]) for part in _parts(message)]
    found.append(("top", body))
    return [(name, one["cache_control"].get("ttl", "5m")) for name, one in found if one.get("cache_control")]


def _blocks(body: Json) -> Iterator[tuple[str, Any]]:
    """(text, mark) of everything that is read, in the order in which it is cached."""
    found = [*(body.get("tools") or ()), *_as_parts(body.get("system")),
             *(part for message in body["messages"] for part in _parts(message))]  # fmt: skip
    last = len(found) - 1
    for at, part in enumerate(found):
        text = json.dumps({key: value for key, value in part.items() if key != "cache_control"}, sort_keys=True)
        yield text, part.get("cache_control") or (body.get("cache_control") if at == last else None)


def _parts(message: Json) -> list[Json]:
    return _as_parts(message["content"])


def _as_parts(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def _tokens(text: str) -> int:
    return len(text) // 4


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    anthropic: AnthropicServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, message = self.server.anthropic.reply(body)
        if body.get("stream") and status == 200:
            events = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in _events(message))
            self._send(200, events.encode(), "text/event-stream")
        else:
            self._send(status, json.dumps(message).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _events(message: Json) -> Iterator[Json]:
    """An answer as Anthropic's stream of it."""
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None,
                                                "usage": {**message["usage"], "output_tokens": 1}}}  # fmt: skip
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            start, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        elif block["type"] == "thinking":
            start = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]},
                      {"type": "signature_delta", "signature": block["signature"]}]  # fmt: skip
        else:
            start = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    # Without how long what is written is kept: the event has no field for it (anthropic 2.14.0, 2026-11).
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    yield {"type": "message_delta", "delta": stop, "usage": {name: message["usage"][name] for name in names}}
    yield {"type": "message_stop"}
