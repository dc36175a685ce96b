"""What every client is put to. Each `try_*.py` is run by its own environment's Python, beside this file only."""

import json
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version

ASK = "What is the capital of France?"
ASK_WEATHER = "What is the weather in 'Paris'?"
ASK_CITY = "Which city is 'Paris', with 2000000 people?"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ROOT = sys.argv[1] if len(sys.argv) > 1 else ""
"""The server's address; `/v1` is beneath it."""
URL = f"{ROOT}/v1"
KEY = sys.argv[2] if len(sys.argv) > 2 else ""
"""A key of the server's."""


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"18 degrees in {city}"


def expect(found: object, *words: str) -> None:
    """Fail where an answer has not these words."""
    assert all(word in str(found) for word in words), f"{words} not in {str(found)[:200]!r}"


def report(package: str, checks: Mapping[str, Callable[[], object]]) -> None:
    """Run the checks and print, as JSON, the package's version and of each check None or what went wrong."""
    results: dict[str, str | None] = {}
    for name, check in checks.items():
        try:
            check()
            results[name] = None
        except Exception as error:  # whatever a client raises is a result
            results[name] = f"{type(error).__name__}: {error}"[:2000]
    print(json.dumps({"version": version(package), "checks": results}))
