"""Usage as experts report it: one number of input tokens, whether the cached ones are within or beside."""

from types import SimpleNamespace

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from openai.types import CompletionUsage
from pydantic import BaseModel

from leeroo import Expert, Price, Usage, last_call
from llamaindex_leeroo.usage import Tally
from tests.llamaindex.test_calls import WAYS, call


class Anthropics(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


OPENAI = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
WITHIN = {**OPENAI, "prompt_tokens_details": {"cached_tokens": 60}}


def read(reported, raw=lambda usage: {"usage": usage}, said="Paris."):
    tally = Tally(Expert(name="a", model="m", price=Price(input=1, output=1)), 90, 200)
    tally.see(ChatResponse(message=ChatMessage(role="assistant", content=said), raw=raw(reported)))
    return tally.usage()


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
    ],
)
def test_usage_of_a_response(reported, expected):
    assert read(reported) == read(reported, lambda usage: SimpleNamespace(usage=usage)) == expected


THOUGHT = {"completion_tokens_details": {"reasoning_tokens": 280}}


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        # OpenAI's: within the output
        ({**OPENAI, "completion_tokens": 300, "total_tokens": 400, **THOUGHT}, Usage(100, 300)),
        # xAI's: beside it
        ({**OPENAI, "total_tokens": 387, **THOUGHT}, Usage(100, 287)),
        ({"prompt_tokens": 100, "completion_tokens": 7, **THOUGHT}, Usage(100, 287)),
        (
            {"input_tokens": 100, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 280}},
            Usage(100, 287),
        ),
        # Gemini's endpoint in OpenAI's form: in the total alone; and its own form
        ({**OPENAI, "total_tokens": 387}, Usage(100, 287, estimated=True)),
        (
            SimpleNamespace(
                prompt_token_count=100, candidates_token_count=7, thoughts_token_count=280, total_token_count=387
            ),
            Usage(100, 287),
        ),
    ],
)
def test_thinking_is_paid_for_wherever_it_is_counted(reported, expected):
    assert read(reported) == expected


@pytest.mark.parametrize(
    "reported",
    [
        None,
        {},
        {"prompt_tokens": 100},
        {"prompt_tokens": -5, "completion_tokens": 7},
        {"prompt_tokens": 100, "completion_tokens": "7"},
        {"prompt_tokens": 10**400, "completion_tokens": 7},
        {"prompt_tokens": float("nan"), "completion_tokens": 7},
        {"prompt_tokens": 10**7, "completion_tokens": 7},
    ],
)
def test_what_cannot_be_right_is_counted_here(reported):
    usage = read(reported)
    assert usage.estimated
    assert usage.input_tokens in (90, 100)
    assert 1 <= usage.output_tokens <= 7


def test_pieces_of_a_stream_that_each_tell_a_part_are_put_together():
    tally = Tally(Expert(name="a", model="m", price=Price(input=1, output=1)), 90, 200)
    message = ChatMessage(role="assistant", content="Paris.")
    start = SimpleNamespace(message=SimpleNamespace(usage=Anthropics(input_tokens=30, output_tokens=1)))
    for raw in (start, {"type": "delta"}, {"usage": {"output_tokens": 5}}, {"usage": {"output_tokens": 7}}):
        tally.see(ChatResponse(message=message, raw=raw))
    assert tally.usage() == Usage(30, 7)


@pytest.mark.parametrize("make", [dict, lambda **fields: CompletionUsage(**fields)])
def test_cached_tokens_under_two_names_are_counted_once(make):
    """LiteLLM gives Anthropic's numbers in OpenAI's form and repeats the cached ones under Anthropic's names."""
    reported = make(**WITHIN, cache_read_input_tokens=60, cache_creation_input_tokens=10)
    assert read(reported) == Usage(100, 7, cached_tokens=60)


@pytest.mark.parametrize("way", WAYS)
async def test_thinking_beside_the_output_is_on_the_record(way, llm, server, monkeypatch):
    told = {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 348, **THOUGHT}
    told["completion_tokens_details"] = {"reasoning_tokens": 300}
    monkeypatch.setattr(server, "usage", lambda *_: told)
    await call(way, llm)
    record = last_call()
    assert (record["input_tokens"], record["output_tokens"], record["cost_is_estimate"]) == (40, 308, False)
