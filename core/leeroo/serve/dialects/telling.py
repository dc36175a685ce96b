"""The answers of `/v1/messages`: `MessageTeller`, out of a chat completion or its pieces."""

import json
from collections.abc import Iterator
from typing import Any

from leeroo.serve.dialects.blocks import Block, Blocks, Step, blocks_of
from leeroo.serve.dialects.dialect import Json, event, tokens
from leeroo.serve.errors import Refusal

_STOPS = {"length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use", "content_filter": "refusal"}
"""Finish reasons, and what messages call them."""


class MessageTeller:
    """A message, or its events.

    Args:
        request: The request, a `MessageRequest`.
    """

    def __init__(self, request: Any) -> None:
        self._stops: list[str] = request.stop_sequences or []
        # Who has not asked for thinking may take the first block for the answer; a tool loop needs it all the same.
        asked = request.thinking
        self._thinking: bool = bool(request.tools) if asked is None else asked.type != "disabled"
        self._blocks = Blocks(thinking=self._thinking)
        self._head: Json = {}
        self._choice: Json = {}
        self._usage: Any = None
        self._record: Any = None

    def whole(self, completion: Json) -> Json:
        """The message."""
        self._note(completion)
        content = [_content(block) for block in blocks_of(completion["choices"][0], thinking=self._thinking)]
        return {**self._message(content, _usage(self._usage)), **self._stop(), **self._recorded()}

    def take(self, piece: Json) -> Iterator[bytes]:
        """The events of a piece."""
        begun = bool(self._head)
        self._note(piece)
        if not begun:
            # What was read the expert says at the end only; there it stands in `message_delta`.
            start = self._message([], _usage(None)) | {"stop_reason": None, "stop_sequence": None}
            yield event({"type": "message_start", "message": start})
        for choice in piece.get("choices") or ():
            for step in self._blocks.take(choice.get("delta")):
                yield _event(step)

    def end(self) -> Iterator[bytes]:
        """The events that end what is open and the message, with usage and record."""
        for step in self._blocks.end():
            yield _event(step)
        ended = {"type": "message_delta", "delta": self._stop(), "usage": _usage(self._usage)}
        yield event(ended | self._recorded())
        yield event({"type": "message_stop"})

    def failed(self, refusal: Refusal) -> bytes:
        """`error`, after which no `message_stop` comes."""
        return event(refusal.body("anthropic"))

    def _note(self, piece: Json) -> None:
        self._head = self._head or piece
        self._usage = piece.get("usage") or self._usage
        self._record = piece.get("leeroo") or self._record
        for choice in piece.get("choices") or ():
            if choice.get("finish_reason"):
                self._choice = choice

    def _message(self, content: list[Json], usage: Json) -> Json:
        answer_id = str(self._head.get("id", "")).removeprefix("chatcmpl-")
        return {"id": f"msg_{answer_id}", "type": "message", "role": "assistant", "model": self._head.get("model", ""),
                "content": content, "usage": usage}  # fmt: skip

    def _stop(self) -> Json:
        at = self._choice.get("stop_reason")  # vLLM's: the text that ended the answer
        if isinstance(at, str) and at in self._stops:
            return {"stop_reason": "stop_sequence", "stop_sequence": at}
        return {"stop_reason": _STOPS.get(str(self._choice.get("finish_reason")), "end_turn"), "stop_sequence": None}

    def _recorded(self) -> Json:
        return {"leeroo": self._record} if self._record is not None else {}


def _content(block: Block) -> Json:
    if block.kind == "thinking":
        return {"type": "thinking", "thinking": block.text, "signature": ""}
    if block.kind == "call":
        return {"type": "tool_use", "id": block.call_id, "name": block.name, "input": _input(block)}
    return {"type": "text", "text": block.text}


def _input(block: Block) -> Json:
    """A tool call's arguments; what is no JSON object, which messages have no place for, as one."""
    try:
        found = json.loads(block.text or "{}")
    except (ValueError, RecursionError):
        found = block.text
    return found if isinstance(found, dict) else {"input": found}


def _event(step: Step) -> bytes:
    block = step.block
    if step.what == "begin":
        return event({"type": "content_block_start", "index": block.place, "content_block": _content(block)})
    if step.what == "end":
        return event({"type": "content_block_stop", "index": block.place})
    kind, name = {
        "thinking": ("thinking_delta", "thinking"),
        "call": ("input_json_delta", "partial_json"),
    }.get(block.kind, ("text_delta", "text"))
    return event({"type": "content_block_delta", "index": block.place, "delta": {"type": kind, name: step.text}})


def _usage(usage: Any) -> Json:
    """Anthropic counts what was read from the cache, or written to it, apart from the rest of the input."""
    cached = tokens(usage, "prompt_tokens_details", "cached_tokens")
    written = tokens(usage, "prompt_tokens_details", "cache_write_tokens")
    return {
        "input_tokens": max(0, tokens(usage, "prompt_tokens") - cached - written),
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "output_tokens": tokens(usage, "completion_tokens"),
    }
