"""Behind a proxy: no prompt and no key goes where a redirect points, and answers have their bound."""

import asyncio
import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from llama_index.core.llms import ChatMessage

from langchain_leeroo import ChatLeeroo
from leeroo import LeerooError
from leeroo.endpoints import bounded
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.integration.serve.conftest import running

BOMB = gzip.compress(b" " * 5_000_000)
WAYS = {
    "langchain": lambda chat, llm: chat.invoke("Hello?"),
    "langchain, async": lambda chat, llm: asyncio.run(chat.ainvoke("Hello?")),
    "langchain, streamed": lambda chat, llm: list(chat.stream("Hello?")),
    "llamaindex": lambda chat, llm: llm.chat([ChatMessage(role="user", content="Hello?")]),
    "llamaindex, async": lambda chat, llm: asyncio.run(llm.achat([ChatMessage(role="user", content="Hello?")])),
    "llamaindex, streamed": lambda chat, llm: list(llm.stream_chat([ChatMessage(role="user", content="Hello?")])),
}


@pytest.fixture
def proxy(monkeypatch):
    """A proxy for everything but the loopback, which answers as `proxy.answer(handler)` does; `proxy.seen`: URLs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.seen.append(self.path)
            server.answer(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    yield server
    server.shutdown()
    server.server_close()


def redirect(handler):
    handler.send_response(307)
    handler.send_header("Location", "http://thief.example/v1/chat/completions")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def bomb(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(BOMB)))
    handler.end_headers()
    handler.wfile.write(BOMB)


@pytest.fixture
def llms():
    expert = {"model": "model", "base_url": "http://expert.example/v1", "price": {"input": 1, "output": 2},
              "capabilities": ["streaming"]}  # fmt: skip
    pool = {"experts": {"model": expert}}
    predictor = ConstantPredictor({"model": 0.9}, output_tokens=10)
    return ChatLeeroo.from_pool(pool, predictor=predictor), Leeroo.from_pool(pool, predictor=predictor)


@pytest.mark.parametrize("way", WAYS)
def test_no_adapter_follows_a_redirect(proxy, llms, way):
    proxy.answer = redirect
    with pytest.raises(LeerooError):
        WAYS[way](*llms)
    assert set(proxy.seen) == {"http://expert.example/v1/chat/completions"}


@pytest.mark.parametrize("way", [way for way in WAYS if "streamed" not in way])
def test_answers_have_their_bound(proxy, llms, way, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_BYTES", 1_000_000)
    proxy.answer = bomb
    with pytest.raises(LeerooError, match="bad_answer"):
        WAYS[way](*llms)
    assert set(proxy.seen) == {"http://expert.example/v1/chat/completions"}


def test_the_server_follows_none(proxy, llms):
    proxy.answer = redirect
    chat, _ = llms
    with running(chat.router) as url:
        body = {"model": "leeroo", "messages": [{"role": "user", "content": "Hello?"}]}
        assert httpx.post(f"{url}/v1/chat/completions", json=body).status_code == 502
    assert set(proxy.seen) == {"http://expert.example/v1/chat/completions"}
