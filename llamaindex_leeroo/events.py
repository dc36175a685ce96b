"""What Leeroo tells LlamaIndex's instrumentation: spans of its calls, and a `RoutingEvent` at the end of each."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import llama_index.core.instrumentation as instrument
from llama_index.core.instrumentation.event_handlers import NullEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.span_handlers import NullSpanHandler

from leeroo.routing.news import News

dispatcher = instrument.get_dispatcher(__name__)  # type: ignore[attr-defined]


def with_parents(source: Any) -> list[Any]:
    """A dispatcher and those that its events and spans go on to."""
    found = [source]
    while found[-1].propagate:
        found.append(found[-1].parent)
    return found


EVENTS = with_parents(dispatcher)


class RoutingEvent(BaseEvent):
    """One routed call has ended, or was refused before it began; or, of one that consults, what is going on.

    Attributes:
        stage: "ended" once a call; before, of a call that consults, "asking", "answered", "failed" and "stopped".
        call_id: The call's id, for `leeroo.feedback`.
        expert: The expert that answered, or was to answer; None where several are asked at once.
        role: The role of the copy that made the call (`for_role`), if any.
        error: The name of the error that the call ended with, if any.
        record: The call's whole record: candidates, costs, attempts; before its end what `leeroo.routing.news` says
            of the step. No prompt text and no secret is in it.
    """

    stage: str = "ended"
    call_id: str | None = None
    expert: str | None = None
    role: str | None = None
    error: str | None = None
    record: dict[str, Any]

    @classmethod
    def class_name(cls) -> str:
        """The event's name."""
        return "RoutingEvent"


def tell(record: dict[str, Any], role: str | None, error: BaseException | None = None) -> None:
    """Emit the event of a call. The dispatcher swallows what its handlers raise, so nothing is enforced here."""
    if heard(EVENTS):
        dispatcher.event(
            RoutingEvent(
                call_id=record.get("call_id"),
                expert=record.get("expert"),
                role=role,
                error=type(error).__name__ if error else None,
                record=record,
            )
        )


def tell_news(news: Iterable[News], role: str | None) -> None:
    """Emit an event of each step of a consultation."""
    if heard(EVENTS):
        for stage, told in news:
            dispatcher.event(
                RoutingEvent(
                    stage=stage, call_id=told["call_id"], expert=told.get("expert"), role=role, record=dict(told)
                )
            )


def heard(dispatchers: Sequence[Any]) -> bool:
    """Whether anybody listens to any of these: what goes nowhere is not worth its making."""
    for each in dispatchers:
        for handler in (*each.event_handlers, *each.span_handlers):
            if not isinstance(handler, (NullEventHandler, NullSpanHandler)):
                return True
    return False


def span_if_heard(plain: Callable[..., Any], spanned: Any, module: str) -> Callable[..., Any]:
    """A method that makes its span only while somebody listens: what it costs, every call would pay.

    Args:
        plain: The method.
        spanned: The same as LlamaIndex wrapped it.
        module: Where its class stands, which names the dispatcher of its spans.
    """
    sources = [dispatcher, *with_parents(instrument.get_dispatcher(module))]  # type: ignore[attr-defined]

    def chosen(owner: Any) -> Any:
        return (spanned if heard(sources) else plain).__get__(owner, type(owner))

    if inspect.iscoroutinefunction(plain):

        @wraps(plain)
        async def amethod(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await chosen(self)(*args, **kwargs)

        return amethod

    @wraps(plain)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return chosen(self)(*args, **kwargs)

    return method
