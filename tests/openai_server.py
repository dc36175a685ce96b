"""A loopback server that speaks OpenAI's HTTP API: it answers by rule, and misbehaves on demand.

    with OpenAIServer() as server:
        server.behave("small", [{"status": 503}, {"pace": 0.1}])  # its next two requests; then it is well again
        server.behave("large", {"usage": False})                  # every request, until told otherwise
        ChatOpenAI(base_url=server.url, model="small", api_key="x")

Run as a script, it prints its address and serves until its standard input ends.
"""

import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypedDict

Json = dict[str, Any]


class Request(TypedDict):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Json


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered. Everything absent: well.

    Attributes:
        status: An HTTP error; `code`, `message` and `retry_after` (seconds) go with it.
        code: OpenAI's error code, such as "context_length_exceeded" or "content_filter".
        hang: Seconds of silence before anything is sent.
        raw: The body as it is, in place of JSON; "" is an empty body.
        drop: Close the connection without an answer.
        drip: Seconds between the bytes of an answer that never ends.
        die_after: Close the connection after so many pieces of a stream.
        usage: Whether usage is reported.
        claim: What is reported as usage, in place of what was used: any JSON value, or its text.
        running: Whether every piece of a stream reports the usage so far, its output growing from one to the next.
        service: The service tier that is reported to have served, in every piece.
        heeds_cap: Whether `max_tokens` is heeded.
        location: Where a status of 3xx sends the client.
        cached: Input tokens reported as read from the cache, in place of the computed number.
        reasoning: Output tokens reported as reasoning, on top of the text's.
        thinks: Output tokens thought before the answer, out of the cap, as reasoning models do: with a cap below,
            nothing is said.
        shown: What it shows of its thinking, as `reasoning_content`.
        refuses: Parameters that this model does not take: a request with one of them is refused as OpenAI does.
        text: What to answer; "" makes an empty answer or stream.
        tool_calls: Tools to call, as (name, arguments); arguments may be a string that is no JSON.
        finish: The finish reason, such as "content_filter".
        logprobs: Tokens of the answer with their log-probabilities, for requests that ask for them; of a stream one a
            piece of text, and what is left on its last piece.
        pace: Seconds before every piece of a stream.
        model: The model name to report, in place of the one asked for.
    """

    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    hang: float = 0.0
    raw: str | None = None
    drop: bool = False
    drip: float = 0.0
    die_after: int | None = None
    usage: bool = True
    claim: Any = None
    running: bool = False
    service: str | None = None
    heeds_cap: bool = True
    location: str | None = None
    cached: int | None = None
    reasoning: int = 0
    thinks: int = 0
    shown: str = ""
    refuses: Sequence[str] = ()
    text: str | None = None
    tool_calls: Sequence[tuple[str, Mapping[str, Any] | str]] | None = None
    finish: str | None = None
    logprobs: Sequence[tuple[str, float]] = ()
    pace: float = 0.0
    model: str | None = None


WELL = Behaviour()
NAMED = {
    "context_length": Behaviour(
        status=400, code="context_length_exceeded", message="maximum context length is 10 tokens"
    ),
    "content_filter": Behaviour(status=400, code="content_filter", message="The response was filtered"),
    "rate_limit": Behaviour(status=429, code="rate_limit_exceeded", retry_after=1),
    "garbage": Behaviour(raw="<html>no JSON</html>"),
    "empty_body": Behaviour(raw=""),
    "drop": Behaviour(drop=True),
    "half": Behaviour(die_after=3),
    "no_usage": Behaviour(usage=False),
    "empty": Behaviour(text=""),
    "unknown_tool": Behaviour(tool_calls=(("no_such_tool", {}),)),
    "hang": Behaviour(hang=30),
    "slow": Behaviour(pace=0.1),
}
"""Behaviours that tests ask for by name."""


class OpenAIServer:
    """The server; runs inside its `with` block.

    Args:
        models: What `/v1/models` lists. A model that is not listed answers all the same.
        answer: Makes the answer of a request's body: a text, or tools to call as (name, arguments); None: by the rule.
        tokens: Input and output tokens to report of every answer, in place of those counted.

    Attributes:
        requests: All POST requests so far, in order.
    """

    def __init__(
        self,
        models: Sequence[str] = ("gpt-x", "gpt-y"),
        answer: "Callable[[Json], Answer] | None" = None,
        tokens: tuple[int, int] | None = None,
    ) -> None:
        self.models = tuple(models)
        self.answer = answer or (lambda body: None)
        self.tokens = tokens
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._behaviours: dict[str, Behaviour | list[Behaviour]] = {}
        self._seen: dict[str, list[Json]] = {}
        self._lock = threading.Lock()
        self._calls = 0
        self._http = _Http(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True, name="openai-server").start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def root(self) -> str:
        """The server's address; `/tokenize` and `/health` are beneath it."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def url(self) -> str:
        """What clients call `base_url`."""
        return f"{self.root}/v1"

    def bodies(self, model: str | None = None) -> list[Json]:
        """Bodies of the requests, of one model or of all."""
        return [r["body"] for r in self.requests if model is None or r["body"].get("model") == model]

    def asked(self) -> list[str]:
        """The models of the requests, in order."""
        return [body["model"] for body in self.bodies()]

    def behave(self, model: str, how: "Given | Sequence[Given] | None") -> None:
        """Say how a model behaves.

        Args:
            model: The model's name.
            how: One behaviour, for all requests from now on; a list: one for each of the next requests, after which the
                model is well again; None: well. A behaviour is a `Behaviour`, its fields as a mapping, or a name out
                of `NAMED`.
        """
        with self._lock:
            if how is None:
                self._behaviours.pop(model, None)
            elif isinstance(how, (str, Mapping, Behaviour)):
                self._behaviours[model] = _behaviour(how)
            else:
                self._behaviours[model] = [_behaviour(one) for one in how]

    def take(self, path: str, headers: dict[str, str], body: Json) -> Behaviour:
        """Record a request and say how it is to be answered."""
        with self._lock:
            self.requests.append({"path": path, "headers": headers, "body": body})
            given = self._behaviours.get(str(body.get("model")), WELL)
            if isinstance(given, list):
                return given.pop(0) if given else WELL
            return given

    def message(self, body: Json, how: Behaviour) -> Json:
        """The assistant's message."""
        given: Answer = how.tool_calls if how.text is None else how.text
        if given is None:
            given = self.answer(body)
        if given is None:
            given = _tools_called(body) or _structured(body) or _echo(body)
        if isinstance(given, str):
            return {"role": "assistant", "content": given}
        with self._lock:
            first = self._calls
            self._calls += len(given)
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": f"call_{first + at}",
                    "type": "function",
                    "function": {"name": name, "arguments": _arguments(args)},
                }
                for at, (name, args) in enumerate(given)
            ],
        }

    def usage(self, body: Json, message: Json, how: Behaviour) -> Json:
        """Token counts; what a model's previous request began with, too, counts as read from the cache."""
        messages = body.get("messages", [])
        read = _tokens_of(messages) + _tokens_of(body.get("tools", [])) + _tokens_of(body.get("prompt", ""))
        with self._lock:
            before = self._seen.get(str(body.get("model")), [])
            self._seen[str(body.get("model"))] = messages
        same = 0
        while same < min(len(before), len(messages)) and before[same] == messages[same]:
            same += 1
        written = _tokens_of(message.get("content") or "") + _tokens_of(message.get("tool_calls", [])) + how.reasoning
        cached = _tokens_of(messages[:same]) if how.cached is None else how.cached
        if self.tokens is not None:
            (read, written), cached = self.tokens, 0
        heard = sum(part.get("type") == "input_audio" for m in messages for part in _parts(m))
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": min(cached, read), "audio_tokens": heard},
            "completion_tokens_details": {"reasoning_tokens": how.reasoning, "audio_tokens": 0},
        }


