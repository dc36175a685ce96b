"""From LangChain messages to a `Query`, and from answers to `Usage`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from leeroo.conversation import Role, Turn, scored_text, tool_names
from leeroo.pool.experts import Expert
from leeroo.pool.tokens import count_text
from leeroo.query import Capability, Query
from leeroo.routing.attempt import Usage
from leeroo.routing.router import Router

RECORD_KEY = "leeroo"
"""Where the call's record lies in `response_metadata`."""

LEAST_CACHED = 1024
"""Providers cache prompts from about this many tokens on; shorter histories save nothing by staying."""

_MEDIA: dict[str, Capability] = {
    "image": "vision",
    "image_url": "vision",
    "input_image": "vision",
    "video": "vision",
    "audio": "audio",
    "input_audio": "audio",
    "file": "documents",
    "input_file": "documents",
    "document": "documents",
}

_SPEAKERS: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "tool": "tool",
    "function": "tool",
}
"""By a message's type, or a `ChatMessage`'s role."""


class RawTools(list[Any]):
    """Tools as others read them that were bound: as OpenAI's dicts; and what a provider will read of them, as text.

    Args:
        tools: Tools in any form that LangChain knows.

    Attributes:
        raw: The tools as the caller gave them, for the expert's own `bind_tools`.
    """

    _text: str | None = None

    def __init__(self, tools: Iterable[Any] = ()) -> None:
        given = list(tools)
        self.raw: list[Any] = tools.raw if isinstance(tools, RawTools) else given
        super().__init__(_readable(tool) for tool in given)

    @property
    def text(self) -> str:
        """The tools' schemas as JSON, to be counted."""
        if self._text is None:
            self._text = "\n".join(_schema_text(tool) for tool in self)
        return self._text


def _readable(tool: Any) -> Any:
    if isinstance(tool, Mapping):
        return tool
    try:
        return convert_to_openai_tool(tool)
    except Exception:  # a provider's own kind of tool, which only that provider can read
        return tool


def _schema_text(tool: Any) -> str:
    try:
        return json.dumps(convert_to_openai_tool(tool), default=str)
    except Exception:  # a provider's own kind of tool, which only that provider can read
        return json.dumps(tool, default=str) if isinstance(tool, Mapping) else str(getattr(tool, "__doc__", "") or "")


def schema_text(schema: Any) -> str:
    """The text of a structured output's schema, to be counted."""
    return "" if schema is None else _schema_text(schema)


def to_query(
    messages: Sequence[BaseMessage],
    router: Router,
    *,
    tools: RawTools | None = None,
    schema: str = "",
    needs: Iterable[Capability] = (),
    max_tokens: int | None = None,
) -> Query:
    """What the router sees of a request.

    Args:
        messages: The messages.
        router: Whose memory of tool calls says which expert a tool loop belongs to.
        tools: Tools offered with the request.
        schema: Text of the structured output's schema.
        needs: What the expert must be able to do beside what the messages show.
        max_tokens: The output cap that the caller asked for.

    Raises:
        InvalidRequest: There are no messages, or nothing in them.
    """
    prompt, media, shown = _read(messages)
    wanted = {*needs, *shown}
    if tools:
        wanted.add("tools")
    extra = [text for text in ((tools.text if tools else ""), schema) if text]
    last, cached = _last_expert(messages)
    tied = _sticky(messages, router)
    return Query(
        text=scored_text(messages, _turn, tools=tool_names(tools or ()), tied=tied is not None),
        # Tool schemas count as input, but alone they are no question: an empty message stays empty.
        prompt="\n".join([prompt, *extra]) if prompt.strip() or media else "",
        messages=len(messages),
        media=media,
        needs=frozenset(wanted),
        max_tokens=max_tokens,
        sticky=tied,
        last_expert=last,
        cached_tokens=cached,
    )


