"""From OpenAI's chat format to what the router sees, and back to usage."""

import pytest

from leeroo import InvalidRequest, Usage
from leeroo.endpoints.chat_format import text_of, to_query, usage_of


def user(content):
    return {"role": "user", "content": content}


def test_text_needs_media_and_caps(make_router):
    picture = {"type": "image_url", "image_url": {"url": "data:" + "x" * 10_000}}
    query = to_query(
        {
            "messages": [
                user("old"),
                {"role": "assistant", "content": "so"},
                user([{"type": "text", "text": "new"}, picture]),
            ],
            "tools": [{"type": "function", "function": {"name": "add"}}],
            "response_format": {"type": "json_object"},
            "stream": True,
            "max_tokens": 9,
            "max_completion_tokens": 7,
        },
        make_router(),
    )
    assert query.text == "old\nnew\nadd"
    assert query.needs == {"vision", "tools", "structured_output", "streaming"}
    assert (query.media, query.messages, query.max_tokens) == (1, 3, 7)
    assert "add" in query.prompt
    assert len(query.prompt) < 200  # no picture is counted as text


def test_a_tool_loop_stays_with_its_expert_until_the_user_speaks(make_router):
    router = make_router()
    router.tool_calls.remember(router.pool["large"], ("call_1",))
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "function": {"name": "add"}}]}
    loop = [user("add"), called, {"role": "tool", "tool_call_id": "call_1", "content": "5"}]
    assert to_query({"messages": loop}, router).sticky == "large"
    assert to_query({"messages": [*loop, user("thanks")]}, router).sticky is None


def test_tools_alone_are_nothing_to_answer(make_router):
    with pytest.raises(InvalidRequest, match="empty"):
        to_query({"messages": [user("  ")], "tools": [{"type": "function"}]}, make_router())


def test_usage_as_reported_or_counted(make_expert):
    reported = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}}
    assert usage_of(reported, "q", "a", make_expert()) == Usage(9, 4, 2)
    counted = usage_of(None, "a question", "an answer", make_expert())
    assert counted.estimated
    assert counted.tokens > 0


def test_all_that_was_written_counts():
    call = {"function": {"name": "f", "arguments": "{}"}}
    assert text_of({"content": "a", "reasoning_content": "b", "tool_calls": [call]}) == "abf{}"


def test_the_text_of_a_custom_tools_call_counts_as_written():
    call = {"id": "a", "type": "custom", "custom": {"name": "f", "input": "any text"}}
    assert text_of({"content": None, "tool_calls": [call]}) == "fany text"