Given = str | Mapping[str, Any] | Behaviour
Answer = str | Sequence[tuple[str, Any]] | None


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, server: OpenAIServer) -> None:
        self.openai = server
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests; what else goes wrong is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            models = [
                {"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self._openai.models
            ]
            self._send(200, {"object": "list", "data": models})
        elif self.path == "/health":
            self._send(200, {"status": "ok"})
        else:
            self._error(404, WELL)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            return self._error(400, Behaviour(message="The body is not JSON"))
        if self.path == "/tokenize":
            return self._send(200, {"tokens": list(range(_tokens_of(body.get("content", ""))))})
        how = self._openai.take(self.path, dict(self.headers.items()), body)
        if how.hang:
            self._openai.closing.wait(how.hang)
        if how.drop:
            self.close_connection = True
        elif how.drip:
            self._start(200, "application/json", "Content-Length: 1000000")
            while not self._openai.closing.wait(how.drip):
                self.wfile.write(b" ")  # which JSON allows before it begins
        elif how.status is not None:
            self._error(how.status, how)
        elif how.raw is not None:
            kind = "application/json" if how.raw.startswith("{") else "text/html"
            self._write(200, how.raw.encode(), "text/event-stream" if body.get("stream") else kind)
        elif self.path == "/v1/chat/completions":
            self._complete(body, how, _Chat)
        elif self.path == "/v1/completions":
            self._complete(body, how, _Text)
        else:
            self._error(404, WELL)
        return None

    @property
    def _openai(self) -> OpenAIServer:
        return self.server.openai

    def _complete(self, body: Json, how: Behaviour, form: "type[_Chat]") -> None:
        for name in how.refuses:
            if name in body:
                text = f"Unsupported parameter: '{name}' is not supported with this model."
                return self._error(400, Behaviour(message=text, code="unsupported_parameter"))
        try:
            capped = body if how.heeds_cap else {**body, "max_tokens": None, "max_completion_tokens": None}
            message, finish = _shorten(capped, self._openai.message(body, how))
            if how.shown:
                message["reasoning_content"] = how.shown
            if how.thinks:
                how, message, finish = _thought(capped, how, message, finish)
        except (KeyError, TypeError, AttributeError, ValueError):
            return self._error(400, Behaviour(message="The request is malformed"))
        finish = how.finish or finish
        usage = self._openai.usage(body, message, how) if how.usage else None
        usage = usage if how.claim is None else how.claim
        head = {
            "id": f"cmpl-{len(self._openai.requests)}",
            "created": int(time.time()),
            "model": how.model or body["model"],
            **({} if how.service is None else {"service_tier": how.service}),
        }
        if not body.get("stream"):
            choice = form.choice(message, finish)
            if how.logprobs and body.get("logprobs"):
                choice["logprobs"] = _probable(how.logprobs)
            answer = {**head, "object": form.whole, "choices": [choice]}
            return self._send(200, answer if usage is None else {**answer, "usage": usage})
        head["object"] = form.piece
        asked = (body.get("stream_options") or {}).get("include_usage")
        nothing = {} if usage is None or not asked else {"usage": None}
        events = [{**head, "choices": [form.delta(delta)], **nothing} for delta in _deltas(message)]
        events.append({**head, "choices": [form.delta({}, finish)], **nothing})
        if how.logprobs and body.get("logprobs"):
            _add_logprobs(events, how.logprobs)
        if how.running and usage is not None:
            events = [{**event, "usage": _so_far(usage, at + 1, len(events))} for at, event in enumerate(events)]
        if asked and usage is not None:
            events.append({**head, "choices": [], "usage": usage})
        return self._stream(events, how)

    def _stream(self, events: Sequence[Json], how: Behaviour) -> None:
        self._start(200, "text/event-stream", "Transfer-Encoding: chunked")
        for at, event in enumerate(events):
            if at == how.die_after:
                self.close_connection = True  # without the last chunk: clients see that the answer is not whole
                return
            if how.pace:
                self._openai.closing.wait(how.pace)
            self._chunk(b"data: %s\n\n" % json.dumps(event, ensure_ascii=False).encode())
        self._chunk(b"data: [DONE]\n\n", b"0\r\n\r\n")

    def _chunk(self, data: bytes, end: bytes = b"") -> None:
        self.wfile.write(b"%x\r\n%s\r\n%s" % (len(data), data, end))

    def _error(self, status: int, how: Behaviour) -> None:
        kind = "invalid_request_error" if status < 429 else "server_error"
        error = {"message": how.message or f"status {status} on demand", "type": kind, "param": None, "code": how.code}
        extra = [] if how.retry_after is None else [f"Retry-After: {how.retry_after:g}"]
        extra += [] if how.location is None else [f"Location: {how.location}"]
        self._write(status, json.dumps({"error": error}).encode(), "application/json", *extra)

    def _send(self, status: int, body: Json) -> None:
        self._write(status, json.dumps(body, ensure_ascii=False).encode(), "application/json")

    def _write(self, status: int, body: bytes, kind: str, *headers: str) -> None:
        self._start(status, kind, f"Content-Length: {len(body)}", *headers, body=body)

    def _start(self, status: int, kind: str, *headers: str, body: bytes = b"") -> None:
        # One write for everything: half the packets, and half the time of a short answer.
        reason = self.responses.get(status, ("",))[0]  # type: ignore[call-overload]
        lines = (f"HTTP/1.1 {status} {reason}", f"Content-Type: {kind}", *headers, "", "")
        self.wfile.write("\r\n".join(lines).encode() + body)


class _Chat:
    """How `/v1/chat/completions` writes a choice."""

    whole, piece = "chat.completion", "chat.completion.chunk"

    @staticmethod
    def choice(message: Json, finish: str) -> Json:
        return {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}

    @staticmethod
    def delta(delta: Json, finish: str | None = None) -> Json:
        return {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}


class _Text(_Chat):
    """How `/v1/completions` writes a choice."""

    whole = piece = "text_completion"

    @staticmethod
    def choice(message: Json, finish: str) -> Json:
        return {"index": 0, "text": message["content"] or "", "finish_reason": finish, "logprobs": None}

    @staticmethod
    def delta(delta: Json, finish: str | None = None) -> Json:
        return {"index": 0, "text": delta.get("content") or "", "finish_reason": finish, "logprobs": None}


def _behaviour(given: Given) -> Behaviour:
    if isinstance(given, Behaviour):
        return given
    if isinstance(given, str):
        return NAMED[given]
    unknown = set(given) - {field.name for field in fields(Behaviour)}
    if unknown:
        raise TypeError(f"no such behaviour: {', '.join(sorted(unknown))}")
    return Behaviour(**given)


# What is answered


def _echo(body: Json) -> str:
    """The rule: what a tool said, or an answer with the model's name and the question in it."""
    messages = body.get("messages") or [{"role": "user", "content": body.get("prompt", "")}]
    last = messages[-1]
    if last["role"] == "tool":
        return f"The tool says: {_text(last)}"
    return f"Hello, here is the answer of {body['model']} to: {_question(messages)[:200]}"


def _parts(message: Json) -> list[Json]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _text(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or f"[{part.get('type')}]" for part in _parts(message))


def _question(messages: Sequence[Json]) -> str:
    return next((_text(message) for message in reversed(messages) if message["role"] == "user"), "")


def _tools_called(body: Json) -> list[tuple[str, Any]]:
    """The tools that the choice demands or the question speaks of, with arguments that fit."""
    tools = [tool["function"] for tool in body.get("tools") or () if tool.get("type") == "function"]
    choice = body.get("tool_choice") or "auto"
    if not tools or choice == "none":
        return []
    question = _question(body["messages"])
    if isinstance(choice, dict):
        chosen = [tool for tool in tools if tool["name"] == choice["function"]["name"]]
    else:
        if choice == "auto" and body["messages"][-1]["role"] != "user":
            return []
        words = set(re.findall(r"\w+", question.lower()))
        chosen = [tool for tool in tools if _spoken_of(tool["name"], question, words)]
        if choice == "required" and not chosen:
            chosen = tools[:1]
    if body.get("parallel_tool_calls") is False:
        chosen = chosen[:1]
    return [(tool["name"], value(tool.get("parameters") or {}, question)) for tool in chosen]


def _spoken_of(name: str, question: str, words: set[str]) -> bool:
    """Whether a question has the tool's name, or its last word: "weather" for get_weather."""
    return name in question or re.split(r"[_\W]", name.lower())[-1] in words - {"tool", "function"}


def _arguments(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _structured(body: Json) -> str | None:
    """JSON where the request wants it: of its schema, or with the keys that the question names in quotes."""
    wanted = body.get("response_format") or {}
    question = _question(body.get("messages") or [])
    if wanted.get("type") == "json_schema":
        return json.dumps(value(wanted["json_schema"]["schema"], question), ensure_ascii=False)
    if wanted.get("type") == "json_object":
        keys = re.findall(r"[`'\"](\w+)[`'\"]", question) or ["answer"]
        return json.dumps({key: f"the {key}" for key in keys})
    return None


def _thought(body: Json, how: Behaviour, message: Json, finish: str) -> tuple[Behaviour, Json, str]:
    """What is left of an answer when thinking has used up part of the cap."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    how = replace(how, reasoning=how.thinks if most is None else min(how.thinks, most))
    if most is None or most > how.thinks:
        return how, message, finish
    return how, {**message, "content": ""}, "length"


def _so_far(usage: Json, pieces: int, of: int) -> Json:
    """A usage as it stands after some of a stream's pieces."""
    written = usage["completion_tokens"] * pieces // of
    return {**usage, "completion_tokens": written, "total_tokens": usage["prompt_tokens"] + written}


def _shorten(body: Json, message: Json) -> tuple[Json, str]:
    """Apply stop sequences and the output cap."""
    if message.get("tool_calls"):
        return message, "tool_calls"
    text, finish = message["content"], "stop"
    stops = body.get("stop") or ()
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.split(stop)[0]
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    pieces = _pieces(text)
    if most is not None and len(pieces) > most:
        text, finish = "".join(pieces[:most]), "length"
    return {**message, "content": text}, finish


def _deltas(message: Json) -> Iterator[Json]:
    yield {"role": "assistant", "content": None if message.get("tool_calls") else ""}
    for piece in _pieces(message.get("reasoning_content") or ""):
        yield {"reasoning_content": piece}
    for piece in _pieces(message["content"] or ""):
        yield {"content": piece}
    for at, call in enumerate(message.get("tool_calls") or ()):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        yield {"tool_calls": [{**call, "index": at, "function": {"name": name, "arguments": ""}}]}
        half = len(arguments) // 2
        for part in filter(None, (arguments[:half], arguments[half:])):
            yield {"tool_calls": [{"index": at, "function": {"arguments": part}}]}


def _probable(tokens: Sequence[tuple[str, float]]) -> Json:
    return {"content": [{"token": t, "logprob": p, "bytes": None, "top_logprobs": []} for t, p in tokens]}


def _add_logprobs(events: Sequence[Json], tokens: Sequence[tuple[str, float]]) -> None:
    left = list(tokens)
    spoken = [event["choices"][0] for event in events if event["choices"][0].get("delta", {}).get("content")]
    for choice in spoken[:-1]:
        choice["logprobs"], left = _probable(left[:1]), left[1:]
    for choice in spoken[-1:]:
        choice["logprobs"] = _probable(left)


def _pieces(text: str) -> list[str]:
    """The tokens of a text: words with the space before them, and punctuation."""
    return re.findall(r"\s*\w+|\s*[^\w\s]|\s+$", text)


def _tokens_of(thing: Any) -> int:
    return len(_pieces(thing if isinstance(thing, str) else json.dumps(thing))) if thing else 0


def value(schema: Json, text: str = "") -> Any:
    """A value that is valid for a JSON schema; numbers and quoted strings are taken from the text, in order."""
    numbers = iter(re.findall(r"-?\d+(?:\.\d+)?", text))
    quoted = iter(re.findall(r"['\"“]([^'\"”]+)['\"”]", text))
    return _Filler(schema, numbers, quoted).fill(schema, 0)


class _Filler:
    deep = 8

    def __init__(self, root: Json, numbers: Iterator[str], quoted: Iterator[str]) -> None:
        self.root, self.numbers, self.quoted = root, numbers, quoted

    def fill(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict):
            return "anything"
        if "$ref" in schema:
            target: Any = self.root
            for key in schema["$ref"].removeprefix("#").split("/")[1:]:
                target = target[key.replace("~1", "/").replace("~0", "~")]
            return self.fill({**target, **{k: v for k, v in schema.items() if k != "$ref"}}, depth + 1)
        for key in ("const", "enum"):
            if key in schema:
                return schema[key][0] if key == "enum" else schema[key]
        if "allOf" in schema:
            merged = {k: v for k, v in schema.items() if k != "allOf"}
            for part in schema["allOf"]:
                merged.update(part)
            return self.fill(merged, depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                # Deep down, an absent value ends what refers to itself.
                options = sorted(schema[key], key=lambda one: (one.get("type") == "null") == (depth < self.deep))
                return self.fill(options[0], depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Json, depth: int) -> Any:
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind == "object":
            names = schema.get("properties", {})
            if depth >= self.deep:
                names = {name: names[name] for name in schema.get("required", ())}
            return {name: self.fill(inner, depth + 1) for name, inner in names.items()}
        if kind == "array":
            if "prefixItems" in schema:
                return [self.fill(one, depth + 1) for one in schema["prefixItems"]]
            size = max(schema.get("minItems", 0), min(1 if depth < self.deep else 0, schema.get("maxItems", 1)))
            return [self.fill(schema.get("items", {}), depth + 1) for _ in range(size)]
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return True
        return None if kind == "null" else self._string(schema)

    def _number(self, schema: Json, *, whole: bool) -> int | float:
        found = float(next(self.numbers, "1"))
        step = 1 if whole else 0.5
        low = max(schema.get("minimum", -1e9), schema.get("exclusiveMinimum", -1e9 - step) + step)
        high = min(schema.get("maximum", 1e9), schema.get("exclusiveMaximum", 1e9 + step) - step)
        number = min(max(found, low), high)
        if multiple := schema.get("multipleOf"):
            number = -(-low // multiple) * multiple if "minimum" in schema else number // multiple * multiple
        return int(number) if whole else number

    def _string(self, schema: Json) -> str:
        formats = {
            "date": "2026-01-31",
            "date-time": "2026-01-31T12:00:00Z",
            "time": "12:00:00Z",
            "email": "someone@example.com",
            "uri": "https://example.com",
            "uuid": "00000000-0000-4000-8000-000000000000",
        }
        if schema.get("format") in formats:
            return formats[schema["format"]]
        text = next(self.quoted, "something")
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


if __name__ == "__main__":
    with OpenAIServer() as running, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{running.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
