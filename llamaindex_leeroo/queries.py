"""LlamaIndex messages as the router sees them: `to_query`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock

from leeroo import Query
from leeroo.conversation import Role, Turn, scored_text, tool_names
from leeroo.pool.extras import as_sent, cache_writes, sampling_of, searches, service_of, unpriced
from leeroo.query import Capability
from llamaindex_leeroo.caps import asked
from llamaindex_leeroo.messages import MadeBy
from llamaindex_leeroo.reading import Reading

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

LONG_PROMPT = 300
QUERY_IN_PROMPT = re.compile(r"\n(?:Query|Question): (.{3,2000}?)\n(?:Original Answer|New Answer|Answer):", re.DOTALL)
"""How LlamaIndex's own prompts end, for calls that no longer know their template."""

IN_PROMPT = ("tools", "response_format")
"""Kwargs that the expert surely reads."""

OBSERVED = "Observation: "
"""How LlamaIndex's ReAct agents begin the user's turn that tells a tool's result."""

_SPEAKERS: Mapping[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}

TOOL_ROLES = (MessageRole.TOOL, MessageRole.FUNCTION)


def to_query(
    messages: Sequence[ChatMessage],
    kwargs: Mapping[str, Any],
    *,
    needs: frozenset[Capability] = frozenset(),
    tools: Sequence["BaseTool"] = (),
    output_cls: type | None = None,
    made_by: MadeBy = lambda _: None,
    question: str | None = None,
    own: str = "",
) -> Query:
    """The text and the needs of one request.

    Args:
        messages: The conversation, the newest turn last.
        kwargs: What goes to the expert beside; `max_tokens`, `tools` and `response_format` are read from it.
        needs: Capabilities that the method itself needs.
        tools: Tools that are described to the expert.
        output_cls: The model of a structured answer.
        made_by: Tells which expert made a tool call, by the call's id.
        question: The user's question, where it is known apart from what surrounds it.
        own: What an expert's LLM adds by itself.

    Raises:
        InvalidRequest: No messages, nothing in them, or something that is no message.
    """
    reading = Reading()
    for message in messages:
        reading.message(message)
    schema = _json_schema(output_cls)
    schemas = [*(_schema(tool) for tool in tools), *(_written(kwargs[k]) for k in IN_PROMPT if kwargs.get(k)), schema]
    # Nothing at all is refused by the query; schemas alone are nothing to answer.
    parts = [*reading.text, *schemas] if reading.media or "".join(reading.text).strip() else []
    reading.beside(kwargs, but=IN_PROMPT)
    if kwargs.get("tools"):
        reading.needs.add("tools")
    tied = _sticky(messages, made_by)
    asked_for = {**as_sent(kwargs), "messages": reading.marks}
    return Query(
        text=question or scored_text(messages, _turn, tools=_names(tools, kwargs), tied=tied is not None),
        prompt="\n".join(filter(None, parts)),
        rest="\n".join(filter(None, (*reading.rest, schema, own))),  # strict forms of a schema are longer
        messages=len(messages),
        media=reading.media,
        attachments=tuple(reading.attachments),
        unpriced=unpriced(asked_for),
        needs=needs | reading.needs,
        max_tokens=asked(kwargs),
        cache_writes=cache_writes(asked_for),
        searches=searches(asked_for),
        service=service_of(asked_for),
        sampling=sampling_of(asked_for),
        sticky=tied,
    )


def _turn(message: ChatMessage) -> Turn:
    """A message; of a long prompt of LlamaIndex's the query in it; what a ReAct agent observed is a tool's result."""
    text = "\n".join(b.text for b in message.blocks if isinstance(b, TextBlock) and b.text)
    role = _SPEAKERS.get(message.role, "assistant")
    if role == "user":
        if text.startswith(OBSERVED):
            return Turn("tool", text)
        if len(text) > LONG_PROMPT and (found := QUERY_IN_PROMPT.findall(text)):
            return Turn("user", str(found[-1]))
    return Turn(role, text)


def _names(tools: Sequence["BaseTool"], kwargs: Mapping[str, Any]) -> Iterator[str]:
    for tool in tools:
        name = tool.metadata.name
        if name:
            yield name
    given = kwargs.get("tools")
    yield from tool_names(given if isinstance(given, list) else ())


def _schema(tool: "BaseTool") -> str:
    try:
        return json.dumps(tool.metadata.to_openai_tool(skip_length_check=True), default=str)
    except Exception:  # a tool without a schema still costs its name and description
        return f"{tool.metadata.name} {tool.metadata.description}"


def _json_schema(output_cls: type | None) -> str:
    schema = getattr(output_cls, "model_json_schema", None)
    return _written(schema()) if schema is not None else ""


def _written(schema: Any) -> str:
    return json.dumps(schema, default=str)


def _sticky(messages: Sequence[ChatMessage], made_by: MadeBy) -> str | None:
    """Who made the tool calls that the newest messages answer; None where the user has the word."""
    for message in reversed(messages):
        if message.role not in TOOL_ROLES:
            return None
        maker = made_by(str(message.additional_kwargs.get("tool_call_id") or ""))
        if maker is not None:
            return maker
    return None