def _read(messages: Sequence[BaseMessage]) -> tuple[str, int, set[Capability]]:
    """The text of all messages, the number of media in them, and what an expert needs to take those."""
    texts: list[str] = []
    media = 0
    needs: set[Capability] = set()
    for message in messages:
        for kind, text in _parts(message):
            if text:
                texts.append(text)
            elif kind in _MEDIA:
                media += 1
                needs.add(_MEDIA[kind])
        if isinstance(message, AIMessage) and message.tool_calls:
            texts.append(json.dumps(message.tool_calls, default=str))
    return "\n".join(texts), media, needs


def usage_of(message: BaseMessage | None, prompt: str, expert: Expert) -> Usage:
    """What an answer used: as reported, or counted here and marked as an estimate.

    Args:
        message: The answer, or as much of it as arrived.
        prompt: Text of the request.
        expert: Who answered.
    """
    reported: Mapping[str, Any] | None = getattr(message, "usage_metadata", None)
    if reported and reported.get("total_cost") == 0 and "total_cost" in reported:
        return Usage(0, 0)  # LangChain marks what came from its own cache so: nobody was asked
    if reported and (reported.get("input_tokens") or reported.get("output_tokens")):
        details = reported.get("input_token_details") or {}
        return Usage(
            int(reported.get("input_tokens") or 0),
            int(reported.get("output_tokens") or 0),
            int(details.get("cache_read") or 0),
        )
    text = "" if message is None else "\n".join(part for _, part in _parts(message) if part)
    if isinstance(message, AIMessage) and message.tool_calls:
        text += json.dumps([call["args"] for call in message.tool_calls], default=str)
    return Usage(count_text(prompt, expert), count_text(text, expert), estimated=True)


def tool_call_ids(message: BaseMessage | None) -> tuple[str, ...]:
    """Ids of the tool calls in an answer."""
    if not isinstance(message, AIMessage):
        return ()
    return tuple(call_id for call in message.tool_calls if (call_id := call["id"]))


def _parts(message: BaseMessage) -> Iterator[tuple[str, str]]:
    """(kind, text) of every part; the text of media is empty, so that no picture is counted as text."""
    if isinstance(message.content, str):
        yield "text", message.content
        return
    for block in message.content:
        if isinstance(block, str):
            yield "text", block
            continue
        kind = str(block.get("type", ""))
        if kind in _MEDIA:
            yield kind, ""
        elif kind == "tool_result" and isinstance(block.get("content"), list):
            yield from _parts(HumanMessage(content=block["content"]))
        else:
            text = block.get("text") or block.get("reasoning") or block.get("thinking") or block.get("content") or ""
            yield kind, text if isinstance(text, str) else json.dumps(text, default=str)


def _turn(message: BaseMessage) -> Turn:
    speaker = message.role if isinstance(message, ChatMessage) else message.type.removesuffix("MessageChunk").lower()
    return Turn(_SPEAKERS.get(speaker, "assistant"), "\n".join(part for _, part in _parts(message) if part))


def _sticky(messages: Sequence[BaseMessage], router: Router) -> str | None:
    """Who must go on because the request continues its tool loop."""
    if not messages or not isinstance(messages[-1], ToolMessage):
        return None
    remembered = router.expert_of_tool_call(messages[-1].tool_call_id)
    if remembered is not None:
        return remembered
    for message in reversed(messages):
        if isinstance(message, AIMessage) and message.tool_calls:
            return expert_of(message)
        if isinstance(message, HumanMessage):
            return None
    return None


def _last_expert(messages: Sequence[BaseMessage]) -> tuple[str | None, int]:
    """Who answered last, and how many tokens its provider may have in its cache."""
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            expert = expert_of(message)
            used = message.usage_metadata["total_tokens"] if message.usage_metadata else 0
            return expert, used if expert is not None and used >= LEAST_CACHED else 0
    return None, 0


def expert_of(message: AIMessage) -> str | None:
    """The expert that wrote a message, where its record says so."""
    record = message.response_metadata.get(RECORD_KEY)
    name = record.get("expert") if isinstance(record, Mapping) else None
    return name if isinstance(name, str) else None
