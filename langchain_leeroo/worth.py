"""Whether an answer that came without an error is worth anything: `wrong_with`."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from langchain_leeroo.unparsed import unparsable
from leeroo.routing.answers import UselessAnswer, useless

_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_UNSEEN = frozenset({"text", "reasoning", "thinking", "redacted_thinking", "refusal"})
"""Blocks that are not for the reader; text is looked at by itself."""


def wrong_with(output: Any, *, structured: bool) -> UselessAnswer | None:
    """What is wrong with an answer, or None.

    Args:
        output: A message; with `structured` the expert's `{"raw", "parsed", "parsing_error"}`.
        structured: Whether a schema's form was asked for.
    """
    if not structured:
        return _empty(output)
    if not isinstance(output, Mapping) or (output.get("parsed") is not None and output.get("parsing_error") is None):
        return None
    return _empty(output.get("raw")) or unparsable()


def _empty(message: Any) -> UselessAnswer | None:
    if not isinstance(message, BaseMessage):
        return None
    said = message.response_metadata
    reason = next((found for key in _REASONS if isinstance(found := said.get(key), str)), None)
    text = "" if isinstance(message, AIMessage) and message.tool_calls else message.text
    refused = bool(message.additional_kwargs.get("refusal"))
    return useless(reason, visible=is_visible(message), refused=refused, text=text)


def is_visible(message: BaseMessage) -> bool:
    """Whether there is anything in a message for its reader: text, media or tool calls; thinking is not."""
    if message.text.strip() or (isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls)):
        return True
    if any(message.additional_kwargs.get(key) for key in ("tool_calls", "function_call", "audio")):
        return True
    blocks = message.content if isinstance(message.content, list) else []
    return any(isinstance(block, Mapping) and block.get("type") not in _UNSEEN for block in blocks)
