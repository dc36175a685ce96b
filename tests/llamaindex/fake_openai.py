"""A loopback server that speaks OpenAI's chat completions, answers by rule, and fails on demand."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKENS = {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 48}


class FakeOpenAI:
    """The server. Used as a context manager.

    Attributes:
        requests: Bodies of the requests, in order.
        down: Status by model: that model answers every request with it.
        garbage: Models that answer with something that is no JSON.
        hangs: Models that do not answer for some seconds.
        breaks: Models whose streams end in the middle.
        script: Replies to give first, in order: a text, or a dict with `content` or `tool_calls`.
        usage: Whether usage is reported.
    """

    def __init__(self, reply: Callable | None = None):
        self.requests, self.down, self.garbage, self.hangs, self.breaks = [], {}, set(), set(), set()
        self.script, self.usage, self.delay = [], True, 0.0
        self._reply = reply or answer
        self._calls = 0
        self._lock = threading.Lock()

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"fake": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def models(self):
        return [r["model"] for r in self.requests]

    def message(self, body):
        with self._lock:
            reply = self.script.pop(0) if self.script else self._reply(body)
            self._calls += 1
            number = self._calls
        reply = {"content": reply} if isinstance(reply, str) else reply
        calls = [
            {
                "id": f"call_{number}_{i}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(args)},
            }
            for i, (name, args) in enumerate(reply.get("tool_calls", []))
        ]
        message = {"role": "assistant", "content": reply.get("content")}
        return {**message, "tool_calls": calls} if calls else message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._answer()

    def _answer(self):
        fake = self.fake
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fake.requests.append(body)
        model = body["model"]
        if model in fake.hangs:
            time.sleep(3)
        if fake.delay:
            time.sleep(fake.delay)
        if model in fake.down:
            return self._send(fake.down[model], {"error": {"message": "down for the test", "type": "server_error"}})
        if model in fake.garbage:
            return self._raw(200, b"<html>no json</html>", "text/html")
        message = fake.message(body)
        done = "tool_calls" if message.get("tool_calls") else "stop"
        head = {"id": "x", "created": 1, "model": model}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": done}
            answer = {**head, "object": "chat.completion", "choices": [choice]}
            return self._send(200, {**answer, "usage": TOKENS} if fake.usage else answer)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        if model in fake.breaks:
            self.send_header("content-length", "1000000")  # so that the client knows that something is missing
        self.end_headers()
        self.close_connection = True
        deltas = [{"role": "assistant", "content": ""}]
        if message.get("tool_calls"):
            deltas.append({"tool_calls": [{**c, "index": i} for i, c in enumerate(message["tool_calls"])]})
        text = message["content"] or ""
        deltas += [{"content": text[i : i + 6]} for i in range(0, len(text), 6)]
        for i, delta in enumerate(deltas):
            if model in fake.breaks and i == 2:
                return None  # the connection closes without the end of the stream
            self._event({**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]})
        end = {"index": 0, "delta": {}, "finish_reason": done}
        self._event({**head, "object": "chat.completion.chunk", "choices": [end]})
        if fake.usage and (body.get("stream_options") or {}).get("include_usage"):
            self._event({**head, "object": "chat.completion.chunk", "choices": [], "usage": TOKENS})
        self.wfile.write(b"data: [DONE]\n\n")
        return None

    def _event(self, data):
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _send(self, status, data):
        self._raw(status, json.dumps(data).encode(), "application/json")

    def _raw(self, status, data, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def answer(body):
    """What a fair small model would say to the prompts of LlamaIndex's engines and agents."""
    messages = body["messages"]
    text = "\n".join(_text(m) for m in messages)
    last = messages[-1]
    schema = (body.get("response_format") or {}).get("json_schema")
    if schema:
        return json.dumps(fill(schema["schema"], schema["schema"]))
    handed_over = last["role"] == "tool" and "is now handling" in _text(last)
    if last["role"] == "tool" and not handed_over:
        return f"The tool said {_text(last)}."
    if body.get("tools") and (body.get("tool_choice") not in (None, "auto", "none") or "add" in _text(last)):
        function = body["tools"][0]["function"]
        if function["name"] == "handoff":
            return {"tool_calls": [("handoff", {"to_agent": "second", "reason": "it adds"})]}
        return {"tool_calls": [(function["name"], fill(function["parameters"], function["parameters"]))]}
    for mark, reply in RULES:
        if mark in text:
            return reply(text, _text(last)) if callable(reply) else reply
    return "Paris is the capital of France."


def _react(text, last):
    if "Observation:" in last:
        return "Thought: I can answer without using any more tools.\nAnswer: five"
    return 'Thought: I need a tool.\nAction: add\nAction Input: {"a": 2, "b": 3}'


def _code(text, last):
    return "The sum is 5." if "Result" in last or "Output" in last or "5" in last else "<execute>print(2 + 3)</execute>"


SUB_QUESTIONS = '```json\n{"items": [{"sub_question": "What is the capital?", "tool_name": "docs"}]}\n```'
RULES = [
    ("Action Input:", _react),
    ("<execute>", _code),
    ("sub questions", SUB_QUESTIONS),
    ("sub-questions", SUB_QUESTIONS),
    ("YES or NO", "YES"),
    ("Answer YES", "YES"),
    ("Either YES/ NO", "YES"),
]


def _text(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def fill(schema, root):
    """The plainest value that a JSON schema allows."""
    if "$ref" in schema:
        return fill(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return fill(schema["anyOf"][0], root)
    kind = schema.get("type")
    if kind == "object":
        return {name: fill(part, root) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [fill(schema.get("items", {}), root)]
    return {"integer": 1, "number": 1.5, "boolean": True}.get(kind, "Paris")
