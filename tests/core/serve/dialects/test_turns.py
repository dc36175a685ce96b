"""Chat messages out of a conversation in pieces."""

from leeroo.serve.dialects.turns import Turns

PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def test_what_an_assistant_thought_said_and_called_is_one_message_and_media_follow_all_results():
    turns = Turns()
    turns.say("user", "Look.")
    turns.think("so")
    turns.answer("I will.")
    turns.call("a", "f", "{}")
    turns.call("b", "g", "x", custom=True)
    turns.result("a", [{"type": "text", "text": "see"}, PICTURE])
    turns.result("b", [PICTURE])
    turns.answer("A picture.")
    assert turns.messages() == [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": "I will.", "reasoning_content": "so", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}}]},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "see"}]},
        {"role": "tool", "tool_call_id": "b", "content": "(The picture, sound or document follows.)"},
        {"role": "user", "content": [PICTURE, PICTURE]},
        {"role": "assistant", "content": "A picture."},
    ]  # fmt: skip


def test_thinking_of_earlier_turns_is_left_out_and_two_answers_are_two_messages():
    turns = Turns()
    turns.think("old")
    turns.answer("One.")
    turns.answer("Two.")
    turns.say("user", "And?")
    turns.think("all that was said")
    assert turns.messages() == [
        {"role": "assistant", "content": "One."},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "And?"},
    ]
