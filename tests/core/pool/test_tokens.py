import builtins
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from leeroo import ConfigError, Query
from leeroo.pool import tokens
from leeroo.pool.tokens import LONG, count, count_text, tokenizer_name
from tests.waiting import wait_for

BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
byte_level = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(BYTES)}, merges=[]))
byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
byte_level.decoder = decoders.ByteLevel()


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No state of tokenizers from another test."""
    monkeypatch.setattr(tokens, "_encodings", {})
    monkeypatch.setattr(tokens, "_loading", set())
    monkeypatch.setattr(tokens, "_retry_at", {})
    monkeypatch.setattr(tokens, "_silent_until", {})
    tokens._encoding_of.cache_clear()
    yield
    tokens._encoding_of.cache_clear()


@pytest.fixture
def words(tmp_path):
    """The path of a tokenizer.json with one token per known word."""
    tokenizer = Tokenizer(models.WordLevel({"hello": 0, "world": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path / "tokenizer.json")


@pytest.fixture
def serve():
    """Start a loopback server with one answer to every POST: `serve(status, body, delay)` -> (url, requests)."""
    servers = []

    def start(body, status=200, delay=0.0, raw=None):
        seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                time.sleep(delay)
                if raw is not None:
                    self.wfile.write(raw)
                    return
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/tokenize", seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@given(st.text(min_size=1).filter(str.strip))
def test_the_bytes_bound_is_an_upper_bound_for_a_byte_level_vocabulary(text):
    found = tokens._count(text, "")
    actual = len(byte_level.encode(text).ids)
    assert found[1] >= actual
    assert len(text.encode()) <= found[1] == tokens.most_tokens(text)
    assert found[0] <= found[1] + 1
    assert found[2] == "bytes"


def test_a_count_includes_the_chat_formats_own_tokens(make_expert):
    query = Query(text="hello", prompt="hello world", messages=2, media=1, needs=frozenset({"tools"}))
    found = count(query, make_expert())
    assert found.upper == 11 + query.overhead
    assert found.expected == int(11 / 3.5) + 1 + query.overhead


def test_a_query_with_a_text_only_counts_the_text(make_expert):
    assert count(Query(text="hello world"), make_expert()).upper == 11 + 24


def test_a_tokenizer_file_counts_exactly(make_expert, words):
    found = count(Query(text="q", prompt="hello world hello"), make_expert(tokenizer=words))
    assert (found.expected, found.upper, found.method) == (3 + 24, 3 + 24, "tokenizer")


def test_lone_surrogates_are_counted_not_refused(make_expert, words):
    query = Query(text="q", prompt="hello \ud800 world")
    assert count(query, make_expert(tokenizer=words)).method == "tokenizer"
    assert count(query, make_expert()).upper > 13


def test_a_tokenizer_file_that_cannot_be_read_is_named(make_expert, tmp_path):
    (tmp_path / "torn.json").write_text("{")
    for name in ("torn.json", "none.json"):
        with pytest.raises(ConfigError, match=name):
            count(Query(text="q"), make_expert(tokenizer=str(tmp_path / name)))


def test_a_local_server_counts_exactly(make_expert, serve):
    url, seen = serve(b'{"tokens": [5, 6, 7]}')
    found = count(Query(text="q", prompt="three words here"), make_expert(tokenizer=url))
    assert (found.expected, found.method) == (3 + 24, "tokenizer")
    assert seen == [{"content": "three words here"}]


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (b"not json", {}),
        (b'{"tokens": 3}', {}),
        (b"[]", {}),
        (b"{}", {}),
        (b"", {"status": 500}),
        (b"", {"raw": b"complete garbage\r\n\r\n"}),
        (b'{"tokens": [1]}', {"delay": 1.3}),
    ],
)
def test_a_server_that_fails_leaves_the_bound_and_is_left_alone_for_a_while(make_expert, serve, body, more):
    url, seen = serve(body, **more)
    expert = make_expert(tokenizer=url)
    began = time.monotonic()
    assert count(Query(text="abc"), expert).method == "bytes"
    assert time.monotonic() - began < 1.25
    assert count(Query(text="abc"), expert).upper == 3 + 24
    assert len(seen) == 1


def test_a_server_that_is_down_leaves_the_bound(make_expert):
    assert count(Query(text="abc"), make_expert(tokenizer="http://127.0.0.1:9/tokenize")).method == "bytes"


def test_long_prompts_are_bounded_without_being_tokenized(make_expert, words):
    began = time.monotonic()
    found = count(Query(text="q", prompt="a" * (LONG + 1)), make_expert(tokenizer=words))
    assert (found.method, found.upper) == ("bytes", LONG + 1 + 24)
    assert time.monotonic() - began < 0.2


def test_openai_models_have_an_encoding_and_others_none(make_expert):
    assert tokenizer_name(make_expert(model="openai:gpt-4o")) == "o200k_base"
    assert tokenizer_name(make_expert(model="anthropic:claude-sonnet-4-5")) == ""
    assert tokenizer_name(make_expert(model="openai:gpt-4o", tokenizer="cl100k_base")) == "cl100k_base"


def test_an_unknown_encoding_is_refused(make_expert):
    with pytest.raises(ConfigError, match="'no_such_base'"):
        count(Query(text="hi"), make_expert(tokenizer="no_such_base"))


def test_offline_nothing_is_tried(make_expert, monkeypatch):
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: pytest.fail("tried to load a vocabulary"))
    assert count(Query(text="abc"), make_expert(model="openai:gpt-4o")).method == "bytes"
    assert not [t for t in threading.enumerate() if t.name == "leeroo-o200k_base"]


def test_without_tiktoken_the_bound_serves(make_expert, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name == "tiktoken":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert count(Query(text="abc"), make_expert(model="openai:gpt-4o")).method == "bytes"
    assert count(Query(text="abc"), make_expert(tokenizer="o200k_base")).method == "bytes"


def test_a_download_that_hangs_holds_up_nobody_and_its_vocabulary_is_used_once_there(make_expert, monkeypatch):
    monkeypatch.setenv("LEEROO_OFFLINE", "0")
    arrived, started = threading.Event(), []
    vocabulary = tiktoken.Encoding(
        "o200k_base",
        pat_str=r"\w+|\W",
        mergeable_ranks={**{bytes([i]): i for i in range(256)}, b"he": 256, b"ll": 257, b"hell": 258, b"hello": 259},
        special_tokens={},
    )

    def slow(name):
        started.append(name)
        arrived.wait(5)
        return vocabulary

    monkeypatch.setattr(tiktoken, "get_encoding", slow)
    expert = make_expert(model="openai:gpt-4o")
    began = time.monotonic()
    for _ in range(3):
        assert count(Query(text="hello"), expert).method == "bytes"
    assert time.monotonic() - began < 1
    arrived.set()
    wait_for(lambda: "o200k_base" in tokens._encodings)
    found = count(Query(text="hello"), expert)
    assert (found.method, found.expected) == ("tiktoken", 1 + 24)
    assert started == ["o200k_base"]


def test_a_failed_download_is_tried_again_later_not_at_once(make_expert, monkeypatch):
    monkeypatch.setenv("LEEROO_OFFLINE", "0")
    started = []

    def fail(name):
        started.append(name)
        raise OSError("no network")

    monkeypatch.setattr(tiktoken, "get_encoding", fail)
    expert = make_expert(model="openai:gpt-4o")
    assert count(Query(text="hello"), expert).method == "bytes"
    wait_for(lambda: "o200k_base" in tokens._retry_at)
    assert count(Query(text="hello"), expert).method == "bytes"
    assert started == ["o200k_base"]
    tokens._retry_at["o200k_base"] = 0.0
    assert count(Query(text="hello"), expert).method == "bytes"
    wait_for(lambda: len(started) == 2)


def test_experts_with_the_same_tokenizer_share_one_count(make_expert, serve):
    url, seen = serve(b'{"tokens": [1, 2]}')
    shared = {}
    for name in ("a", "b", "c"):
        count(Query(text="hi"), make_expert(name, tokenizer=url), shared)
    assert len(seen) == 1
    assert list(shared) == [url]


def test_answers_are_counted_whatever_they_are(make_expert):
    expert = make_expert()
    assert count_text("", expert) == 0
    assert count_text("\n", expert) == 1
    assert count_text("seven b", expert) == 3
