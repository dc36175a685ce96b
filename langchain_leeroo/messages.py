"""From LangChain messages to a `Query`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_leeroo.reading import beside, read
from leeroo.conversation import Role, Turn, scored_text, tool_names
from leeroo.pool.extras import as_sent, cache_writes, sampling_of, searches, service_of, unpriced
from leeroo.pool.forwarded import MEDIA
from leeroo.pool.media import measure
from leeroo.query import Capability, Query
from leeroo.routing.router import Router

RECORD_KEY = "leeroo"
"""Where the call's record lies in `response_metadata`."""

LEAST_CACHED = 1024
"""Providers cache prompts from about this many tokens on; shorter histories save nothing by staying."""

COUNTED = ("tools", "response_format")
"""Kwargs that count as text of the prompt."""

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
    sent: Mapping[str, Any] = MappingProxyType({}),
) -> Query:
    """What the router sees of a request.

    Args:
        messages: The messages.
        router: Whose memory of tool calls says which expert a tool loop belongs to.
        tools: Tools offered with the request.
        schema: Text of the structured output's schema.
        needs: What the expert must be able to do beside what the messages show.
        max_tokens: The output cap that the caller asked for.
        sent: What else goes to the expert.

    Raises:
        InvalidRequest: There are no messages, or nothing in them.
    """
    prompt, rest, media, shown = read(messages)
    wanted = {*needs, *shown}
    if tools:
        wanted.add("tools")
    extra = [text for text in ((tools.text if tools else ""), schema) if text]
    last, cached = _last_expert(messages)
    tied = _sticky(messages, router)
    asked = _asked(messages, tools, sent)
    return Query(
        text=scored_text(messages, _turn, tools=tool_names(tools or ()), tied=tied is not None),
        # Tool schemas count as input, but alone they are no question: an empty message stays empty.
        prompt="\n".join([prompt, *extra]) if prompt.strip() or media else "",
        rest="\n".join(filter(None, (rest, beside(sent, COUNTED)))),
        messages=len(messages),
        media=len(media),
        attachments=tuple(measure(part) for part in media),
        unpriced=unpriced(asked),
        needs=frozenset(wanted),
        max_tokens=max_tokens,
        cache_writes=cache_writes(asked),
        searches=searches(asked),
        service=service_of(asked),
        sampling=sampling_of(asked),
        sticky=tied,
        last_expert=last,
        cached_tokens=cached,
    )


def _asked(messages: Sequence[BaseMessage], tools: RawTools | None, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request may have a price of its own; plain text has none."""
    found = as_sent({**sent, "tools": list(tools or ())})
    found["messages"] = [
        (message.content, message.additional_kwargs)
        for message in messages
        if message.additional_kwargs or not isinstance(message.content, str)
    ]
    if tools:
        # Anthropic's chat model reads the mark to cache in a tool's extras, which OpenAI's form has not.
        found["tools"] = [*found["tools"], *filter(None, (getattr(tool, "extras", None) for tool in tools.raw))]
    return found


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
        if kind in MEDIA:
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
