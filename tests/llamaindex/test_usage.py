"""Usage as experts report it: one number of input tokens, whether the cached ones are within or beside."""

from types import SimpleNamespace

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from openai.types import CompletionUsage
from pydantic import BaseModel

from leeroo import Usage
from llamaindex_leeroo.usage import usage_of


class Anthropics(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


OPENAI = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
WITHIN = {**OPENAI, "prompt_tokens_details": {"cached_tokens": 60}}


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (OPENAI, Usage(100, 7)),
        (WITHIN, Usage(100, 7, cached_tokens=60)),
        (CompletionUsage(**OPENAI), Usage(100, 7)),
        (CompletionUsage(**WITHIN), Usage(100, 7, cached_tokens=60)),
        (
            {"input_tokens": 100, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 60}},
            Usage(100, 7, cached_tokens=60),
        ),
        (Anthropics(input_tokens=30, output_tokens=7), Usage(30, 7)),
        (
            Anthropics(input_tokens=30, output_tokens=7, cache_read_input_tokens=60, cache_creation_input_tokens=10),
            Usage(100, 7, cached_tokens=60),
        ),
        (SimpleNamespace(prompt_token_count=100, candidates_token_count=7), Usage(100, 7)),
        ({"prompt_tokens": 100}, None),
        (None, None),
    ],
)
def test_usage_of_a_response(reported, expected):
    message = ChatMessage(role="assistant", content="Paris.")
    for raw in ({"usage": reported}, SimpleNamespace(usage=reported)):
        assert usage_of(ChatResponse(message=message, raw=raw)) == expected


@pytest.mark.parametrize("make", [dict, lambda **fields: CompletionUsage(**fields)])
def test_cached_tokens_under_two_names_are_counted_once(make):
    """LiteLLM gives Anthropic's numbers in OpenAI's form and repeats the cached ones under Anthropic's names."""
    reported = make(**WITHIN, cache_read_input_tokens=60, cache_creation_input_tokens=10)
    response = ChatResponse(message=ChatMessage(content="Paris."), raw={"usage": reported})
    assert usage_of(response) == Usage(100, 7, cached_tokens=60)
