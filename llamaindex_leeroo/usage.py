"""What a call has used: read from what experts report (`claim_of`, `Tally`), or overheard (`Listener`)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse, ThinkingBlock, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload

from leeroo import Expert, Usage
from leeroo.pool.kinds import PLAIN, Kinds, kinds_of, most_of
from leeroo.pool.tokens import count_text
from leeroo.routing.attempt import Attempt
from leeroo.routing.usage import Claim, read_usage
from leeroo.routing.written import Written

INPUT = ("prompt_tokens", "input_tokens", "prompt_token_count")
OUTPUT = ("completion_tokens", "output_tokens", "candidates_token_count")
TOTAL = ("total_tokens", "total_token_count")
THOUGHT = ("reasoning_tokens", "thoughts_token_count")
INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")
KINDS = (
    *INPUT_DETAILS, *OUTPUT_DETAILS, "cache_creation_input_tokens", "cache_creation", "server_tool_use",
    "num_search_queries", "service_tier",
)  # fmt: skip
"""What of a usage has a price of its own."""
SEARCH = "web_search_call"


def claim_of(response: Any) -> Claim | None:
    """The usage that a response reports in `raw` (a dict or an SDK's object) or beside it, as it came."""
    for place in (*_places(getattr(response, "raw", None)), getattr(response, "additional_kwargs", None)):
        found = _read(place) if place else None
        if found is not None:
            return found
    return None


def kinds_in(response: Any) -> Kinds:
    """What a response reports to have used that has a price of its own, and which service tier it names."""
    raw = getattr(response, "raw", None)
    service = _get(raw, "service_tier")
    found = PLAIN if service is None else kinds_of(None, service)
    for place in filter(None, _places(raw)):
        found = most_of(found, kinds_of({name: _plain(_get(place, name)) for name in KINDS}, service))
    output = _get(raw, "output")
    if isinstance(output, list):  # OpenAI's responses tell each search, and their usage none
        found = found._replace(searches=sum(_get(item, "type") == SEARCH for item in output))
    return found


def _places(raw: Any) -> tuple[Any, ...]:
    """Where a response may report its usage."""
    return _get(raw, "usage"), _get(raw, "usage_metadata"), _get(_get(raw, "message"), "usage")


def _plain(value: Any) -> Any:
    """A part of a usage as a mapping, where it is an SDK's object."""
    if isinstance(value, (str, int, Mapping)) or value is None:
        return value
    return {**getattr(value, "__dict__", {}), **(getattr(value, "model_extra", None) or {})}


def _read(usage: Any) -> Claim | None:
    taken, given = _first(usage, INPUT), _first(usage, OUTPUT)
    if taken is None and given is None:
        return None
    thought = _first(usage, THOUGHT) or _within(usage, OUTPUT_DETAILS, THOUGHT)
    cached = _within(usage, INPUT_DETAILS, ("cached_tokens",))  # part of the input
    if cached is None:  # LiteLLM repeats it under Anthropic's names
        # Anthropic counts what it reads from and writes to its cache beside the input.
        beside = ("cache_read_input_tokens", "cache_creation_input_tokens")
        cached, written = (_first(usage, (name,)) or 0 for name in beside)
        if all(type(number) is int for number in (taken, cached, written)):
            taken = taken + cached + written
    return Claim(taken, given, _first(usage, TOTAL), thought, cached)


def _within(usage: Any, details: tuple[str, ...], names: tuple[str, ...]) -> Any:
    return next((found for d in details if (found := _first(_get(usage, d), names)) is not None), None)


def _first(place: Any, names: tuple[str, ...]) -> Any:
    """The first of these values that is there."""
    return next((value for name in names if (value := _get(place, name)) is not None), None)


def _get(place: Any, name: str) -> Any:
    if isinstance(place, BaseModel):  # asked for an attribute, it looks long for what it lacks
        place = vars(place) if name in vars(place) else place.model_extra
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)


