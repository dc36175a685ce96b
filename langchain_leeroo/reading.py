"""What of a request counts as input: everything that an expert is forwarded, whatever field it hides in (`read`)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from leeroo.endpoints.chat_format import read_message
from leeroo.pool.forwarded import everything, medium_of
from leeroo.query import Capability

LONG_ID = 100
"""Characters: ids of messages are shorter, and most are sent to nobody."""
_CALLS = frozenset({"tool_use", "tool_call", "function_call"})


class Read(NamedTuple):
    """What messages say.

    Attributes:
        prompt: What the expert reads.
        rest: What else is sent, of which only its endpoint knows whether it is read.
        media: Parts that are pictures, sounds or documents.
        needs: What an expert must be able to do to read those.
    """

    prompt: str
    rest: str
    media: list[Mapping[str, Any]]
    needs: set[Capability]


def read(messages: Sequence[BaseMessage]) -> Read:
    """Read messages.

    Args:
        messages: The messages.
    """
    texts: list[str] = []
    rest: list[str] = []
    media: list[Mapping[str, Any]] = []
    for message in messages:
        calls = message.tool_calls if isinstance(message, AIMessage) else []
        if calls:
            texts.append(json.dumps(calls, default=str))
        if isinstance(message.content, str):
            texts.append(message.content)
        else:
            said, beside = read_message({"content": _parts(message.content, calls, rest)}, media)
            texts += said
            rest += beside
        _beside(message, calls, rest)
    needs = {need for part in media if (need := medium_of(part)) is not None}
    return Read("\n".join(filter(None, texts)), "\n".join(filter(None, rest)), media, needs)


def beside(sent: Mapping[str, Any], but: Iterable[str] = ()) -> str:
    """What is sent beside the messages; plain numbers are settings that no model reads.

    Args:
        sent: Kwargs for the expert.
        but: Names that are counted elsewhere.
    """
    left = set(but)
    said = {k: v for k, v in sent.items() if k not in left and v is not None and not isinstance(v, (int, float))}
    return everything(said) if said else ""


def _parts(content: Sequence[Any], calls: Sequence[Any], rest: list[str]) -> list[Mapping[str, Any]]:
    """The parts of a message; those that say again what is in its tool calls go to `rest`."""
    known = {call["id"] for call in calls}
    found: list[Mapping[str, Any]] = []
    for part in content:
        if isinstance(part, str):
            found.append({"type": "text", "text": part})
        elif part.get("type") in _CALLS and part.get("call_id", part.get("id")) in known:
            rest.append(everything(part))
        else:
            found.append(part)
    return found


def _beside(message: BaseMessage, calls: Sequence[Any], rest: list[str]) -> None:
    """What of a message is sent beside its content."""
    extra = message.additional_kwargs
    if extra:
        # As OpenAI has them, and as LangChain has read them: one of the two is sent.
        rest.append(everything(extra, but=("tool_calls", "function_call") if calls else ()))
    if message.name:
        rest.append(message.name)
    if message.id and len(message.id) > LONG_ID:
        rest.append(message.id)
    if isinstance(message, ToolMessage):
        rest.append(message.tool_call_id)
    elif isinstance(message, AIMessage) and message.invalid_tool_calls:
        rest.append(everything(list(message.invalid_tool_calls)))
