"""Ids of tool calls that another provider has given, in the form that an endpoint takes: `readable_ids`.

Each provider makes ids of its own form, and some refuse a history that holds another's. From threads of those who were
refused: mnfst/llm-gateway#1182 (Mistral, 2026-03), OpenSecretCloud/maple-proxy#18 (Anthropic, 2026-02),
Blockether/vis#152 and vercel/ai#5171 (OpenAI and Azure, 2026-08 and 2025-03).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from leeroo.pool.places import provider_of_host


class Form(NamedTuple):
    """What ids a provider takes.

    Attributes:
        pattern: Of the whole id.
        length: Of an id that is made in place of one that it does not take.
    """

    pattern: re.Pattern[str]
    length: int


_SHORT = Form(re.compile(r".{1,40}", re.DOTALL), 40)
_FORMS: Mapping[str, Form] = {
    "mistralai": Form(re.compile(r"[a-zA-Z0-9]{9}"), 9),
    "anthropic": Form(re.compile(r"[a-zA-Z0-9_-]{1,64}"), 40),
    "openai": _SHORT,
    "azure_openai": _SHORT,
}


def readable_ids(base_url: str | None, messages: Sequence[Any]) -> Sequence[Any]:
    """Messages whose ids of tool calls an endpoint takes; a call and its result keep one id.

    Args:
        base_url: The endpoint's; None for OpenAI's own.
        messages: Of a chat request.

    Returns:
        The same object where nothing had to be changed.
    """
    form = _FORMS.get("openai" if base_url is None else provider_of_host(base_url) or "")
    if form is None or not any(_ids(message) for message in messages):
        return messages
    return [_with(message, form) if _ids(message) else message for message in messages]


def _ids(message: Any) -> bool:
    return isinstance(message, Mapping) and bool(message.get("tool_call_id") or message.get("tool_calls"))


def _with(message: Mapping[str, Any], form: Form) -> Mapping[str, Any]:
    found = dict(message)
    if isinstance(message.get("tool_call_id"), str):
        found["tool_call_id"] = _in(form, message["tool_call_id"])
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        found["tool_calls"] = [
            {**call, "id": _in(form, call["id"])}
            if isinstance(call, Mapping) and isinstance(call.get("id"), str)
            else call
            for call in calls
        ]
    return found


def _in(form: Form, given: str) -> str:
    """The id, or one made of it that is always the same."""
    if form.pattern.fullmatch(given):
        return given
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[: form.length]
