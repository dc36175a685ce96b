"""The answers of `/v1/responses`: `ResponseTeller`, out of a chat completion or its pieces."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from leeroo.serve.dialects.blocks import Block, Blocks, Step, blocks_of
from leeroo.serve.dialects.dialect import Json, event, tokens
from leeroo.serve.errors import Refusal

_WHY = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Finish reasons of answers that are not whole, and what responses call them."""
_ECHOED = ("temperature", "top_p", "max_output_tokens", "metadata", "user", "top_logprobs", "prompt_cache_key")


class ResponseTeller:
    """A response, or its events.

    Blocks of one answer are items of the output: what the expert shows of its thinking, its message, its tool calls.

    Args:
        request: The request, a `ResponseRequest`.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._blocks = Blocks()
        self._output: list[Json] = []
        self._head: Json = {}
        self._finish: str | None = None
        self._usage: Any = None
        self._record: Any = None
        self._number = 0

    def whole(self, completion: Json) -> Json:
        """The response."""
        self._note(completion)
        self._output = [_item(block, self._id) for block in blocks_of(completion["choices"][0])]
        return self._response(*self._ended())

    def take(self, piece: Json) -> Iterator[bytes]:
        """The events of a piece."""
        begun = bool(self._head)
        self._note(piece)
        if not begun:
            for name in ("response.created", "response.in_progress"):
                yield self._event(name, response=self._response("in_progress"))
        for choice in piece.get("choices") or ():
            for step in self._blocks.take(choice.get("delta"), choice.get("logprobs")):
                yield from self._step(step)

    def end(self) -> Iterator[bytes]:
        """The events that end what is open, and the one that ends the answer, with usage and record."""
        for step in self._blocks.end():
            yield from self._step(step)
        status, why = self._ended()
        yield self._event(f"response.{status}", response=self._response(status, why))

    def failed(self, refusal: Refusal) -> bytes:
        """`response.failed`."""
        self._record = refusal.record
        code = "rate_limit_exceeded" if refusal.status == 429 else "server_error"
        response = self._response("failed") | {"error": {"code": code, "message": refusal.message}}
        return self._event("response.failed", response=response)

    def _note(self, piece: Json) -> None:
        self._head = self._head or piece
        self._usage = piece.get("usage") or self._usage
        self._record = piece.get("leeroo") or self._record
        for choice in piece.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish

    @property
    def _id(self) -> str:
        return str(self._head.get("id", "")).removeprefix("chatcmpl-")

    def _ended(self) -> tuple[str, str | None]:
        why = _WHY.get(str(self._finish))
        return ("completed", None) if why is None else ("incomplete", why)

    def _step(self, step: Step) -> Iterator[bytes]:
        block = step.block
        if step.what == "grow":
            yield self._part(block, "delta", delta=step.text, **_probable(block, step.logprobs))
            return
        item, part = _item(block, self._id), _part(block)
        if step.what == "begin":
            begun: Json = {} if block.kind == "thinking" else {"status": "in_progress"}
            if block.kind != "call":
                begun["content"] = []
            self._output.append(item | begun)
            yield self._event("response.output_item.added", output_index=block.place, item=self._output[-1])
            if part is not None:
                yield self._at(block, "response.content_part.added", part=part)
            return
        self._output[block.place] = item
        yield self._part(block, "done", **_said(block))
        if part is not None:
            yield self._at(block, "response.content_part.done", part=part)
        yield self._event("response.output_item.done", output_index=block.place, item=item)

    def _part(self, block: Block, what: str, /, **fields: Any) -> bytes:
        """An event about what is in an item."""
        name = {
            "thinking": "reasoning_text",
            "text": "output_text",
            "refusal": "refusal",
            "call": "custom_tool_call_input" if block.custom else "function_call_arguments",
        }[block.kind]
        return self._at(block, f"response.{name}.{what}", **fields)

    def _at(self, block: Block, kind: str, /, **fields: Any) -> bytes:
        place = {} if block.kind == "call" else {"content_index": 0}
        item_id = _item_id(block, self._id)
        return self._event(kind, item_id=item_id, output_index=block.place, **place, **fields)

    def _event(self, kind: str, /, **fields: Any) -> bytes:
        body = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return event(body)

    def _response(self, status: str, why: str | None = None) -> Json:
        request = self._request
        reasoning, text = request.reasoning, request.text
        return {
            "id": f"resp_{self._id}",
            "object": "response",
            "created_at": self._head.get("created", int(time.time())),
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None if why is None else {"reason": why},
            "instructions": request.instructions,
            "model": self._head.get("model", request.model),
            "output": list(self._output),
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": {"effort": reasoning.effort if reasoning else None, "summary": None},
            "store": False,
            "text": {"format": (text.format if text else None) or {"type": "text"}},
            "tool_choice": request.tool_choice or "auto",
            "tools": request.tools or [],
            "truncation": "disabled",
            "usage": None if status in ("in_progress", "failed") else _usage(self._usage),
            **{name: getattr(request, name) for name in _ECHOED},
            **({"leeroo": self._record} if self._record is not None else {}),
        }


def _item(block: Block, answer_id: str) -> Json:
    item_id, part = _item_id(block, answer_id), _part(block)
    if block.kind == "thinking":
        return {"id": item_id, "type": "reasoning", "summary": [], "content": _list(part)}
    if block.kind == "call":
        kind, text = ("custom_tool_call", "input") if block.custom else ("function_call", "arguments")
        return {"id": item_id, "type": kind, "status": "completed", "call_id": block.call_id, "name": block.name,
                text: block.text}  # fmt: skip
    return {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": _list(part)}


def _item_id(block: Block, answer_id: str) -> str:
    prefix = {"thinking": "rs", "call": "ctc" if block.custom else "fc"}.get(block.kind, "msg")
    return f"{prefix}_{answer_id}_{block.place}"


def _part(block: Block) -> Json | None:
    """The part that an item's content is; None where it has none."""
    if block.kind == "thinking":
        return {"type": "reasoning_text", "text": block.text}
    if block.kind == "text":
        return {"type": "output_text", "annotations": [], **_said(block)}
    return {"type": "refusal", "refusal": block.text} if block.kind == "refusal" else None


def _said(block: Block) -> Json:
    if block.kind == "call":
        return {"input": block.text} if block.custom else {"arguments": block.text, "name": block.name}
    said = {"refusal" if block.kind == "refusal" else "text": block.text}
    return said | _probable(block, block.logprobs)


def _probable(block: Block, logprobs: Iterable[Json]) -> Json:
    return {"logprobs": list(logprobs)} if block.kind == "text" else {}


def _list(part: Json | None) -> list[Json]:
    return [] if part is None else [part]


def _usage(usage: Any) -> Json:
    return {
        "input_tokens": tokens(usage, "prompt_tokens"),
        "input_tokens_details": {"cached_tokens": tokens(usage, "prompt_tokens_details", "cached_tokens"),
                                 "cache_write_tokens": tokens(usage, "prompt_tokens_details", "cache_write_tokens")},
        "output_tokens": tokens(usage, "completion_tokens"),
        "output_tokens_details": {"reasoning_tokens": tokens(usage, "completion_tokens_details", "reasoning_tokens")},
        "total_tokens": tokens(usage, "total_tokens"),
    }  # fmt: skip
