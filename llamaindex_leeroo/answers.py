"""Whether an answer is one: it says something, and a structured one has the wanted form."""

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, TextBlock, ThinkingBlock
from llama_index.core.bridge.pydantic import BaseModel

from leeroo import LeerooError

REASONS = ("finish_reason", "stop_reason", "done_reason", "finishReason")
"""Where providers say why an answer ended: OpenAI's form, Anthropic's, Ollama's, Google's."""


class BadAnswer(LeerooError):
    """The expert's answer is none."""


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


def check(pieces: Sequence[Any], expert: str, output_cls: type | None) -> None:
    """See that an answer is one.

    Args:
        pieces: The pieces of a stream, the last one whole; or the answer alone.
        expert: Who gave it.
        output_cls: The form of a structured answer.

    Raises:
        BadAnswer: It says nothing, or has another form than the wanted one.
    """
    if output_cls is not None:
        if not pieces or not isinstance(pieces[-1], output_cls):
            raise BadAnswer(f"Expert {expert!r} gave no answer in the form of {output_cls.__name__}.")
    elif not any(says_something(piece) for piece in pieces):
        reasons = (_finish_reason(getattr(piece, "raw", None)) for piece in reversed(pieces))
        reason = next(filter(None, reasons), None)
        why = f" (finish reason {reason!r})" if reason else ""
        raise BadAnswer(f"Expert {expert!r} answered with nothing{why}; on_empty='accept' takes that for an answer.")


def _finish_reason(raw: Any) -> str | None:
    """Why the answer ended, in the provider's word."""
    for place in (raw, *_choices(raw)):
        for name in REASONS:
            found = place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
            if isinstance(found, str):
                return found
    return None


def _choices(raw: Any) -> list[Any]:
    for name in ("choices", "candidates"):
        found = raw.get(name) if isinstance(raw, Mapping) else getattr(raw, name, None)
        if isinstance(found, (list, tuple)):
            return list(found[:1])
    return []
