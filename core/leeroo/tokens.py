"""How many tokens a prompt has for an expert, without ever waiting for the network.

Three ways, best first: the model's own tokenizer (a `tokenizer.json`, or a local server's `/tokenize`), `tiktoken`
where the model has an encoding, and otherwise a stated bound: a token of any byte-level vocabulary covers at least
one byte, so UTF-8 bytes are the most there can be, and about 3.5 bytes a token is what is expected.
"""

import contextlib
import json
import os
import threading
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from leeroo.errors import ConfigError
from leeroo.experts import Expert
from leeroo.query import Query

Method = Literal["tokenizer", "tiktoken", "bytes"]
BYTES_PER_TOKEN = 3.5
LONG = 400_000
"""Characters beyond which counting would hold up the call; the bytes' bound is used instead."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Input tokens of one request.

    Attributes:
        expected: The best estimate.
        upper: No fewer than the provider will count; the hard cap is computed from it.
        method: How it was counted.
    """

    expected: int
    upper: int
    method: Method


def count(query: Query, expert: Expert, seen: dict[str, TokenCount] | None = None) -> TokenCount:
    """Count a request's input tokens for one expert.

    Args:
        query: The request.
        expert: Who would read it.
        seen: Counts of this query by tokenizer, filled in; experts with the same tokenizer share one count.
    """
    name = tokenizer_name(expert)
    seen = {} if seen is None else seen
    if name not in seen:
        seen[name] = _count(query, name)
    return seen[name]


@lru_cache(maxsize=1024)
def _encoding_of(model_id: str) -> str:
    import tiktoken

    try:
        return tiktoken.encoding_name_for_model(model_id)
    except KeyError:
        return ""


def tokenizer_name(expert: Expert) -> str:
    """The name of an expert's tokenizer: a tiktoken encoding, a file, a URL, or "" where none is known."""
    return expert.tokenizer or _encoding_of(expert.model_id)


def count_text(text: str, expert: Expert) -> int:
    """Expected tokens of a text, for an answer whose usage the provider did not report."""
    return _count(Query(text=text or " ", prompt=text), tokenizer_name(expert)).expected - 24 if text else 0


def _count(query: Query, name: str) -> TokenCount:
    exact: int | None = None
    method: Method = "bytes"
    if name and len(query.prompt) <= LONG:
        if name.startswith(("http://", "https://")):
            exact, method = _ask_server(name, query.prompt), "tokenizer"
        elif name.endswith(".json"):
            exact, method = len(_load_tokenizer(name).encode(query.prompt).ids), "tokenizer"
        else:
            encoding = _encoding(name)
            if encoding is not None:
                exact, method = len(encoding.encode_ordinary(query.prompt)), "tiktoken"
    if exact is None:
        size = len(query.prompt.encode("utf-8", "surrogatepass"))
        return TokenCount(int(size / BYTES_PER_TOKEN) + 1 + query.overhead, size + query.overhead, "bytes")
    return TokenCount(exact + query.overhead, exact + query.overhead, method)


@lru_cache(maxsize=16)
def _load_tokenizer(path: str) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(path)
    except Exception as error:
        raise ConfigError(f"tokenizer {path!r} cannot be read: {error}. Give the path of a tokenizer.json.") from None


def _ask_server(url: str, text: str) -> int | None:
    body = json.dumps({"content": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s) only
    try:
        with urllib.request.urlopen(request, timeout=1.0) as answer:  # noqa: S310
            return len(json.load(answer)["tokens"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


# tiktoken downloads a vocabulary at its first use. A daemon thread does that, so that no call waits for it: until the
# vocabulary is there, the bound is used. LEEROO_OFFLINE=1 never tries.
_encodings: dict[str, Any] = {}
_loading: set[str] = set()
_lock = threading.Lock()


def _encoding(name: str) -> Any | None:
    if name in _encodings:
        return _encodings[name]
    import tiktoken

    if name not in tiktoken.list_encoding_names():
        raise ConfigError(f"Unknown tokenizer {name!r}; give a tiktoken encoding, a tokenizer.json or a /tokenize URL.")
    with _lock:
        if name not in _loading and os.environ.get("LEEROO_OFFLINE", "") in ("", "0"):
            _loading.add(name)
            threading.Thread(target=_load_encoding, args=(name,), daemon=True, name=f"leeroo-{name}").start()
    return _encodings.get(name)


def _load_encoding(name: str) -> None:
    import tiktoken

    with contextlib.suppress(Exception):  # offline: the bound goes on serving
        _encodings[name] = tiktoken.get_encoding(name)
