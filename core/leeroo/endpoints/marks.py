"""Marks in messages and tools: a mark to cache, put in or left out, and what a model thought before, left out.

Both are of use to some experts and unknown to others, and what refuses unknown names refuses the whole request. From
threads of those who were refused: nadeko-bot/nadekobot#34 (OpenAI, 2026-05), janhq/jan#8136 and
tashfeenahmed/freellmapi#1070 (Groq, Gemini, 2026-05 and 08), Kilo-Org/kilocode#10375 (Cerebras, 2026-05).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leeroo.pool.caching import host_takes_marks

Json = dict[str, Any]
_CACHE = "cache_control"
_INSTRUCT = ("system", "developer")
_THOUGHTS = frozenset({"reasoning_content", "reasoning", "reasoning_details", _CACHE})
_UNMARKABLE = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Kinds of parts that cannot bear a mark."""


def understood(base_url: str | None, messages: Sequence[Any], tools: Any) -> tuple[Sequence[Any], Any]:
    """Messages and tools without the marks that an endpoint would refuse.

    Args:
        base_url: The endpoint's; None for OpenAI's own.
        messages: Of a chat request.
        tools: Its tools, or None.

    Returns:
        The same objects where nothing had to be left out.
    """
    if host_takes_marks(base_url):
        return messages, tools
    return [_plain(message) for message in messages], unmarked(tools)


def marked(messages: Sequence[Any], mark: Json, *, beginning: bool = True) -> list[Any]:
    """Messages with a mark after the instructions at their beginning and another at their end.

    The one keeps what all conversations share, tools included; the other what the next request of this one repeats.

    Args:
        messages: Of a chat request, as mappings.
        mark: As `leeroo.pool.caching.mark` makes it.
        beginning: Whether the instructions are marked.

    Returns:
        New objects where a mark is put; an empty message bears none.
    """
    found = list(messages)
    first = found[:1] if beginning else []
    system = [i for i, one in enumerate(first) if isinstance(one, Mapping) and one.get("role") in _INSTRUCT]
    for i in {*system, *range(len(found) - 1, len(found))}:
        if isinstance(found[i], Mapping):
            content = with_mark(found[i].get("content"), mark)
            found[i] = found[i] if content is None else {**found[i], "content": content}
    return found


def with_mark(content: Any, mark: Json) -> list[Any] | None:
    """A message's content with a mark on its last part; None where no part can bear one.

    Args:
        content: A text, or parts.
        mark: As `leeroo.pool.caching.mark` makes it.
    """
    if isinstance(content, str):
        return [{"type": "text", "text": content, _CACHE: mark}] if content.strip() else None
    parts = list(content) if isinstance(content, list) else []
    for i in range(len(parts) - 1, -1, -1):
        part = {"type": "text", "text": parts[i]} if isinstance(parts[i], str) else parts[i]
        empty = isinstance(part, Mapping) and part.get("type") == "text" and not str(part.get("text") or "").strip()
        if isinstance(part, Mapping) and part.get("type") not in _UNMARKABLE and not empty:
            parts[i] = {**part, _CACHE: mark}
            return parts
    return None


def _plain(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    left_out = _THOUGHTS if message.get("role") == "assistant" else {_CACHE}
    content = unmarked(message.get("content"))
    if content is message.get("content") and not left_out & message.keys():
        return message
    kept = {key: value for key, value in message.items() if key not in left_out}
    return {**kept, "content": content} if "content" in kept else kept


def unmarked(parts: Any) -> Any:
    """Parts of a message, or tools, without marks; the same object where there are none."""
    if not isinstance(parts, list) or not any(isinstance(part, Mapping) and _CACHE in part for part in parts):
        return parts
    return [{key: value for key, value in part.items() if key != _CACHE} if isinstance(part, Mapping) else part
            for part in parts]  # fmt: skip
