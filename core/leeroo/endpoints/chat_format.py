"""OpenAI's chat format: from the body of a request to a `Query`, and from an answer to `Usage`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from leeroo.errors import InvalidRequest
from leeroo.pool.experts import Expert
from leeroo.pool.kinds import kinds_of
from leeroo.pool.tokens import count_text
from leeroo.query import Capability, Query
from leeroo.routing.attempt import Usage
from leeroo.routing.router import Router

Json = dict[str, Any]
SERVICES = frozenset({"priority", "flex", "fast"})
SEARCHES = 10
"""Searches assumed at most where a request allows them and says no number."""
CAPS = ("max_tokens", "max_completion_tokens")

_MEDIA: dict[str, Capability] = {
    "image_url": "vision",
    "video_url": "vision",
    "input_audio": "audio",
    "audio_url": "audio",
    "file": "documents",
}


def to_query(body: Mapping[str, Any], router: Router) -> Query:
    """What the router sees of a request.

    Args:
        body: As for `/v1/chat/completions`.
        router: Whose memory of tool calls says which expert a tool loop belongs to.

    Raises:
        InvalidRequest: There are no messages, nothing in them, or a cap that is no number of tokens.
    """
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    needs: set[Capability] = set()
    texts: list[str] = []
    media = 0
    for message in messages:
        for kind, text in _parts(message):
            if kind in _MEDIA:
                media += 1
                needs.add(_MEDIA[kind])
            else:
                texts.append(text)
        texts.extend(json.dumps(message[key]) for key in ("tool_calls", "function_call") if message.get(key))
    said = any(text.strip() for text in texts)
    schemas = [body[key] for key in ("tools", "functions", "response_format") if body.get(key)]
    if body.get("tools") or body.get("functions"):
        needs.add("tools")
    if (body.get("response_format") or {}).get("type", "text") != "text":
        needs.add("structured_output")
    if body.get("stream"):
        needs.add("streaming")
    caps = [body[key] for key in CAPS if body.get(key) is not None]
    return Query(
        text=_newest(messages),
        # Schemas count as input, but alone they are nothing to answer.
        prompt="\n".join([*texts, *map(json.dumps, schemas)]) if said or media else "",
        messages=len(messages),
        media=media,
        needs=frozenset(needs),
        max_tokens=min(caps) if caps else None,
        cache_writes=_cache_writes(body),
        searches=_searches(body),
        service=body.get("service_tier") if body.get("service_tier") in SERVICES else None,
        sticky=_sticky(messages, router),
    )


def usage_of(
    reported: Mapping[str, Any] | None, prompt: str, answer: str, expert: Expert, service: Any = None
) -> Usage:
    """What an answer used: as reported, or counted here and marked as an estimate.

    Args:
        reported: The answer's `usage`.
        prompt: Text of the request.
        answer: Text of the answer, tool calls included, or as much of it as arrived.
        expert: Who answered.
        service: The answer's `service_tier`, where it has one.
    """
    if not reported or reported.get("prompt_tokens") is None:
        return Usage(count_text(prompt, expert), count_text(answer, expert), estimated=True)
    details = reported.get("prompt_tokens_details") or {}
    return Usage(
        int(reported["prompt_tokens"]),
        int(reported.get("completion_tokens") or 0),
        int(details.get("cached_tokens") or 0),
        kinds=kinds_of(reported, service),
    )


def _cache_writes(body: Mapping[str, Any]) -> Literal["5m", "1h"] | None:
    """How long a request asks the provider to keep its input in the cache, by marks of Anthropic's kind."""
    marked = [body, *(body.get("tools") or ())]
    for message in body["messages"]:
        marked.append(message)
        if isinstance(content := message.get("content"), list):
            marked.extend(content)
    marks = [one.get("cache_control") for one in marked if isinstance(one, Mapping)]
    if not any(marks):
        return None
    return "1h" if any(isinstance(mark, Mapping) and mark.get("ttl") == "1h" for mark in marks) else "5m"


def _searches(body: Mapping[str, Any]) -> int:
    """Searches of the web that a provider may make at most."""
    most = SEARCHES if body.get("web_search_options") is not None else 0
    for tool in body.get("tools") or ():
        if isinstance(tool, Mapping) and str(tool.get("type", "")).startswith("web_search"):
            uses = tool.get("max_uses")
            most += uses if type(uses) is int and 0 < uses < 1000 else SEARCHES
    return most


def text_of(message: Mapping[str, Any]) -> str:
    """All that an expert wrote in a message or in a piece of one, tool calls and shown reasoning included."""
    texts = [message.get(key) for key in ("content", "refusal", "reasoning_content", "reasoning")]
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        texts += [function.get("name"), function.get("arguments")]
    return "".join(text for text in texts if isinstance(text, str))


def tool_call_ids(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Ids of the tool calls in an answer, or in the pieces of one."""
    return tuple(call["id"] for message in messages for call in message.get("tool_calls") or () if call.get("id"))


def _parts(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, text) of every part; the text of media is empty, so that no picture is counted as text."""
    content = message.get("content")
    if isinstance(content, str):
        yield "text", content
        return
    for part in content or ():
        if not isinstance(part, Mapping):
            raise InvalidRequest("A part of a message's content is no object; give {'type': 'text', 'text': '...'}.")
        kind = str(part.get("type", ""))
        text = "" if kind in _MEDIA else part.get("text", part.get("refusal"))
        # What kind of part that is only the expert knows; it is text to be counted.
        yield kind, text if isinstance(text, str) else json.dumps(part)


def _newest(messages: Sequence[Mapping[str, Any]]) -> str:
    """The newest thing that the user asked; where no user speaks, the newest text."""
    asked = [message for message in messages if message.get("role") == "user"]
    for message in (*reversed(asked), *reversed(messages)):
        text = "\n".join(part for _, part in _parts(message) if part)
        if text.strip():
            return text
    return ""


def _sticky(messages: Sequence[Mapping[str, Any]], router: Router) -> str | None:
    """Who made the tool calls that the newest messages answer; None where the user has the word."""
    for message in reversed(messages):
        if message.get("role") != "tool":
            return None
        maker = router.expert_of_tool_call(str(message.get("tool_call_id")))
        if maker is not None:
            return maker
    return None
