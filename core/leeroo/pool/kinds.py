"""What a call has used that costs otherwise than plain text: `Kinds`, and how a reported usage tells it."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MOST = 20_000_000
"""More tokens than any call uses; what is reported beyond is not believed."""
MOST_SEARCHES = 1_000
"""The same of searches, each of which costs a cent or so."""


class Kinds(NamedTuple):
    """The parts of a call's tokens that have prices of their own, and what is paid beside tokens.

    Attributes:
        cache_write: Input tokens written to the provider's cache for about five minutes, or as long as it always is.
        cache_write_1h: Input tokens written to the cache for an hour.
        audio_input: Input tokens of sound.
        audio_output: Output tokens of sound.
        image_output: Output tokens of pictures.
        searches: Searches of the web that the provider made.
        service: The tier that served the call, such as "priority" or "flex"; None: the standard one.
    """

    cache_write: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_output: int = 0
    searches: int = 0
    service: str | None = None


PLAIN = Kinds()
SERVICES = frozenset({"priority", "flex", "fast"})
"""Service tiers that some providers have a price for."""


def kinds_of(reported: Any, service: Any = None) -> Kinds:
    """The kinds in a `usage` as OpenAI, Anthropic, OpenRouter, Perplexity or a gateway in front of them reports it.

    Never raises; what is missing or impossible counts as none.

    Args:
        reported: The answer's `usage`, as it came.
        service: The answer's own `service_tier`, which tells who served it, where it has one.
    """
    usage = _mapping(reported)
    taken = _mapping(usage.get("prompt_tokens_details")) or _mapping(usage.get("input_tokens_details"))
    given = _mapping(usage.get("completion_tokens_details")) or _mapping(usage.get("output_tokens_details"))
    created = _mapping(usage.get("cache_creation"))
    hour = _number(created.get("ephemeral_1h_input_tokens"))
    written = _number(usage.get("cache_creation_input_tokens")) or _number(taken.get("cache_write_tokens"))
    # The total holds both; where only the parts are told, it is their sum.
    written = max(written, hour + _number(created.get("ephemeral_5m_input_tokens")))
    tier = service if isinstance(service, str) else usage.get("service_tier")
    return Kinds(
        written - hour,
        hour,
        _number(taken.get("audio_tokens")),
        _number(given.get("audio_tokens")),
        _number(given.get("image_tokens")),
        max(
            _number(_mapping(usage.get("server_tool_use")).get("web_search_requests"), MOST_SEARCHES),
            _number(usage.get("num_search_queries"), MOST_SEARCHES),
        ),
        tier if isinstance(tier, str) and tier not in ("", "default", "standard", "auto") else None,
    )


def most_of(one: Kinds, other: Kinds) -> Kinds:
    """What two reports of the same call say together: the larger of each number, and the tier that either names."""
    return _joined(one, other, max)


def sum_of(one: Kinds, other: Kinds) -> Kinds:
    """What two calls have used together."""
    return _joined(one, other, operator.add)


def _joined(one: Kinds, other: Kinds, how: Callable[[int, int], int]) -> Kinds:
    """Every number of both as `how` says; the tier stands last."""
    return Kinds._make([*map(how, one[:-1], other[:-1]), one.service or other.service])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any, most: int = MOST) -> int:
    return value if type(value) is int and 0 <= value <= most else 0
