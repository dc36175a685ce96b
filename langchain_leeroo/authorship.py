"""What only the author of a turn can read: thinking and its signatures, left out where a turn goes to somebody else.

Providers sign or encrypt their models' thinking and refuse a history that holds another's. The author gets its own back
untouched: it wants it, above all in a tool loop.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from langchain_leeroo.messages import expert_of

_THINKING = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_content"})
_SIGNATURES = ("signature", "thought_signature", "thoughtSignature", "encrypted_content")
_FIELDS = (
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "thinking",
    "thinking_blocks",
    "__gemini_function_call_thought_signatures__",
)
"""Places of thinking and signatures in `additional_kwargs`."""


def readable_by(messages: Sequence[BaseMessage], expert: str, provider: Callable[[], str | None]) -> list[BaseMessage]:
    """The messages as an expert can read them: without what others thought.

    Args:
        messages: The history.
        expert: Name of the expert that is asked.
        provider: Gives its provider's name as LangChain writes it, None where it is not known. Asked for turns whose
            expert is not known, as of a history from elsewhere.

    Returns:
        The same objects where nothing had to be left out.
    """
    return [
        _without_thinking(one) if isinstance(one, AIMessage) and _is_foreign(one, expert, provider) else one
        for one in messages
    ]


def _is_foreign(message: AIMessage, expert: str, provider: Callable[[], str | None]) -> bool:
    if not isinstance(message.content, list) and not any(key in message.additional_kwargs for key in _FIELDS):
        return False  # most messages: there is nothing to leave out
    author = expert_of(message)
    if author is not None:
        return author != expert
    wrote = message.response_metadata.get("model_provider")
    asked = provider() if isinstance(wrote, str) else None
    return asked is not None and _family(str(wrote)) != _family(asked)


def _family(provider: str) -> str:
    """Google's two packages write one provider's messages."""
    return "google" if provider.startswith("google") else provider


def _without_thinking(message: AIMessage) -> AIMessage:
    content = message.content
    if isinstance(content, list):
        content = [_unsigned(block) for block in content if not _is_thinking(block)]
    kept = {key: value for key, value in message.additional_kwargs.items() if key not in _FIELDS}
    if content == message.content and kept == message.additional_kwargs:
        return message
    return message.model_copy(update={"content": content or "", "additional_kwargs": kept})


def _is_thinking(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") in _THINKING


def _unsigned(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return block
    kept = {key: value for key, value in block.items() if key not in _SIGNATURES}
    if isinstance(extras := kept.get("extras"), Mapping):
        kept["extras"] = {key: value for key, value in extras.items() if key not in _SIGNATURES}
    return kept
