"""Cached tokens stand under Anthropic's or DeepSeek's names in an answer of OpenAI's form, in the input or beside it.

Met in BerriAI/litellm#29265 (no details: charged in full) and Aider-AI/aider#5518 (within the input: charged twice).
"""

import pytest

from leeroo import Expert, Price
from leeroo.endpoints.chat_format import usage_of

PRICE = Price(input=3, output=15, cached_input=0.3, cache_write=3.75)
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("reported", "read", "cached", "usd"),
    [
        ({"prompt_tokens": 1000, "cache_read_input_tokens": 900}, 1000, 900, (100 * 3 + 900 * 0.3) / MILLION),
        (
            {"prompt_tokens": 1000, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 300,
             "prompt_tokens_details": None},
            1000, 600, (100 * 3 + 600 * 0.3 + 300 * 3.75) / MILLION,
        ),
        ({"prompt_tokens": 1000, "prompt_cache_hit_tokens": 900, "prompt_cache_miss_tokens": 100},
         1000, 900, (100 * 3 + 900 * 0.3) / MILLION),
        # beside the input, as Anthropic itself counts
        ({"prompt_tokens": 100, "cache_read_input_tokens": 900}, 1000, 900, (100 * 3 + 900 * 0.3) / MILLION),
        # under both names
        ({"prompt_tokens": 1000, "cache_read_input_tokens": 900, "prompt_tokens_details": {"cached_tokens": 900}},
         1000, 900, (100 * 3 + 900 * 0.3) / MILLION),
        ({"prompt_tokens": 1000, "cache_read_input_tokens": -5}, 1000, 0, 1000 * 3 / MILLION),
        ({"prompt_tokens": 1000, "cache_read_input_tokens": "many"}, 1000, 0, 1000 * 3 / MILLION),
    ],
)  # fmt: skip
def test_they_are_charged_once_and_as_cached(reported, read, cached, usd):
    reported = {**reported, "completion_tokens": 1, "total_tokens": reported["prompt_tokens"] + 1}
    usage = usage_of(reported, "x", "y", Expert(model="openai:m", price=PRICE))
    assert (usage.input_tokens, usage.cached_tokens) == (read, cached)
    cost = PRICE.cost(usage.input_tokens, 0, usage.cached_tokens, usage.kinds) / 1e9
    assert cost == pytest.approx(usd)
