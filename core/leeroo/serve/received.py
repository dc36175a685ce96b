"""What an expert's stream has brought so far: `Received`."""

from collections.abc import Iterator
from typing import Any

from leeroo.endpoints.chat_format import text_of, tool_call_ids
from leeroo.routing.attempt import Attempt
from leeroo.routing.written import Written

Json = dict[str, Any]


class Received:
    """What one expert's stream has brought so far, and what of it may go to the client now.

    Pieces that say nothing yet are held back, so that another expert can still answer; so is the piece that ends the
    answer, so that the call's record can be on it.

    Attributes:
        started: Whether something has gone to the client.
        finished: Whether the expert has said why it ended.
        usage: What the expert reports to have used.
        was_cut: Whether it was ended here, because it went on past its cap.
        written: What it has written, against its cap.
    """

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.usage: Json | None = None
        self.written = Written(token_a_piece=True)
        self.was_cut = False
        self._held: list[Json] = []
        self._deltas: list[Json] = []

    def take(self, piece: Json) -> Iterator[Json]:
        """Note a piece, and give out what may go to the client now."""
        self.usage = piece.get("usage") or self.usage
        choices = piece.get("choices") or []
        if not choices:
            return  # usage alone: ours goes out at the end
        choice = choices[0]
        delta = choice.get("delta") or {}
        self.written.add(text_of(delta))
        if delta.get("tool_calls"):
            self._deltas.append(delta)
        self._held.append(piece)
        if choice.get("finish_reason"):
            self.finished = True
        if not self.finished and (self.started or _says_something(delta)):
            yield from self._release()

    def last(self) -> Iterator[Json]:
        """What was held back until the end; the last one is the piece that ends the answer."""
        yield from self._release()

    def passes(self, attempt: Attempt) -> bool:
        """Whether more has come than the output cap allows."""
        return self.written.passes(attempt)

    def cut(self) -> None:
        """End the answer here, as an endpoint that heeds the cap would have."""
        self.was_cut = self.finished = True
        self._held.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "length", "logprobs": None}]})

    @property
    def text(self) -> str:
        """All text so far."""
        return self.written.text

    @property
    def tool_call_ids(self) -> tuple[str, ...]:
        """Ids of the tool calls so far."""
        return tool_call_ids(self._deltas)

    def _release(self) -> Iterator[Json]:
        held, self._held = self._held, []
        for piece in held:
            self.started = True
            yield piece


def _says_something(delta: Json) -> bool:
    return any(value for key, value in delta.items() if key != "role")
