"""What Leeroo tells LlamaIndex's instrumentation: `RoutingEvent`."""

from typing import Any

import llama_index.core.instrumentation as instrument
from llama_index.core.instrumentation.event_handlers import NullEventHandler
from llama_index.core.instrumentation.events import BaseEvent

dispatcher = instrument.get_dispatcher(__name__)  # type: ignore[attr-defined]


class RoutingEvent(BaseEvent):
    """One routed call has ended, or was refused before it began.

    Attributes:
        call_id: The call's id, for `leeroo.feedback`.
        expert: The expert that answered, or was to answer.
        role: The role of the copy that made the call (`for_role`), if any.
        error: The name of the error that the call ended with, if any.
        record: The call's whole record: candidates, costs, attempts. No prompt text and no secret is in it.
    """

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
    if _heard():
        dispatcher.event(
            RoutingEvent(
                call_id=record.get("call_id"),
                expert=record.get("expert"),
                role=role,
                error=type(error).__name__ if error else None,
                record=record,
            )
        )


def _heard() -> bool:
    """Whether anybody listens: an event that goes nowhere is not worth its making."""
    current = dispatcher
    while current is not None:
        if any(not isinstance(handler, NullEventHandler) for handler in current.event_handlers):
            return True
        if not current.propagate:
            return False
        current = current.parent
    return False
