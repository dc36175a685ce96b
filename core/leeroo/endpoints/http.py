"""The HTTP library beneath the openai SDK, and what certificates are checked with."""

import importlib
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def tls() -> Any:
    """What certificates are checked with; reading them takes a hundred times as long as all else about a client."""
    return http_library().create_ssl_context()


def http_library() -> Any:
    """The library that the installed openai SDK is built on: httpx, or httpx2 from its version 3 on."""
    import openai

    roots = (cls.__module__.partition(".")[0] for cls in openai.DefaultAsyncHttpxClient.__mro__)
    return importlib.import_module(next(root for root in roots if root.startswith("httpx")))
