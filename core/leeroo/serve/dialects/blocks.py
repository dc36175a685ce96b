"""An answer as blocks that follow each other, as other formats than the chat's want it: `Blocks`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["thinking", "text", "refusal", "call"]


@dataclass
class Block:
    """One block of an answer.

    Attributes:
        kind: Thinking that the expert shows, text, a refusal, or a tool call.
        place: Which of the answer's blocks it is, from 0.
        call_id: A tool call's id.
        name: Whom it calls.
        custom: Whether the tool takes any text, in place of JSON.
        logprobs: Of a text's tokens, where they were asked for.
    """

    kind: Kind
    place: int = 0
    call_id: str = ""
    name: str = ""
    custom: bool = False
    logprobs: list[Json] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says so far; a tool call's arguments."""
        return "".join(self.parts)


@dataclass(frozen=True)
class Step:
    """What happens to a block.

    Attributes:
        what: It begins, it grows by `text`, or it ends.
        block: Which.
        text: What came.
        logprobs: Of its tokens.
    """

    what: Literal["begin", "grow", "end"]
    block: Block
    text: str = ""
    logprobs: tuple[Json, ...] = ()


class Blocks:
    """Makes blocks out of the message of a chat completion, or out of the deltas of one.

    Only one block grows at a time. What comes for others while a tool call is being written (parallel calls may be sent
    in turns) is kept until the end. Whatever an endpoint may send, nothing here fails on it.

    Args:
        thinking: Whether what the expert shows of its thinking is among them.
    """

    def __init__(self, *, thinking: bool = True) -> None:
        self._thinking = thinking
        self._live: tuple[object, Block] | None = None
        self._kept: dict[object, Block] = {}
        self._calls: dict[object, str] = {}
        self._count = 0

    def take(self, delta: Any, logprobs: Any = None) -> Iterator[Step]:
        """The steps that a delta, or a whole message, makes.

        Args:
            delta: As the expert sent it.
            logprobs: The choice's.
        """
        if not isinstance(delta, Mapping):
            return
        for kind, text in _texts(delta):
            if text and (self._thinking or kind != "thinking"):
                yield from self._grow(kind, Block(kind), text, _logprobs(logprobs) if kind == "text" else ())
        calls = delta.get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, Mapping):
                yield from self._call(call, place)

    def end(self) -> Iterator[Step]:
        """The steps that are left when all has come."""
        yield from self._close()
        for block in self._kept.values():
            text, logprobs = block.text, tuple(block.logprobs)
            block.parts, block.logprobs = [], []
            yield from self._begin(None, block)
            yield from _add(block, text, logprobs)
            yield from self._close()
        self._kept = {}

    def _call(self, call: Mapping[str, Any], place: int) -> Iterator[Step]:
        custom = isinstance(call.get("custom"), Mapping)
        function = call.get("custom" if custom else "function")
        function = function if isinstance(function, Mapping) else {}
        call_id, name = _string(call.get("id")), _string(function.get("name"))
        given = call.get("index")
        key: object = ("call", given if isinstance(given, int) else place)
        # Some endpoints number all of an answer's calls 0: another id and a name make another call.
        if call_id and name and self._calls.get(key, call_id) != call_id:
            key = ("call", call_id)
        if call_id:
            self._calls.setdefault(key, call_id)
        text = function.get("input" if custom else "arguments")
        text = text if isinstance(text, str) else "" if text is None else json.dumps(text)
        yield from self._grow(key, Block("call", 0, call_id, name, custom), text)

    def _grow(self, key: object, new: Block, text: str, logprobs: tuple[Json, ...] = ()) -> Iterator[Step]:
        if self._live is not None and self._live[0] == key:
            yield from _add(self._live[1], text, logprobs)
            return
        writing_a_call = self._live is not None and self._live[1].kind == "call"
        nameless = new.kind == "call" and not new.name  # its name is yet to come
        if key in self._kept or writing_a_call or nameless:
            block = self._kept.setdefault(key, new)
            block.call_id, block.name = block.call_id or new.call_id, block.name or new.name
            block.parts.append(text)
            block.logprobs.extend(logprobs)
            return
        yield from self._close()
        yield from self._begin(key, new)
        yield from _add(new, text, logprobs)

    def _begin(self, key: object, block: Block) -> Iterator[Step]:
        block.place = self._count
        self._count += 1
        self._live = (key, block)
        yield Step("begin", block)

    def _close(self) -> Iterator[Step]:
        if self._live is not None:
            block, self._live = self._live[1], None
            yield Step("end", block)


def _add(block: Block, text: str, logprobs: tuple[Json, ...]) -> Iterator[Step]:
    if text:
        block.parts.append(text)
        block.logprobs.extend(logprobs)
        yield Step("grow", block, text, logprobs)


def blocks_of(choice: Any, *, thinking: bool = True) -> list[Block]:
    """The blocks of a whole answer.

    Args:
        choice: Of a chat completion.
        thinking: As for `Blocks`.
    """
    blocks = Blocks(thinking=thinking)
    steps = [*blocks.take(choice.get("message"), choice.get("logprobs")), *blocks.end()]
    return [step.block for step in steps if step.what == "end"]


def _texts(delta: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    # vLLM once sent both names with the same text.
    thought = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(thought, str):
        yield "thinking", thought
    content = delta.get("content")
    if isinstance(content, str):
        yield "text", content
    elif isinstance(content, list):
        for part in content:
            yield from _part(part)
    if isinstance(refusal := delta.get("refusal"), str):
        yield "refusal", refusal


def _part(part: Any) -> Iterator[tuple[Kind, str]]:
    """A part of a content that is a list, as Mistral's models that think write it."""
    if not isinstance(part, Mapping):
        return
    if isinstance(text := part.get("text"), str):
        yield "text", text
    thought = part.get("thinking")
    for one in thought if isinstance(thought, list) else [{"text": thought}]:
        if isinstance(one, Mapping) and isinstance(text := one.get("text"), str):
            yield "thinking", text


def _logprobs(given: Any) -> tuple[Json, ...]:
    content = given.get("content") if isinstance(given, Mapping) else None
    return tuple(one for one in content if isinstance(one, dict)) if isinstance(content, list) else ()


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
