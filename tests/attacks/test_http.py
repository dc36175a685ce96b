"""Hostile clients, and endpoints that send elsewhere, swell, drip or do not end."""

import contextlib
import gzip
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx
import pytest

from leeroo import Budget, Expert, LeerooError, Price, Router
from leeroo.endpoints import bounded
from leeroo.endpoints.openai_compatible import ask
from leeroo.endpoints.streamed import Streamed
from leeroo.pool import tokens
from leeroo.prediction import ConstantPredictor
from leeroo.routing import call, tries
from leeroo.serve import streaming
from leeroo.serve.app import Settings
from leeroo.serve.protocol import impatient
from tests.attacks.conftest import ENDPOINTS, as_sent_to
from tests.openai_server import OpenAIServer

ASK = {"role": "user", "content": "What is the capital of France?"}
BODY = {"model": "leeroo", "messages": [ASK]}


@pytest.fixture
def raw():
    """A server that answers every POST with what `raw.answer(handler)` does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.answer(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def router_at(url, **fields):
    expert = Expert(model="openai:model", base_url=url, price=Price(input=1, output=2), **fields)
    return Router({"model": expert}, predictor=ConstantPredictor({"model": 0.9}, output_tokens=10))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_prompt_follows_a_redirect(serve, liar, make_router, status):
    with OpenAIServer() as thief:
        liar.behave("model", {"status": status, "location": f"{thief.url}/chat/completions"})
        with serve() as (url, _):
            for stream in (False, True):
                answer = httpx.post(f"{url}/v1/chat/completions", json={**BODY, "stream": stream})
                assert answer.status_code == 502
        with pytest.raises(LeerooError):
            ask(make_router(), "What is the capital of France?")
        assert not thief.requests


BOMB = gzip.compress(b'{"choices": [{"message": {"content": "' + b" " * 70_000_000 + b'"}}]}')


def bomb(handler):
    body = BOMB
    handler.send_response(200)
    for name, value in (("Content-Type", "application/json"), ("Content-Encoding", "gzip")):
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_an_answer_that_swells_is_given_up(raw):
    raw.answer = bomb
    with pytest.raises(LeerooError):
        ask(router_at(f"http://127.0.0.1:{raw.server_port}/v1"), "Hello?", Budget(max_cost=0.1))


def test_a_packed_answer_is_read(raw):
    def packed(handler):
        message = {"role": "assistant", "content": "Paris"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                  "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}  # fmt: skip
        body = gzip.compress(json.dumps(answer).encode())
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    raw.answer = packed
    assert ask(router_at(f"http://127.0.0.1:{raw.server_port}/v1"), "Hello?").text == "Paris"


def test_a_tokenizer_that_drips_or_sends_elsewhere_does_not_hold_a_call(raw, monkeypatch):
    monkeypatch.setattr(tokens, "PATIENCE", 0.2)
    monkeypatch.setattr(tokens, "_silent_until", {})
    over = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            if over.wait(0.05):
                return

    raw.answer = drip
    url = f"http://127.0.0.1:{raw.server_port}/tokenize"
    assert tokens._count("Hello?", url)[2] == "bytes"
    over.set()
    monkeypatch.setattr(tokens, "_silent_until", {})
    with OpenAIServer() as thief:

        def elsewhere(handler):
            handler.send_response(307)
            handler.send_header("Location", f"{thief.root}/tokenize")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        raw.answer = elsewhere
        assert tokens._count("Hello?", url)[2] == "bytes"


MUCH = {
    "messages": {**BODY, "messages": [ASK] * 20_000},
    "very many messages": {**BODY, "messages": [{"role": "user", "content": ""}] * 300_000},
    "parts": {**BODY, "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * 20_000}]},
    "tools": {**BODY, "tools": [{"type": "function", "function": {"name": "f"}}] * 1_000},
    "logit_bias": {**BODY, "logit_bias": {str(n): 1 for n in range(200_000)}},
    "stop": {**BODY, "stop": ["x"] * 10_000},
    "unknown fields": {**BODY, "messages": [{**ASK, **{str(n): 1 for n in range(10_000)}}]},
    "numbers": {**BODY, "stop_token_ids": [1] * 2_000_000},
}


@pytest.mark.parametrize("what", MUCH)
def test_one_request_with_too_many_things_is_refused(serve, liar, what):
    with serve() as (url, _):
        answer = httpx.post(f"{url}/v1/chat/completions", json=MUCH[what], timeout=30)
    assert answer.status_code == 413, answer.text
    assert answer.json()["error"]["code"] == "request_too_large"
    assert not liar.requests


DEEP = b'{"model": "leeroo", "messages": [{"role": "user", "content": "x", "a": ' + b'{"a": ' * 150 + b"1" + b"}" * 150
BROKEN = [
    DEEP + b"}]}",
    b"[" * 40_000,
    b'{"a":' * 40_000,
    b'{"model": "leeroo", "messages": [{"role": "user", "content": "x"}], "seed": ' + b"9" * 5_000 + b"}",
    b'{"model": "leeroo", "messages": [{"role": "user", "content": "x"}], "leeroo": {"max_cost": Infinity}}',
    b'{"model": "leeroo", "messages": [{"role": "user", "content": "x"}], "leeroo": {"max_cost": 1e400}}',
    b'{"model": "leeroo", "messages": [{"role": "user", "content": "\\ud800"}]}',
    b'{"model": "\\ud800", "messages": [{"role": "user", "content": "x"}]}',
    b'{"model": "leeroo", "messages": [{"role": "user", "content": "x"}], "leeroo": {"scope": "a\\u0000"}}',
    b'{"model": "leeroo", "messages": [{"role": "user", "content": "x"}], "leeroo": {"scope": "\\ud800"}}',
    b'{"model": "leeroo", "messages": [{"role": "user", "content": "x"}], "leeroo": {"expert": "\\ud800"}}',
    b"\xff\xfe{}",
]


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[-30:]))
def test_broken_bodies_are_the_clients_fault(serve, body):
    said = rb'"messages": \[{"role": "user", "content": ("[^"]*")}\]'
    bodies = {
        "/v1/chat/completions": body,
        "/v1/messages": body.replace(b'"messages"', b'"max_tokens": 5, "messages"'),
        "/v1/responses": re.sub(said, rb'"input": \1', body),
        "/v1/completions": re.sub(said, rb'"prompt": \1', body),
    }
    with serve() as (url, _):
        for path, content in bodies.items():
            answer = httpx.post(url + path, content=content, headers={"Content-Type": "application/json"})
            assert 400 <= answer.status_code < 500, (path, answer.text)
        assert httpx.get(f"{url}/healthz").status_code == 200


@pytest.mark.parametrize("number", ["1_0", "inf", "-inf", "nan", "1e400", "+1", "0x1", "٣", "1e1000", ""])
def test_numbers_in_headers_are_plain(serve, liar, number):
    with serve() as (url, _):
        headers = {"X-Leeroo-Max-Cost": number.encode()}
        for path in ENDPOINTS:
            answer = httpx.post(url + path, json=as_sent_to(path, "Hello?"), headers=headers)
            assert answer.status_code == 400, path
    assert not liar.requests


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": ""},
        {"Host": "evil.example"},
    ],
)
def test_another_sites_page_spends_no_money(serve, liar, headers):
    with serve() as (url, _):
        given = {"Content-Type": "application/json", **headers}
        for path in ENDPOINTS:
            content = json.dumps(as_sent_to(path, "Hello?")).encode()
            assert httpx.post(url + path, content=content, headers=given).status_code in (403, 415), path
    assert not liar.requests


def test_who_says_to_be_forwarded_is_counted_all_the_same(serve):
    with serve(settings=Settings(per_minute=3)) as (url, _):
        found = [
            httpx.get(f"{url}/v1/models", headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code for n in range(6)
        ]
    assert found.count(429) == 3


def test_a_body_that_does_not_come_is_not_waited_for(serve):
    with serve(settings=Settings(per_minute=0, body_seconds=0.2)) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         b"Content-Length: 100\r\n\r\n{")  # fmt: skip
            assert slow.recv(1000).startswith(b"HTTP/1.1 408")


def test_headers_that_do_not_come_are_not_waited_for_and_crowds_are_dropped():
    import uvicorn

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=impatient(5, seconds=0.3), lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    place = server.servers[0].sockets[0].getsockname()
    half = [socket.create_connection(place, timeout=20) for _ in range(20)]
    for one in half:
        one.settimeout(20)
        try:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            assert one.recv(100) == b""
        except ConnectionError:
            pass
    with httpx.Client(base_url=f"http://127.0.0.1:{place[1]}") as client:  # and one that keeps its connection
        for _ in range(3):
            assert client.get("/").status_code == 200
    server.should_exit = True
    thread.join(20)


def test_a_stream_that_nobody_reads_is_given_up_and_settled(serve, liar, ledger, monkeypatch):
    monkeypatch.setattr(streaming, "STALLED", 0.3)
    liar.behave("model", {"text": f"{'w' * 4_000} " * 4_000})
    with serve(max_output_tokens=100_000) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((host, int(port)))
        body = json.dumps({**BODY, "stream": True}).encode()
        deaf.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (len(body), body))  # fmt: skip
        until = time.monotonic() + 30
        while not ledger.spend("day") and time.monotonic() < until:
            time.sleep(0.05)
        assert ledger.spend("day")
        assert not ledger.open_reservations()
        deaf.close()


def test_hostile_clients_do_not_keep_others_waiting(serve):
    attacks = [json.dumps(MUCH[what]).encode() for what in ("messages", "logit_bias", "unknown fields")]
    attacks += [b"[" * 100_000, json.dumps({**BODY, "user": "x" * 2_000_000}).encode()]
    meanwhile = 0
    with serve(settings=Settings(per_minute=0)) as (url, _):

        def attack(number):
            headers = {"Content-Type": "application/json"}
            return httpx.post(
                f"{url}/v1/chat/completions", content=attacks[number % len(attacks)], headers=headers, timeout=120
            ).status_code

        with ThreadPoolExecutor(20) as threads:
            running = [threads.submit(attack, number) for number in range(40)]
            while not all(one.done() for one in running):
                assert httpx.get(f"{url}/healthz", timeout=120).status_code == 200
                meanwhile += not all(one.done() for one in running)
        assert {one.result() for one in running} <= {200, 400, 413, 503}
    assert meanwhile  # answered before the last attack was


def test_an_event_of_a_million_lines_is_given_up(raw):
    """The SDK copies all it has of an event at each line: without a bound this test takes hours."""

    def lines(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(40):
                handler.wfile.write(b"a\n" * 250_000)
        handler.close_connection = True

    raw.answer = lines
    router = router_at(f"http://127.0.0.1:{raw.server_port}/v1")
    with pytest.raises(LeerooError, match="bad_answer"):
        list(Streamed(router, [ASK], Budget(max_cost=0.1)))


@pytest.mark.parametrize("pieces", [
    [b"data: 1\n\n"] * 1000, [b"data: 1\n", b"\n"] * 1000, [b"data: 1\r\n\r", b"\n"] * 1000,
    [b": keep alive\n\n", b"\n\n\n\n\n"] * 1000, [b"data: " + b"x" * 60_000] * 40, [b"\r\n"] * 10_000,
])  # fmt: skip
def test_honest_events_are_read(pieces, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_JOINED", 10**8)
    joins = bounded._Joins()
    for piece in pieces:
        joins.see(piece)


@pytest.mark.parametrize("pieces", [
    [b"a\n" * 20_000], [b"a\r" * 20_000], [b"a\r\n" * 20_000], [b"a\r", b"\n"] * 20_000, [b"x" * 1_000] * 20_000,
])  # fmt: skip
def test_events_that_cost_too_much_are_not(pieces, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_JOINED", 10**8)
    joins = bounded._Joins()
    with pytest.raises(bounded.BadAnswer):
        list(map(joins.see, pieces))


def test_a_small_bomb_is_given_up_by_how_it_swells(raw, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_BYTES", 10**10)
    raw.answer = bomb
    with pytest.raises(LeerooError, match="bad_answer"):
        ask(router_at(f"http://127.0.0.1:{raw.server_port}/v1"), "Hello?", Budget(max_cost=0.1))


def send_some(place, declared, sent):
    """A connection with the beginning of a request's body."""
    one = socket.create_connection(place, timeout=20)
    one.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (declared, b" " * sent))  # fmt: skip
    return one


