"""What a stream has brought so far: `Received`."""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks

from langchain_leeroo.errors import Unparsed
from langchain_leeroo.messages import RECORD_KEY
from langchain_leeroo.requests import Request
from langchain_leeroo.unparsed import FORM
from langchain_leeroo.usage import running_total
from leeroo.routing.attempt import Attempt
from leeroo.routing.written import Written


class Received:
    """What a stream has brought so far.

    The piece that says it is the last one is held back until the stream ends, so that the record can be on it. Pieces
    with nothing in them are held back until one with something follows: up to there another expert may take over.

    Args:
        structured: Whether the pieces are those of an object.

    Attributes:
        started: Whether something has reached the caller.
        written: What the expert has written, against its cap.
        was_cut: Whether it was ended here, because it went on past its cap.
    """

    def __init__(self, *, structured: bool) -> None:
        self._structured = structured
        self.started = False
        self.was_cut = False
        self.written = Written()
        self._object = 0
        self._messages: list[AIMessageChunk] = []
        self._outputs: list[Any] = []
        self._held: AIMessageChunk | None = None
        self._blank: list[AIMessageChunk] = []

    def take(self, piece: Any) -> Iterator[Any]:
        """Note a piece, and give out what may go to the caller now."""
        if self._structured:
            message = piece.get("raw") if isinstance(piece, dict) else None
            if isinstance(message, AIMessageChunk):
                self._messages.append(message)
                self.written.add(_written(message))
            elif not self._messages:
                self._grown(str(piece))
            self._outputs.append(piece)
            self.started = True
            yield piece
            return
        chunk = piece if isinstance(piece, AIMessageChunk) else as_chunk(piece)
        self._messages.append(chunk)
        self.written.add(_written(chunk))
        if self._held is not None:
            held, self._held = self._held, None
            self._blank.append(held)
        if chunk.chunk_position == "last":
            self._held = chunk
            if _is_blank(chunk):
                return
            yield from self._let_go()
            return
        self._blank.append(chunk)
        if self.started or not all(map(_is_blank, self._blank)):
            yield from self._let_go()

    def _let_go(self) -> Iterator[AIMessageChunk]:
        self.started = True
        blank, self._blank = self._blank, []
        yield from blank

    def _grown(self, text: str) -> None:
        """Note an object that grows from piece to piece."""
        self.written.add(text[self._object :])
        self._object = max(self._object, len(text))

    def passes(self, attempt: Attempt) -> bool:
        """Whether more has come than the output cap allows."""
        return self.written.passes(attempt)

    def cut(self) -> None:
        """End the answer here, as an endpoint that heeds the cap would have."""
        self.was_cut = True
        if not self._structured and self._messages:
            first, said = self._messages[0], {"finish_reason": "length"}
            content: Any = [] if isinstance(first.content, list) else ""
            end = AIMessageChunk(content=content, id=first.id, response_metadata=said, chunk_position="last")
            self._messages.append(end)
            self._held = end

    def forget(self) -> None:
        """Drop what a failed expert had sent before anything reached the caller."""
        self.was_cut, self.written, self._object = False, Written(), 0
        self._messages.clear()
        self._outputs.clear()
        self._held = None
        self._blank.clear()

    def as_output(self, message: BaseMessage | None) -> Any:
        """What came, in the form of an answer that comes whole: to be judged where nothing has reached the caller."""
        return {"raw": message, "parsed": None} if self._structured else message

    def last(self, record: dict[str, Any]) -> Iterator[Any]:
        """The last piece, with the record on it, where the stream has a place for it."""
        self.started = True
        if self._structured:
            if self._messages:
                yield {"raw": AIMessageChunk(content="", response_metadata={RECORD_KEY: record})}
            return
        yield from self._let_go()
        chunk, self._held = self._held, None
        if chunk is None:
            first = self._messages[0] if self._messages else None
            content: Any = [] if first is not None and isinstance(first.content, list) else ""
            chunk = AIMessageChunk(content=content, id=first.id if first else None, chunk_position="last")
            self._messages.append(chunk)
        yield chunk.model_copy(update={"response_metadata": {**chunk.response_metadata, RECORD_KEY: record}})

    def whole_message(self) -> AIMessageChunk | None:
        """The pieces as one message."""
        if not self._messages:
            return None
        whole = add_ai_message_chunks(self._messages[0], *self._messages[1:])
        running = running_total(message.usage_metadata for message in self._messages)
        return whole if running is None else whole.model_copy(update={"usage_metadata": running})

    def whole(self) -> Any:
        """The pieces as one output, for the run's end."""
        return self._outputs[-1] if self._structured and self._outputs else self.whole_message()


def _is_blank(chunk: AIMessageChunk) -> bool:
    return not (chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs)


def _written(chunk: AIMessageChunk) -> str:
    """What a piece says, thinks, and gives to tools; other copies of the same are left out."""
    texts = [chunk.content] if isinstance(chunk.content, str) else [_text(block) for block in chunk.content]
    texts += [call["args"] or "" for call in chunk.tool_call_chunks]
    thought = chunk.additional_kwargs.get("reasoning_content")
    return "".join([*texts, thought if isinstance(thought, str) else ""])


def _text(block: Any) -> str:
    if isinstance(block, str):
        return block
    text = block.get("text") or block.get("thinking") or block.get("reasoning") or ""
    return text if isinstance(text, str) else ""


def pieces_of(output: Any, request: Request) -> list[Any]:
    """A whole answer as the pieces of its stream.

    Raises:
        Unparsed: The caller wants the object only, and there is none.
    """
    if request.structured is None:
        return [as_chunk(output)]
    if request.raw:
        return [
            {"raw": as_chunk(output["raw"])},
            {"parsed": output["parsed"]},
            {"parsing_error": output["parsing_error"]},
        ]
    return [parsed_of(output)]


def parsed_of(output: dict[str, Any]) -> Any:
    """The object of a structured answer.

    Raises:
        Unparsed: There is none. What the expert's parser says of it quotes the answer, so it is left out.
    """
    if output.get("parsing_error") is not None or output.get("parsed") is None:
        record = getattr(output.get("raw"), "response_metadata", {}).get(RECORD_KEY)
        raise Unparsed(FORM, record, "unparsable")
    return output["parsed"]


def as_chunk(message: BaseMessage) -> AIMessageChunk:
    """A whole message as the only chunk, from models that cannot stream."""
    fields = {key: value for key, value in message.__dict__.items() if key in AIMessageChunk.model_fields}
    return AIMessageChunk(**{**fields, "type": "AIMessageChunk"})
