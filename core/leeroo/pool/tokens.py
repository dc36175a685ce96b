"""How many tokens a prompt has for an expert, without ever waiting for the network.

Three ways, best first: the model's own tokenizer (a `tokenizer.json`, or a local server's `/tokenize`), `tiktoken`
where the model has an encoding, and otherwise a stated bound: a token of any byte-level vocabulary covers at least
one byte, so UTF-8 bytes are the most there can be, and about 3.5 bytes a token is what is expected.
"""

import contextlib
import json
import os
import threading
import time
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.pool.media import most_tokens_of
from leeroo.query import MEDIA_TOKENS, Query

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
    found = seen.get(name)
    if found is None:
        expected, upper, method = _count(query.prompt or query.text, name)
        overhead = query.overhead
        most = upper + overhead + most_tokens(query.rest)
        found = seen[name] = TokenCount(expected + overhead, most, method)
    if query.attachments:  # each has its provider's rule, whatever the tokenizer
        bounds = (most_tokens_of(medium, expert) for medium in query.attachments)
        beyond = sum(max(0, (most or 0) - MEDIA_TOKENS) for most in bounds)
        found = TokenCount(found.expected, found.upper + beyond, found.method)
    return found


@lru_cache(maxsize=1024)
def _encoding_of(model_id: str) -> str:
    try:
        import tiktoken

        return tiktoken.encoding_name_for_model(model_id)
    except (ImportError, KeyError):
        return ""


def tokenizer_name(expert: Expert) -> str:
    """The name of an expert's tokenizer: a tiktoken encoding, a file, a URL, or "" where none is known."""
    return expert.tokenizer or _encoding_of(expert.model_id)


def count_text(text: str, expert: Expert) -> int:
    """Expected tokens of a text, for an answer whose usage the provider did not report."""
    return _count(text, tokenizer_name(expert))[0] if text else 0


def _count(text: str, name: str) -> tuple[int, int, Method]:
    """Expected tokens, their upper bound, and the method."""
    exact: int | None = None
    method: Method = "bytes"
    if name and len(text) <= LONG:
        if name.startswith(("http://", "https://")):
            exact, method = _ask_server(name, text), "tokenizer"
        elif name.endswith(".json"):
            exact, method = len(_load_tokenizer(name).encode(_sound(text)).ids), "tokenizer"
        else:
            encoding = _encoding(name)
            if encoding is not None:
                exact, method = len(encoding.encode_ordinary(text)), "tiktoken"
    if exact is None:
        size = len(text.encode("utf-8", "surrogatepass"))
        return int(size / BYTES_PER_TOKEN) + 1, most_tokens(text), "bytes"
    return exact, exact, method


def most_tokens(text: str) -> int:
    """The most tokens that a text can have in any vocabulary: a token covers a byte at least.

    Many tokenizers put a text into Unicode's form NFKC first, in which one character of 3 bytes can become 18 of 33.
    """
    if text.isascii():
        return len(text)
    size = len(text.encode("utf-8", "surrogatepass"))
    if unicodedata.is_normalized("NFKC", text):
        return size
    return max(size, len(unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")))


def _sound(text: str) -> str:
    """The text without lone surrogates, which a broken decoder leaves and which tokenizers refuse."""
    return text.encode("utf-8", "replace").decode()


@lru_cache(maxsize=16)
def _load_tokenizer(path: str) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(path)
    except Exception as error:
        raise ConfigError(f"tokenizer {path!r} cannot be read: {error}. Give the path of a tokenizer.json.") from None


# A tokenizing server that did not answer is left alone for a while: its silence must not hold up every call.
_silent_until: dict[str, float] = {}
SILENCE = 30.0
"""Seconds."""
PATIENCE = 1.0
"""Seconds that a tokenizing server is given."""


def _ask_server(url: str, text: str) -> int | None:
    if time.monotonic() < _silent_until.get(url, 0.0):
        return None
    import http.client
    import urllib.request

    body = json.dumps({"content": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s) only

    class NoRedirects(urllib.request.HTTPRedirectHandler):
        """The text is for this server and no other."""

        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        # A tokenizer's server stands beside its model; a proxy in the environment is not for it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects)
        with opener.open(request, timeout=PATIENCE) as answer:
            return len(json.loads(_read_within(answer, PATIENCE, 16 * len(body) + 1_000))["tokens"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, RecursionError):
        _silent_until[url] = time.monotonic() + SILENCE
        return None


def _read_within(answer: Any, seconds: float, most: int) -> bytes:
    """A whole body; its own timeout is from one byte to the next, which a server that drips never passes."""
    ends = time.monotonic() + seconds
    found = bytearray()
    while piece := answer.read1(65_536):
        found += piece
        if time.monotonic() > ends or len(found) > most:
            raise TimeoutError
    return bytes(found)


# tiktoken downloads a vocabulary at its first use. A daemon thread does that, so that no call waits for it: until the
# vocabulary is there, the bound is used; where the download failed, it is tried again later. LEEROO_OFFLINE=1 never
# tries.
_encodings: dict[str, Any] = {}
_loading: set[str] = set()
_retry_at: dict[str, float] = {}
RETRY = 300.0
"""Seconds."""
_lock = threading.Lock()


def _encoding(name: str) -> Any | None:
    found = _encodings.get(name)
    if found is not None:
        return found
    try:
        import tiktoken
    except ImportError:
        return None
    if name not in tiktoken.list_encoding_names():
        raise ConfigError(f"Unknown tokenizer {name!r}; give a tiktoken encoding, a tokenizer.json or a /tokenize URL.")
    if os.environ.get("LEEROO_OFFLINE", "") in ("", "0"):
        with _lock:
            if name not in _loading and time.monotonic() >= _retry_at.get(name, 0.0):
                _loading.add(name)
                threading.Thread(target=_load_encoding, args=(name,), daemon=True, name=f"leeroo-{name}").start()
    return None


def _load_encoding(name: str) -> None:
    import tiktoken

    with contextlib.suppress(Exception):  # offline: the bound goes on serving
        _encodings[name] = tiktoken.get_encoding(name)
    with _lock:
        _loading.discard(name)
        _retry_at[name] = time.monotonic() + RETRY
