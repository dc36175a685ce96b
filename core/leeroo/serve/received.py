"""What an expert's stream has brought so far: `Received`."""

from collections.abc import Iterator
from typing import Any

from leeroo.endpoints.bounded import BadAnswer
from leeroo.endpoints.chat_format import text_of, tool_call_ids
from leeroo.endpoints.worth import BROKEN_OFF
from leeroo.routing.answers import UselessAnswer, useless
from leeroo.routing.attempt import Attempt
from leeroo.routing.written import Written

Json = dict[str, Any]


class Received:
    """What one expert's stream has brought so far, and what of it may go to the client now.

    Pieces that say nothing yet are held back, so that another expert can still answer; so is the piece that ends the
    answer, so that the call's record can be on it.

    Attributes:
        started: Whether something has gone to the client.
        finished: Whether the expert has ended its answer.
        reason: Why, where it says so.
        broken: Whether the answer failed behind the expert's endpoint.
        usage: What the expert reports to have used.
        service: The service tier that it says has served.
        was_cut: Whether it was ended here, because it went on past its cap.
        written: What it has written, against its cap.
    """

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.reason: str | None = None
        self.broken = False
        self.usage: Json | None = None
        self.service: Any = None
        self.written = Written(token_a_piece=True)
        self.was_cut = False
        self._held: list[Json] = []
        self._deltas: list[Json] = []

    def take(self, piece: Json) -> Iterator[Json]:
        """Note a piece, and give out what may go to the client now."""
        self.usage = piece.get("usage") or self.usage
        self.service = piece.get("service_tier") or self.service
        choices = piece.get("choices") or []
        if not choices:
            # Usage alone: ours goes out at the end. Some leave the finish reason out, and this is the end.
            self.finished = self.finished or (bool(piece.get("usage")) and self.started)
            return
        choice = choices[0]
        delta = choice.get("delta") or {}
        self.written.add(text_of(delta))
        if delta.get("tool_calls"):
            self._deltas.append(delta)
        self._held.append(piece)
        self.broken = self.broken or choice.get("finish_reason") == "error"
        if choice.get("finish_reason"):
            self.finished = True
            self.reason = choice["finish_reason"]
        if not self.finished and (self.started or _says_something(delta)):
            yield from self._release()

    def last(self) -> Iterator[Json]:
        """What was held back until the end; the last one is the piece that ends the answer."""
        if self.reason is None and not self.was_cut:
            self._held.append(_end("stop"))
        yield from self._release()

    def check(self, expert: str) -> None:
        """See that the stream has ended as streams do.

        Raises:
            BadAnswer: It broke off, or was broken off.
        """
        if self.broken:
            raise BadAnswer(BROKEN_OFF.format(expert))
        if not self.finished:
            raise BadAnswer(f"The stream of expert {expert!r} ended before its answer did.")

    @property
    def wrong(self) -> UselessAnswer | None:
        """What makes it an answer of no use, as long as nothing has gone to the client."""
        return None if self.started else useless(self.reason, visible=False)

    def passes(self, attempt: Attempt) -> bool:
        """Whether more has come than the output cap allows."""
        return self.written.passes(attempt)

    def cut(self) -> None:
        """End the answer here, as an endpoint that heeds the cap would have."""
        self.was_cut = self.finished = True
        self._held.append(_end("length"))

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


def _end(reason: str) -> Json:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason, "logprobs": None}]}


def _says_something(delta: Json) -> bool:
    return any(value for key, value in delta.items() if key != "role")
