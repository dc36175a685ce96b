"""An OpenAI-compatible chat server on loopback that answers by rule: text, tool calls and JSON made from schemas.

Run it as a script to have it in a process of its own: it prints its port.
"""

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = "Hello there, this is an answer from the loopback server."


class Server(ThreadingHTTPServer):
    """Serves `/v1/chat/completions`; `fail[model]` says how a model misbehaves, `requests` what was asked."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fail: dict[str, Any] = {}
        self.requests: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        """Clients that hang up are part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *args):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(asked)
        fail = self.server.fail.get(asked["model"])
        if isinstance(fail, int):
            return self._send(fail, {"error": {"message": f"status {fail} on demand", "type": "test", "code": None}})
        if fail == "garbage":
            return self._raw(200, b"<html>what?</html>", "text/html")
        if fail == "empty":
            return self._send(200, {})
        if fail == "hang":
            time.sleep(1)
            return None
        message, finish = answer(asked)
        usage = None if fail == "no usage" else usage_of(asked, message)
        if asked.get("stream"):
            return self._stream(asked, message, finish, usage, dies=fail == "dies half way")
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        body = {"id": "c", "object": "chat.completion", "created": 0, "model": asked["model"], "choices": [choice]}
        return self._send(200, {**body, **({"usage": usage} if usage else {})})

    def _send(self, status, body):
        self._raw(status, json.dumps(body).encode(), "application/json")

    def _raw(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, asked, message, finish, usage, *, dies):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        base = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": asked["model"]}

        def write(line):
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

        def event(data):
            write(b"data: " + json.dumps(data).encode() + b"\n\n")

        deltas = list(pieces(message))
        for index, delta in enumerate(deltas):
            if dies and index == len(deltas) // 2:
                self.close_connection = True
                return
            event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        event({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        if usage and (asked.get("stream_options") or {}).get("include_usage"):
            event({**base, "choices": [], "usage": usage})
        write(b"data: [DONE]\n\n")
        write(b"")


def pieces(message):
    """A message as the deltas of a stream."""
    yield {"role": "assistant", "content": ""}
    for word in re.findall(r"\S+\s*", message["content"] or ""):
        yield {"content": word}
    for index, call in enumerate(message.get("tool_calls", [])):
        yield {"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]}
        yield {"tool_calls": [{"index": index, "function": {"arguments": call["function"]["arguments"]}}]}


def usage_of(asked, message):
    """Token counts, one for every four characters; a fixed part of the input came from the cache."""
    read, written = len(json.dumps(asked["messages"])) // 4 + 1, len(json.dumps(message)) // 4 + 1
    details = {"cached_tokens": min(4, read), "audio_tokens": 1 if "input_audio" in json.dumps(asked) else 0}
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 0},
    }


def answer(asked):
    """The assistant's message and the finish reason, by rule."""
    said = next((m["content"] for m in reversed(asked["messages"]) if m["role"] == "user"), "")
    text = said if isinstance(said, str) else " ".join(part.get("text", "") for part in said)
    tools = [t["function"] for t in asked.get("tools", []) if t.get("type") == "function"]
    choice = asked.get("tool_choice", "auto")
    if tools and choice != "none" and (choice != "auto" or asked["messages"][-1]["role"] != "tool"):
        if isinstance(choice, dict):
            tools = [t for t in tools if t["name"] == choice["function"]["name"]]
        many = len(tools) if "each tool" in text and asked.get("parallel_tool_calls") is not False else 1
        calls = [
            {
                "id": f"call_{len(asked['messages'])}_{index}",
                "type": "function",
                "function": {"name": tool["name"], "arguments": json.dumps(value(tool.get("parameters", {}), text))},
            }
            for index, tool in enumerate(tools[:many])
        ]
        return {"content": None, "tool_calls": calls}, "tool_calls"
    wanted = asked.get("response_format") or {}
    if "break the schema" in text:
        return {"content": "this is no JSON"}, "stop"
    if wanted.get("type") == "json_schema":
        return {"content": json.dumps(value(wanted["json_schema"]["schema"], text))}, "stop"
    if wanted.get("type") == "json_object":
        keys = re.findall(r"'(\w+)'", text) or ["answer"]
        return {"content": json.dumps({key: f"a {key}" for key in keys})}, "stop"
    content = TEXT
    for stop in [asked["stop"]] if isinstance(asked.get("stop"), str) else asked.get("stop") or []:
        content = content.split(stop)[0]
    words = content.split(" ")
    most = asked.get("max_completion_tokens") or asked.get("max_tokens") or len(words)
    return {"content": " ".join(words[:most])}, "stop" if most >= len(words) else "length"


def value(schema, text):
    """Something that fits a JSON schema, with names and numbers taken from the text."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return value(schema["anyOf"][0], text)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return {key: value(one, text) for key, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [value(schema.get("items", {}), text)]
    if kind in ("integer", "number"):
        found = re.search(r"\d+", text)
        return int(found.group()) if found else 3
    if kind == "boolean":
        return True
    quoted = re.search(r"'([^']+)'", text)
    return quoted.group(1) if quoted else "something"


if __name__ == "__main__":
    server = Server()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    threading.Event().wait()
