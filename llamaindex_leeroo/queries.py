"""LlamaIndex messages as the router sees them: `to_query`."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock

from leeroo import Query
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
    return Query(
        text=question or _question(messages),
        prompt="\n".join(filter(None, parts)),
        rest="\n".join(filter(None, (*reading.rest, schema, own))),  # strict forms of a schema are longer
        messages=len(messages),
        media=reading.media,
        needs=needs | reading.needs,
        max_tokens=asked(kwargs),
        sticky=_sticky(messages, made_by),
    )


def _question(messages: Sequence[ChatMessage]) -> str:
    """What the user asked last; within a long prompt of LlamaIndex's, the query in it."""
    newest = next((m for m in reversed(messages) if m.role == MessageRole.USER), messages[-1] if messages else None)
    text = "\n".join([b.text for b in newest.blocks if isinstance(b, TextBlock)]) if newest else ""
    if len(text) > LONG_PROMPT:
        found = QUERY_IN_PROMPT.findall(text)
        return str(found[-1]) if found else text
    return text


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
