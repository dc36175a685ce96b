"""What an answer has used: as LangChain reports it, with what has a price of its own (`usage_of`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_leeroo.reading import read
from leeroo.pool.kinds import PLAIN, SERVICES, Kinds, kinds_of, most_of
from leeroo.pool.tokens import count_text
from leeroo.query import Query
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.usage import Claim, read_usage

_NUMBERS = ("input_tokens", "output_tokens", "total_tokens")
_SEARCHES = frozenset({"web_search_call"})
_TOOLS = frozenset({"server_tool_use", "server_tool_call"})
"""How providers' own tools stand in a message."""


def usage_of(message: BaseMessage | None, query: Query, attempt: Attempt) -> Usage:
    """What an answer used: as reported where that can be right, else counted here and marked as an estimate.

    Args:
        message: The answer, or as much of it as arrived.
        query: What was asked.
        attempt: Who was asked.
    """
    reported: Any = getattr(message, "usage_metadata", None)
    reported = reported if isinstance(reported, Mapping) else {}
    if reported.get("total_cost") == 0 and "total_cost" in reported:
        return Usage(0, 0)  # LangChain marks what came from its own cache so: nobody was asked
    expert = attempt.expert

    def counted() -> Usage:
        sent = f"{query.prompt}\n{query.rest}" if query.rest else query.prompt
        return Usage(
            count_text(sent, expert), count_text(read([message]).prompt if message is not None else "", expert)
        )

    # Absent numbers are zeros here: what reports nothing but zeros has reported nothing.
    claim = _claim(reported) if reported.get("input_tokens") or reported.get("output_tokens") else None
    usage = read_usage(claim, counted, sent=attempt.candidate.input_upper, expert=expert.name)
    kinds = PLAIN if message is None else _kinds(message, reported)
    return usage if kinds == PLAIN else replace(usage, kinds=kinds)


def running_total(reported: Iterable[Any]) -> Any:
    """The last of a stream's usages, where each tells all so far: then none of its numbers ever falls.

    Args:
        reported: The `usage_metadata` of each piece, None where it has none.

    Returns:
        The last one; None where the pieces are parts, to be added up.
    """
    told = [usage for usage in reported if isinstance(usage, Mapping)]
    if len(told) < 2:
        return None
    rows = [[usage.get(name) or 0 for name in _NUMBERS] for usage in told]
    rises = all(a <= b for before, now in pairwise(rows) for a, b in zip(before, now, strict=True))
    return told[-1] if rises else None


def _claim(reported: Mapping[str, Any]) -> Claim:
    taken, given = _details(reported, "input_token_details"), _details(reported, "output_token_details")
    read_in, written, total = (reported.get(name) for name in _NUMBERS)
    return Claim(read_in, written, total, given.get("reasoning"), taken.get("cache_read"))


def _details(reported: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Details without the service tier that LangChain writes before them."""
    found = reported.get(name)
    if not isinstance(found, Mapping):
        return {}
    return {k.partition("_")[2] if k.partition("_")[0] in SERVICES else k: v for k, v in found.items()}


def _kinds(message: BaseMessage, reported: Mapping[str, Any]) -> Kinds:
    """The kinds in LangChain's own form and in the provider's, which is there where the answer came whole."""
    said = message.response_metadata
    raw = said.get("token_usage") or said.get("usage")
    taken, given = _details(reported, "input_token_details"), _details(reported, "output_token_details")
    own = {
        "cache_creation_input_tokens": taken.get("cache_creation"),
        "cache_creation": taken,
        "prompt_tokens_details": {"audio_tokens": taken.get("audio")},
        "completion_tokens_details": {"audio_tokens": given.get("audio"), "image_tokens": given.get("image")},
    }
    service = said.get("service_tier")
    prefixed = next((tier for tier in SERVICES if tier in (reported.get("output_token_details") or ())), None)
    ours, theirs = kinds_of(own, prefixed or service), kinds_of(raw, prefixed or service)
    kinds = most_of(ours, theirs)
    searched = _searches(message.content) if isinstance(message.content, list) else 0
    return kinds._replace(searches=searched) if searched > kinds.searches else kinds


def _searches(content: Sequence[Any]) -> int:
    """Searches of the web that stand in an answer, for providers whose usage does not tell them."""
    blocks = [block for block in content if isinstance(block, Mapping)]
    return sum(
        block.get("type") in _SEARCHES or (block.get("type") in _TOOLS and block.get("name") == "web_search")
        for block in blocks
    )
