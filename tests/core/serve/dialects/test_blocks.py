"""Blocks out of whatever endpoints send: in order, one at a time, nothing lost, nothing fatal."""

import pytest

from leeroo.serve.dialects.blocks import Blocks, blocks_of


def call(index=0, call_id=None, name=None, arguments="", **more):
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"index": index, "function": function, **({"id": call_id} if call_id else {}), **more}


def blocks(*deltas, **how):
    """The blocks of a stream, after a check that each begins, grows and ends before the next one."""
    made = Blocks(**how)
    steps = [step for delta in deltas for step in made.take(delta)] + list(made.end())
    live = None
    for step in steps:
        if step.what == "begin":
            assert live is None
            live = step.block
        assert step.block is live
        if step.what == "end":
            live = None
    assert live is None
    found = [step.block for step in steps if step.what == "end"]
    assert [block.place for block in found] == list(range(len(found)))
    grown = [[step.text for step in steps if step.what == "grow" and step.block is block] for block in found]
    assert ["".join(texts) for texts in grown] == [block.text for block in found]
    return [(block.kind, block.name or block.call_id, block.text) for block in found]


def test_thinking_text_and_calls_follow_each_other():
    assert blocks(
        {"role": "assistant", "content": ""}, {"reasoning_content": "so"}, {"reasoning": " it is"}, {"content": "Let"},
        {"content": " me"}, {"tool_calls": [call(0, "a", "f")]}, {"tool_calls": [call(0, arguments='{"x"')]},
        {"tool_calls": [call(0, arguments=": 1}")]},
    ) == [("thinking", "", "so it is"), ("text", "", "Let me"), ("call", "f", '{"x": 1}')]  # fmt: skip


def test_parallel_calls_sent_in_turns_are_put_one_after_another():
    deltas = [{"tool_calls": [call(0, "a", "f", "1"), call(1, "b", "g", "2")]},
              {"tool_calls": [call(1, arguments="3"), call(0, arguments="4")]}, {"content": "done"}]  # fmt: skip
    assert blocks(*deltas) == [("call", "f", "14"), ("call", "g", "23"), ("text", "", "done")]


@pytest.mark.parametrize("index", [0, None])
def test_calls_that_all_have_the_same_number_or_none_are_told_apart_by_their_ids(index):
    deltas = [{"tool_calls": [call(index, "a", "f", "{}")]}, {"tool_calls": [call(index, "b", "g", "{}")]}]
    assert blocks(*deltas) == [("call", "f", "{}"), ("call", "g", "{}")]


def test_a_call_whose_name_comes_late_is_whole_and_one_that_repeats_its_id_is_one():
    assert blocks({"tool_calls": [call(0, "a")]}, {"tool_calls": [call(0, name="f", arguments="1")]}) == [
        ("call", "f", "1")
    ]
    twice = [{"tool_calls": [call(0, "a", "f", "1")]}, {"tool_calls": [call(0, "a", "f", "2")]}]
    assert blocks(*twice) == [("call", "f", "12")]


def test_the_same_thought_under_two_names_is_one_and_none_where_none_is_wanted():
    both = {"reasoning": "so", "reasoning_content": "so", "content": "x"}
    assert blocks(both) == [("thinking", "", "so"), ("text", "", "x")]
    assert blocks(both, thinking=False) == [("text", "", "x")]


def test_a_whole_answer_of_parts_with_a_custom_tool_and_its_probabilities():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}, {"type": "text", "text": "x"}]
    custom = {"id": "a", "type": "custom", "custom": {"name": "f", "input": "any text"}}
    message = {"content": parts, "refusal": "no", "tool_calls": [custom]}
    found = blocks_of({"message": message, "logprobs": {"content": [{"token": "x", "logprob": -0.1}]}})
    assert [(block.kind, block.text) for block in found] == [
        ("thinking", "so"), ("text", "x"), ("refusal", "no"), ("call", "any text")]  # fmt: skip
    assert (found[3].custom, found[1].logprobs) == (True, [{"token": "x", "logprob": -0.1}])


@pytest.mark.parametrize(
    "delta",
    [
        None, 5, [], "x", {}, {"content": 5},
        {"content": [None, 5, {"thinking": 3}, {"thinking": [None, {"text": 1}]}]},
        {"tool_calls": 5}, {"tool_calls": [None, 5, {}]}, {"tool_calls": [{"function": 5, "id": 7, "index": "x"}]},
        {"tool_calls": [{"id": "a", "function": {"name": 5, "arguments": {"a": 1}}}]}, {"reasoning": {"a": 1}},
        {"tool_calls": [{"custom": {"name": "f", "input": None}}]}, {"refusal": []},
    ],
)  # fmt: skip
def test_nothing_that_an_endpoint_sends_breaks_it(delta):
    blocks(delta, delta)
    blocks_of({"message": delta, "logprobs": delta})
