"""Whether an answer is one: it says something, and a structured one has the wanted form."""

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.bridge.pydantic import BaseModel

from leeroo.routing.answers import UselessAnswer, useless

REASONS = ("finish_reason", "stop_reason", "done_reason", "finishReason")
"""Where providers say why an answer ended: OpenAI's form, Anthropic's, Ollama's, Google's."""


def says_something(item: Any) -> bool:
    """Whether an answer, or a piece of one, has anything for its reader: thoughts alone are nothing."""
    if isinstance(item, ChatResponse):
        return bool(item.delta) or _has_content(item.message)
    if isinstance(item, CompletionResponse):
        return bool(item.delta) or bool(item.text.strip())
    if isinstance(item, BaseModel):
        return any(getattr(item, name) is not None for name in type(item).model_fields)
    return True  # an AgentChatResponse: the bare LLM's is empty where no tool was called


def _has_content(message: ChatMessage) -> bool:
    if message.additional_kwargs.get("tool_calls") or message.additional_kwargs.get("function_call"):
        return True
    return any(
        bool(block.text.strip()) if isinstance(block, TextBlock) else not isinstance(block, ThinkingBlock)
        for block in message.blocks
    )


def fault(pieces: Sequence[Any], output_cls: type | None) -> UselessAnswer | None:
    """What is wrong with an answer; None where it is one.

    Args:
        pieces: The pieces of a stream, the last one whole; or the answer alone.
        output_cls: The form of a structured answer.
    """
    if output_cls is not None:
        if pieces and isinstance(pieces[-1], output_cls):
            return None
        return no_form_of(output_cls)
    raws = [getattr(piece, "raw", None) for piece in reversed(pieces)]
    reason = next(filter(None, map(finish_reason, raws)), None)
    visible = any(says_something(piece) for piece in pieces)
    return useless(reason, visible=visible, refused=any(map(_refuses, raws)), text=_text(pieces[-1]) if pieces else "")


def _text(answer: Any) -> str:
    """What an answer says, where it calls no tool."""
    if isinstance(answer, CompletionResponse):
        return answer.text
    if not isinstance(answer, ChatResponse) or any(isinstance(b, ToolCallBlock) for b in answer.message.blocks):
        return ""
    return answer.message.content or ""


def no_form_of(output_cls: type | None) -> UselessAnswer:
    """The failure of a structured answer without its form. No text of the answer is in it."""
    return UselessAnswer("unparsable", f"The answer does not have the form of {getattr(output_cls, '__name__', '')}.")


def _refuses(raw: Any) -> bool:
    """Whether OpenAI's field for refusals says something."""
    return any(bool(part_of(part_of(choice, "message"), "refusal")) for choice in choices_of(raw))


def finish_reason(raw: Any) -> str | None:
    """Why the answer ended, in the provider's word."""
    for place in (raw, *choices_of(raw)):
        for name in REASONS:
            found = part_of(place, name)
            if found is not None:
                return str(getattr(found, "name", found))  # Google's are enums
    return None


def choices_of(raw: Any) -> list[Any]:
    """The first of the answers that an endpoint has given, in a list; none where there is none."""
    for name in ("choices", "candidates"):
        found = part_of(raw, name)
        if isinstance(found, (list, tuple)):
            return list(found[:1])
    return []


def part_of(place: Any, name: str) -> Any:
    """A part of what an endpoint has given, whether a mapping or an SDK's object."""
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
