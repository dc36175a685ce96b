"""Marks to cache a prompt: sent to experts that need them (`asking`), and left out where they would be refused.

LlamaIndex's own way are `CachePoint` blocks and `additional_kwargs["cache_control"]` of messages. Its OpenAI classes
know no `CachePoint` (llama-index-llms-openai 0.8.3, 2026-11) and the newest message may be a tool's result, where
Anthropic takes no mark in the place that its class would give it (llama-index-llms-anthropic, 2026-11). So the setting
`prompt_cache` of an expert asks by a field of the request's body, which Anthropic and OpenRouter apply to its end.
"""

from collections.abc import Mapping
from typing import Any

from llama_index.core.base.llms.types import CachePoint, ChatMessage
from llama_index.core.llms import LLM

from leeroo import Expert, Query
from leeroo.pool.caching import mark, server_of, takes_marks
from leeroo.pool.extras import BODY
from llamaindex_leeroo.lending import is_openai_family

_FIELD = "cache_control"
_BY_BODY = frozenset({"anthropic", "openrouter"})


def asking(expert: Expert, query: Query, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The kwargs for an expert's LLM, with what asks its provider to cache the prompt.

    Args:
        expert: Who is asked.
        query: The request, which may have marks of its own: then nothing is added.
        kwargs: What the LLM would be called with.
    """
    if expert.prompt_cache is None or query.cache_writes is not None or server_of(expert) not in _BY_BODY:
        return dict(kwargs)
    return {**kwargs, BODY: {_FIELD: mark(expert.prompt_cache), **(kwargs.get(BODY) or {})}}


def without_marks(messages: list[ChatMessage], expert: Expert, kind: type[LLM]) -> list[ChatMessage]:
    """The messages without marks that an expert's LLM or its provider would refuse.

    Args:
        messages: Copies that may be changed.
        expert: Who is asked.
        kind: The class of its LLM.
    """
    refused = not takes_marks(expert)
    if not refused and not is_openai_family(kind):
        return messages
    for message in messages:
        if any(isinstance(block, CachePoint) for block in message.blocks):
            message.blocks = [block for block in message.blocks if not isinstance(block, CachePoint)]
        if refused:
            message.additional_kwargs.pop(_FIELD, None)
    return messages
