"""What a call has used: read from what experts report (`usage_of`, `Tally`), or overheard (`Listener`)."""

from collections.abc import Mapping
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload

from leeroo import Expert, Usage
from leeroo.pool.tokens import count_text

INPUT_KEYS = ("prompt_tokens", "input_tokens", "prompt_token_count")
OUTPUT_KEYS = ("completion_tokens", "output_tokens", "candidates_token_count")
DETAILS = ("prompt_tokens_details", "input_tokens_details")


def usage_of(response: Any) -> Usage | None:
    """The usage that a response reports in `raw` (a dict or an SDK's object) or beside it; None where it has none."""
    raw = getattr(response, "raw", None)
    for name in ("usage", "usage_metadata"):
        found = _read(_get(raw, name))
        if found is not None:
            return found
    return _read(getattr(response, "additional_kwargs", None))


def _read(usage: Any) -> Usage | None:
    if not usage:
        return None
    taken, given = _count(usage, INPUT_KEYS), _count(usage, OUTPUT_KEYS)
    if taken is None or given is None:
        return None
    for name in DETAILS:
        within = _count(_get(usage, name), ("cached_tokens",))
        if within is not None:  # part of the input; LiteLLM repeats it under Anthropic's names
            return Usage(taken, given, cached_tokens=within)
    # Anthropic counts what it reads from and writes to its cache beside the input.
    read, written = (_count(usage, (name,)) or 0 for name in ("cache_read_input_tokens", "cache_creation_input_tokens"))
    return Usage(taken + read + written, given, cached_tokens=read)


def _count(place: Any, names: tuple[str, ...]) -> int | None:
    """The first of these numbers that is there."""
    for name in names:
        value = _get(place, name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _get(place: Any, name: str) -> Any:
    if isinstance(place, BaseModel):  # asked for an attribute, it looks long for what it lacks
        place = vars(place) if name in vars(place) else place.model_extra
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)


class Tally:
    """Counts one attempt: the usage that was reported, else an estimate from the text that has been seen.

    Args:
        expert: Whose tokens are counted.
        input_tokens: The router's estimate of the input.
    """

    def __init__(self, expert: Expert, input_tokens: int) -> None:
        self._expert = expert
        self._input = input_tokens
        self._reported: Usage | None = None
        self._last: Any = ""
        self._deltas: list[str] = []
        self.tool_call_ids: tuple[str, ...] = ()
        self.seen = False

    def see(self, item: Any) -> None:
        """Take note of a response, a streamed piece of one, or a structured object."""
        self.seen = True
        self._last = item
        self._reported = usage_of(item) or self._reported
        if isinstance(item, ChatResponse):
            calls = [b for b in item.message.blocks if isinstance(b, ToolCallBlock)]
            if calls:
                self.tool_call_ids = tuple(b.tool_call_id for b in calls if b.tool_call_id)
        delta = getattr(item, "delta", None)
        if delta:
            self._deltas.append(delta)

    def usage(self, overheard: Usage | None = None) -> Usage:
        """What has been used so far."""
        found = overheard or self._reported
        if found is not None:
            return found
        # Some integrations stream a growing text, others only its pieces.
        text = max(_text(self._last), "".join(self._deltas), key=len)
        return Usage(self._input, count_text(text, self._expert), estimated=True)


def _text(item: Any) -> str:
    """What an expert wrote, for counting."""
    if isinstance(item, ChatResponse):
        calls = [b for b in item.message.blocks if isinstance(b, ToolCallBlock)]
        return (item.message.content or "") + "".join(f"{b.tool_name}{b.tool_kwargs}" for b in calls)
    if isinstance(item, CompletionResponse):
        return item.text
    return str(item.model_dump_json()) if hasattr(item, "model_dump_json") else str(item)


class Listener(CallbackManager):
    """Overhears the LLM events of a delegated call whose result says nothing of usage, and passes everything on.

    Args:
        inner: The callback manager that the expert would have had.
    """

    def __init__(self, inner: CallbackManager) -> None:
        self._inner = inner
        self._open: set[str] = set()
        self._counted: set[str] = set()
        self.usage: Usage | None = None
        self.answers = 0
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
        used = usage_of(payload.get(EventPayload.RESPONSE) or payload.get(EventPayload.COMPLETION))
        if used is not None:
            before = self.usage or Usage(0, 0)
            self.usage = Usage(
                before.input_tokens + used.input_tokens,
                before.output_tokens + used.output_tokens,
                before.cached_tokens + used.cached_tokens,
            )
