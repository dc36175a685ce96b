"""How much a model can write, thought included: its own limit, told by its name."""

import re
from functools import lru_cache

from leeroo.pool.names import resolve

UNKNOWN = 4_096
"""Output tokens assumed of a model whose limit is not known: what nearly every endpoint accepts."""
UNKNOWN_THINKING = 16_384
"""The same for a model that thinks before it answers."""

# Canonical id -> output tokens; the first that matches holds. From the makers' model pages, 2026-11:
# platform.openai.com, docs.claude.com, ai.google.dev.
_LIMITS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"gpt-5(\.\d)?-chat", 16_384),
        (r"gpt-5\.3-codex-spark", 32_000),
        (r"gpt-[56](?![\d.]*-image)", 128_000),
        (r"o1-preview", 32_768),
        (r"o1-mini", 65_536),
        (r"o[134]\b", 100_000),
        (r"gpt-4\.1", 32_768),
        (r"gpt-4o-2024-05-13", 4_096),
        (r"gpt-4o", 16_384),
        (r"gpt-4-(turbo|1106|0125)|gpt-3\.5", 4_096),
        (r"claude-3-(opus|sonnet|haiku)", 4_096),
        (r"claude-3[-.]5", 8_192),
        (r"claude-3[-.]7", 64_000),
        (r"claude-opus-4([-.]1)?(-20|-thinking|$)", 32_000),
        (r"claude-(opus|sonnet|haiku)-[4-9]", 64_000),
        (r"gemini-(1\.5|2\.0)", 8_192),
        (r"gemini-(2\.5|[3-9])", 65_536),
    )
)


@lru_cache(maxsize=1024)
def output_limit(model_id: str) -> int:
    """Most output tokens that a model can give, what it thinks included; a cautious assumption where it is not known.

    Args:
        model_id: As people write it.
    """
    found = resolve(model_id)
    if found is None:
        return UNKNOWN
    for pattern, tokens in _LIMITS:
        if pattern.match(found.model):
            return tokens
    return UNKNOWN_THINKING if found.row.reasoning == "yes" or found.effort is not None else UNKNOWN