def test_bodies_that_wait_are_bounded_together_and_small_ones_go_by(serve, liar):
    settings = Settings(per_minute=0, max_bytes=1_000_000, held_bytes=1_000_000)
    with serve(settings=settings) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        place = (host, int(port))
        waiting = [send_some(place, 1_000_000, 400_000) for _ in range(4)]
        refused = 0
        for one in waiting:
            one.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                refused += one.recv(100).startswith(b"HTTP/1.1 503")
        assert refused == 2
        assert httpx.post(f"{url}/v1/chat/completions", json=BODY).status_code == 200
        assert httpx.get(f"{url}/healthz").status_code == 200
        for one in waiting:
            one.close()
        until = time.monotonic() + 20
        large = {**BODY, "user": "x" * 900_000}
        while httpx.post(f"{url}/v1/chat/completions", json=large).status_code == 503 and time.monotonic() < until:
            time.sleep(0.05)
        assert httpx.post(f"{url}/v1/chat/completions", json=large).status_code == 200  # what was held is given back


def test_who_waits_for_experts_holds_no_thread_of_the_ledgers(serve, liar, monkeypatch):
    """Between two tries a call may wait; as many as there are threads would keep everybody else from theirs."""
    slept = []
    monkeypatch.setattr(call, "time", SimpleNamespace(**{**vars(time), "sleep": slept.append}))
    monkeypatch.setattr(tries, "PATIENCE", 5.0)
    liar.behave("model", [{"status": 429, "retry_after": 0.05}])
    with serve() as (url, _):
        assert httpx.post(f"{url}/v1/chat/completions", json=BODY).status_code == 200
    assert len(liar.requests) == 2
    assert not slept
