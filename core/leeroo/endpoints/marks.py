"""Marks in messages and tools that some endpoints refuse: a mark to cache, and what a model thought before.

Both are of use to some experts and unknown to others, and what refuses unknown names refuses the whole request. From
threads of those who were refused: nadeko-bot/nadekobot#34 (OpenAI, 2026-05), janhq/jan#8136 and
tashfeenahmed/freellmapi#1070 (Groq, Gemini, 2026-05 and 08), Kilo-Org/kilocode#10375 (Cerebras, 2026-05).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leeroo.pool.places import host_of, provider_of_host

Json = dict[str, Any]
_STRICT = frozenset({"openai", "azure_openai", "groq", "mistralai", "google_genai"})
_STRICT_HOSTS = frozenset({"api.cerebras.ai"})
_CACHE = "cache_control"
_THOUGHTS = frozenset({"reasoning_content", "reasoning", "reasoning_details", _CACHE})


def understood(base_url: str | None, messages: Sequence[Any], tools: Any) -> tuple[Sequence[Any], Any]:
    """Messages and tools without the marks that an endpoint would refuse.

    Args:
        base_url: The endpoint's; None for OpenAI's own.
        messages: Of a chat request.
        tools: Its tools, or None.

    Returns:
        The same objects where nothing had to be left out.
    """
    strict = base_url is None or provider_of_host(base_url) in _STRICT or host_of(base_url) in _STRICT_HOSTS
    if not strict:
        return messages, tools
    return [_plain(message) for message in messages], _unmarked(tools)


def _plain(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    left_out = _THOUGHTS if message.get("role") == "assistant" else {_CACHE}
    content = _unmarked(message.get("content"))
    if content is message.get("content") and not left_out & message.keys():
        return message
    kept = {key: value for key, value in message.items() if key not in left_out}
    return {**kept, "content": content} if "content" in kept else kept


def _unmarked(parts: Any) -> Any:
    if not isinstance(parts, list) or not any(isinstance(part, Mapping) and _CACHE in part for part in parts):
        return parts
    return [{key: value for key, value in part.items() if key != _CACHE} if isinstance(part, Mapping) else part
            for part in parts]  # fmt: skip
