"""Chat messages out of what tracing tools write for them, in OpenAI's form, with keys masked and media left out."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Message = dict[str, Any]

_SECRETS = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}|\bAIza[\w-]{20,}|\bgsk_\w{16,}|\bxai-\w{16,}|\bhf_\w{16,}|\bgh[pousr]_\w{16,}"
    r"|\bAKIA[0-9A-Z]{12,}|\bxox[abprs]-[\w-]{10,}|\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*|(?<=Bearer )[\w.~+/-]{12,}=*"
)
# A text with none of these has none of those; looking for them takes a fiftieth of the time.
_SIGNS = (
    "sk-",
    "pk-",
    "rk-",
    "AIza",
    "gsk_",
    "xai-",
    "hf_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "AKIA",
    "xox",
    "eyJ",
    "Bearer ",
)
MASK = "[key]"

_ROLES = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "humanmessage": "user",
    "aimessage": "assistant",
    "systemmessage": "system",
    "toolmessage": "tool",
    "functionmessage": "tool",
    "developer": "system",
    "function": "tool",
}
_WHERE = ("messages", "prompts", "prompt", "input", "inputs", "contents", "question", "query", "text")
_MEDIA = ("image", "video", "audio", "file", "document", "blob")


def mask(text: str) -> str:
    """A text with what looks like a key replaced, and without lone surrogates, which cannot be encoded."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return _SECRETS.sub(MASK, text) if any(sign in text for sign in _SIGNS) else text


def opened(value: Any) -> Any:
    """A value, parsed where it is JSON in a string, as CSV cells and span attributes are."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def messages_of(value: Any, depth: int = 0) -> list[Message]:
    """The messages in a value: a text, one message, a list of them, or a mapping that holds them somewhere.

    Args:
        value: What a tool wrote.
        depth: How deep it lies in what was given; what lies too deep is nothing.
    """
    value = opened(value)
    if depth > 6:
        return []
    if isinstance(value, str):
        return [{"role": "user", "content": mask(value)}] if value.strip() else []
    if isinstance(value, Mapping):
        return _of_mapping(value, depth)
    if not isinstance(value, Sequence) or not value:
        return []
    if isinstance(value[0], list):
        return messages_of(value[0], depth + 1)
    if all(isinstance(part, Mapping) and "role" not in part and _is_part(part) for part in value):
        return [{"role": "user", "content": _content(value)}]
    return [message for one in value for message in messages_of(one, depth + 1)]


def _of_mapping(value: Mapping[str, Any], depth: int) -> list[Message]:
    if isinstance(value.get("kwargs"), Mapping):  # LangChain's serialised messages
        last = value.get("id")
        name = last[-1] if isinstance(last, list) and last else value["kwargs"].get("type", "user")
        return [_message(str(name).removesuffix("Chunk"), value["kwargs"])]
    if isinstance(value.get("data"), Mapping) and "content" in value["data"]:
        return [_message(str(value.get("type", "user")), value["data"])]
    role = value.get("role")
    if role is None and "content" in value and isinstance(value.get("type"), str):
        role = value["type"]
    if isinstance(role, str):
        return [_message(role, value)]
    found = next((value[key] for key in _WHERE if value.get(key)), None)
    return [] if found is None else messages_of(found, depth + 1)


def _message(role: str, fields: Mapping[str, Any]) -> Message:
    role = role.lower()
    message: Message = {"role": _ROLES.get(role, role), "content": _content(fields.get("content", fields.get("parts")))}
    calls = fields.get("tool_calls")
    if isinstance(calls, list) and calls:
        message["tool_calls"] = json.loads(mask(json.dumps(calls)))
    return message


def _is_part(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("text"), str) or str(part.get("type", "")).split("_")[0] in ("text", "input", *_MEDIA)


def _content(value: Any) -> Any:
    """A message's content: its text, or parts where there is more than text."""
    if value is None or isinstance(value, str):
        return mask(value or "")
    parts = [_part(part) for part in (value if isinstance(value, list) else [value])]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts if part["text"])
    return parts


def _part(part: Any) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        return {"type": "text", "text": mask(str(part))}
    kind = str(part.get("type", "text"))
    for word, name in (("image", "image_url"), ("video", "video_url"), ("audio", "input_audio")):
        if word in kind or word in str(part.get("modality", "")):
            return {"type": name}
    if any(word in kind for word in ("file", "document", "blob")):
        return {"type": "file"}
    text = next((part[key] for key in ("text", "content", "refusal") if isinstance(part.get(key), str)), None)
    # Tool calls and results among the parts are text to be counted.
    return {"type": "text", "text": mask(json.dumps(part) if text is None else text)}
