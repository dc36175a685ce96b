"""Signatures of Gemini's thoughts at tool calls, in OpenAI's format: `signed`.

Gemini 3 signs its calls (`extra_content` of a call) and refuses a history whose calls have no signature; others refuse
the field, which they do not know. Of calls that somebody else made Google's own sign says that there is none to check
(ai.google.dev/gemini-api/docs/thought-signatures, read 2026-11-26). Met in earendil-works/pi#6733 and #6996 (2026-07)
and securo-finance/securo#884 (2026-09).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from leeroo.pool.places import provider_of_host

_FIELD, _SIGNATURE = "extra_content", "thought_signature"
_UNCHECKED = {"google": {_SIGNATURE: "skip_thought_signature_validator"}}
_GOOGLE = frozenset({"google_genai", "google_vertexai"})
_GEMINI = re.compile(r"gemini-(\d+)")


def signed(base_url: str | None, model: str, messages: Sequence[Any]) -> Sequence[Any]:
    """Messages whose tool calls have signatures where an endpoint wants them, and none where it would refuse them.

    Args:
        base_url: The endpoint's; None for OpenAI's own.
        model: The model's id.
        messages: Of a chat request.

    Returns:
        The same object where nothing had to be changed; gateways and servers of one's own get what was given.
    """
    provider = "openai" if base_url is None else provider_of_host(base_url)
    if provider is None or provider == "openrouter" or not any(_calls(message) for message in messages):
        return messages
    if provider not in _GOOGLE:
        return [_with(message, [_plain(call) for call in _calls(message)]) for message in messages]
    version = _GEMINI.search(model)
    if version is None or int(version[1]) < 3:
        return messages
    return [_with(message, _checked(_calls(message))) for message in messages]


def _calls(message: Any) -> list[Any]:
    calls = message.get("tool_calls") if isinstance(message, Mapping) else None
    return calls if isinstance(calls, list) else []


def _with(message: Any, calls: list[Any]) -> Any:
    return {**message, "tool_calls": calls} if calls and calls != message["tool_calls"] else message


def _plain(call: Any) -> Any:
    return {key: value for key, value in call.items() if key != _FIELD} if isinstance(call, Mapping) else call


def _checked(calls: list[Any]) -> list[Any]:
    """Of calls made at once the first bears the signature."""
    if not calls or not isinstance(calls[0], Mapping) or any(map(_is_signed, calls)):
        return calls
    return [{**calls[0], _FIELD: _UNCHECKED}, *calls[1:]]


def _is_signed(call: Any) -> bool:
    given = call.get(_FIELD) if isinstance(call, Mapping) else None
    parts = given.values() if isinstance(given, Mapping) else ()
    return any(isinstance(part, Mapping) and part.get(_SIGNATURE) for part in parts)
