"""Marks to cache a prompt (`cache_control`), put where the chosen expert's chat model reads them.

LangChain's middlewares for prompt caching look at the model's class and do nothing for a model that routes
(langchain-anthropic 1.7.10, langchain-aws 1.9.1, langchain-fireworks 1.7.1, 2026-11). So an expert has the setting
`prompt_cache`, and what they would put into a request is put there once it is known who is asked.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.tools import BaseTool

from langchain_leeroo.requests import Request
from leeroo.endpoints.marks import unmarked, with_mark
from leeroo.pool.caching import mark, server_of, setting_of, takes_marks
from leeroo.pool.experts import Expert

KWARG = "cache_control"
"""The call's kwarg by which Anthropic's and Amazon's chat models are asked to cache up to the newest message."""
_AFFINITY = {"fireworks": "x-session-affinity", "openai": None}
"""Who brings the requests of one key to one cache, and by which header beside `prompt_cache_key`."""


class Marking(NamedTuple):
    """What an expert is asked to cache.

    Attributes:
        mark: The mark; None for none.
        whole: Whether instructions and tools are marked beside the newest message: by the expert's setting, not by the
            caller, who has chosen places of their own.
    """

    mark: Mapping[str, Any] | None = None
    whole: bool = False


def marking(request: Request, expert: Expert) -> Marking:
    """What an expert is asked to cache of a request: what the caller says, else what `prompt_cache` does."""
    given = request.kwargs.get(KWARG)
    if given is not None:
        return Marking(given) if takes_marks(expert) else Marking()
    kept = setting_of(expert) if request.query.cache_writes is None else None
    return Marking() if kept is None else Marking(mark(kept), whole=True)


def readable_marks(
    messages: list[BaseMessage], request: Request, expert: Expert, model: BaseChatModel
) -> list[BaseMessage]:
    """The messages with the marks that an expert is to see, and without those that it would refuse.

    Returns:
        The same objects where nothing changes.
    """
    if request.query.cache_writes is not None and not takes_marks(expert):
        return [_with(message, unmarked(message.content)) for message in messages]
    wanted = marking(request, expert)
    way = _way(type(model))
    if wanted.mark is None or way == "kwarg":
        return messages
    places = {0} if wanted.whole and isinstance(messages[0], SystemMessage) else set()
    if way == "blocks":
        places.add(len(messages) - 1)
    return [
        _with(message, with_mark(message.content, dict(wanted.mark)) or message.content) if i in places else message
        for i, message in enumerate(messages)
    ]


def cache_kwargs(request: Request, expert: Expert, model: BaseChatModel, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The kwargs for an expert's model, with what asks it to cache and without what it would not know."""
    kept = {key: value for key, value in kwargs.items() if key != KWARG}
    wanted = marking(request, expert)
    if wanted.mark is not None and _way(type(model)) != "blocks":
        return {**kept, KWARG: dict(wanted.mark)}
    server = server_of(expert) if expert.prompt_cache is not None and request.thread is not None else None
    if server not in _AFFINITY or "prompt_cache_key" in kept or "user" in kept:
        return kept
    kept["prompt_cache_key"] = request.thread
    if header := _AFFINITY[server]:
        kept["extra_headers"] = {header: request.thread, **(kept.get("extra_headers") or {})}
    return kept


def marked_tools(tools: Sequence[Any], request: Request, expert: Expert, model: BaseChatModel) -> list[Any]:
    """The tools, the last of them marked where Anthropic's chat model reads it."""
    found = list(tools)
    wanted = marking(request, expert)
    if wanted.whole and found and isinstance(found[-1], BaseTool) and _way(type(model)) == "both":
        extras = {**(found[-1].extras or {}), KWARG: dict(wanted.mark or {})}
        found[-1] = found[-1].model_copy(update={"extras": extras})
    return found


@lru_cache(maxsize=256)
def _way(model: type[BaseChatModel]) -> str:
    """How a class of chat models is told: by a "kwarg" alone, by "both" kwarg and blocks, or by "blocks" alone."""
    names = {cls.__name__ for cls in model.__mro__}
    if names & {"ChatBedrock", "ChatBedrockConverse"}:
        return "kwarg"
    return "both" if "ChatAnthropic" in names else "blocks"


def _with(message: BaseMessage, content: Any) -> BaseMessage:
    return message if content is message.content else message.model_copy(update={"content": content})
