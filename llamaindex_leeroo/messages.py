"""LlamaIndex messages as an expert may have them (`copied`), and the author's mark on what only its author can read."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock, ToolCallBlock

MadeBy = Callable[[str], str | None]
"""Tells which expert made a tool call, by the call's id."""

AUTHOR = "leeroo"
"""Key of a thinking block's `additional_information` that names the expert who thought; no expert is sent it."""


def signed(message: ChatMessage, expert: str) -> None:
    """Put the author's mark on what an expert thought, so that no other one is sent it."""
    for block in message.blocks:
        if isinstance(block, ThinkingBlock):
            block.additional_information[AUTHOR] = expert


def copied(messages: Sequence[ChatMessage], expert: str, made_by: MadeBy) -> list[ChatMessage]:
    """Messages that an expert may change: every attempt gets its own, or the next one would see them twice.

    What another expert thought is left out: providers refuse signatures that are not theirs. Turns in which another
    expert called tools are put into the form that all integrations read: arguments as a dict, no raw tool calls of
    another SDK.
    """
    return [_copy(message, expert, made_by) for message in messages]


def _copy(message: ChatMessage, expert: str, made_by: MadeBy) -> ChatMessage:
    makers = {made_by(b.tool_call_id) for b in message.blocks if isinstance(b, ToolCallBlock) and b.tool_call_id}
    foreign = bool(makers - {None, expert})
    extra = dict(message.additional_kwargs)
    if foreign:
        extra.pop("tool_calls", None)
    blocks: list[Any] = []
    for block in message.blocks:
        update: dict[str, Any] = {}
        if isinstance(block, ThinkingBlock):
            author = block.additional_information.get(AUTHOR)
            if author != expert and (author is not None or foreign):
                continue
            update["additional_information"] = {k: v for k, v in block.additional_information.items() if k != AUTHOR}
        elif isinstance(block, ToolCallBlock) and foreign:
            update["tool_kwargs"] = _arguments(block.tool_kwargs)
        blocks.append(block.model_copy(update=update))
    return message.model_copy(update={"blocks": blocks, "additional_kwargs": extra})


def _arguments(given: Any) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    try:
        parsed = json.loads(given)
    except (TypeError, ValueError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