class Tally:
    """Counts one attempt: the usage that was reported, else an estimate from the text that has been seen.

    Args:
        expert: Whose tokens are counted.
        input_tokens: The router's estimate of the input.
        input_upper: The most that the input can have.

    Attributes:
        tool_call_ids: Of the tool calls that the answer makes.
        seen: Whether there was any answer.
        cut: What a stream that was ended here counts for, because it went on past its cap.
    """

    def __init__(self, expert: Expert, input_tokens: int, input_upper: int) -> None:
        self._expert = expert
        self._input = input_tokens
        self._upper = input_upper
        self._claim: Claim | None = None
        self._kinds = PLAIN
        self._last: Any = ""
        self._deltas: list[str] = []
        self.tool_call_ids: tuple[str, ...] = ()
        self.seen = False
        self.cut: Usage | None = None
        self._written = Written()
        self._length = 0

    def passes(self, item: Any, attempt: Attempt) -> bool:
        """Note a piece of a stream, and say whether more has come than the attempt's output cap allows."""
        if self.cut is not None:
            return True
        delta = getattr(item, "delta", None) or ""
        thought = getattr(item, "additional_kwargs", {}).get("thinking_delta") or ""
        if not delta and not thought:  # tools' arguments and objects grow from piece to piece
            text = _text(item)
            delta, self._length = text[self._length :], max(self._length, len(text))
        elif isinstance(item, ChatResponse):
            self._length = max(self._length, len(_text(item)))
        self._written.add(f"{thought}{delta}")
        if self._written.passes(attempt):
            self.cut = self._written.usage(attempt)
        return self.cut is not None

    def see(self, item: Any) -> None:
        """Take note of a response, a streamed piece of one, or a structured object."""
        self.seen = True
        self._last = item
        self._claim = _newest(self._claim, claim_of(item))
        self._kinds = most_of(self._kinds, kinds_in(item))
        if isinstance(item, ChatResponse):
            calls = [b for b in item.message.blocks if isinstance(b, ToolCallBlock)]
            if calls:
                self.tool_call_ids = tuple(b.tool_call_id for b in calls if b.tool_call_id)
        delta = getattr(item, "delta", None)
        if delta:
            self._deltas.append(delta)

    def usage(self, overheard: Usage | None = None) -> Usage:
        """What has been used so far."""
        if self.cut is not None:
            return self.cut
        if overheard is not None:
            return overheard
        # Some integrations stream a growing text, others only its pieces.
        return self._usage(self._claim, self._kinds, lambda: max(_text(self._last), "".join(self._deltas), key=len))

    def usage_of(self, response: Any) -> Usage:
        """What one response of several has used."""
        return self._usage(claim_of(response), kinds_in(response), lambda: _text(response))

    def _usage(self, claim: Claim | None, kinds: Kinds, text: Callable[[], str]) -> Usage:
        def counted() -> Usage:
            return Usage(self._input, count_text(text(), self._expert), estimated=True)

        usage = read_usage(claim, counted, sent=self._upper, expert=self._expert.name)
        return usage if kinds == PLAIN else replace(usage, kinds=kinds)


def _newest(before: Claim | None, now: Claim | None) -> Claim | None:
    """The newest of each number: some providers tell the input at the beginning and the output at the end."""
    if before is None or now is None:
        return now or before
    return Claim(*(old if new is None else new for old, new in zip(before, now, strict=True)))


def _text(item: Any) -> str:
    """What an expert wrote, for counting; its thoughts are paid for, too."""
    if isinstance(item, ChatResponse):
        return "".join(_written(block) for block in item.message.blocks)
    if isinstance(item, CompletionResponse):
        return item.text
    return str(item.model_dump_json()) if hasattr(item, "model_dump_json") else str(item)


def _written(block: Any) -> str:
    if isinstance(block, ToolCallBlock):
        return f"{block.tool_name}{block.tool_kwargs}"
    return (block.content if isinstance(block, ThinkingBlock) else getattr(block, "text", "")) or ""


class Listener(CallbackManager):
    """Overhears the LLM events of a delegated call whose result says nothing of usage, and passes everything on.

    Args:
        inner: The callback manager that the expert would have had.
        usage_of: Tells what one response has used.

    Attributes:
        usage: What all answers have used; None where nobody has answered.
        answers: How many there were.
        response: The newest one.
        error: What the LLM has met since.
    """

    def __init__(self, inner: CallbackManager, usage_of: Callable[[Any], Usage]) -> None:
        self._inner = inner
        self._usage_of = usage_of
        self._open: set[str] = set()
        self._counted: set[str] = set()
        self.usage: Usage | None = None
        self.answers = 0
        self.response: Any = None
        self.error: BaseException | None = None

    @property
    def handlers(self) -> Any:  # type: ignore[override]
        """The inner manager's handlers."""
        return self._inner.handlers

    @property
    def trace_map(self) -> dict[str, list[str]]:
        """The inner manager's trace map."""
        return self._inner.trace_map

    def add_handler(self, handler: Any) -> None:
        """Add a handler to the inner manager."""
        self._inner.add_handler(handler)

    def remove_handler(self, handler: Any) -> None:
        """Remove a handler from the inner manager."""
        self._inner.remove_handler(handler)

    def set_handlers(self, handlers: Any) -> None:
        """Set the inner manager's handlers."""
        self._inner.set_handlers(handlers)

    def start_trace(self, trace_id: str | None = None) -> None:
        """Pass on."""
        self._inner.start_trace(trace_id)

    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        """Pass on."""
        self._inner.end_trace(trace_id, trace_map)

    def on_event_start(self, event_type: CBEventType, *args: Any, **kwargs: Any) -> str:
        """Pass on, and remember which LLM events are open: one inside another is the same call."""
        event_id = self._inner.on_event_start(event_type, *args, **kwargs)
        if event_type == CBEventType.LLM:
            if not self._open:
                self._counted.add(event_id)
            self._open.add(event_id)
        return event_id

    def on_event_end(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Add up what an outermost LLM event reports, then pass on."""
        if event_type == CBEventType.LLM and event_id is not None:
            self._open.discard(event_id)
            if event_id in self._counted:
                self._hear(payload or {})
        self._inner.on_event_end(event_type, payload, event_id=event_id or "", **kwargs)

    def _hear(self, payload: dict[str, Any]) -> None:
        error = payload.get(EventPayload.EXCEPTION)
        if error is not None:
            self.error = error
            return
        self.answers += 1
        self.error = None
        self.response = payload.get(EventPayload.RESPONSE) or payload.get(EventPayload.COMPLETION)
        used = self._usage_of(self.response)
        self.usage = used if self.usage is None else self.usage.plus(used)
