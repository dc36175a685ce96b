"""LangChain's own kinds of messages, and who speaks in them."""

import pytest
from langchain_core.messages import ChatMessage, HumanMessage, HumanMessageChunk, SystemMessageChunk, ToolMessageChunk

from langchain_leeroo.messages import _turn


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (HumanMessage("x"), "user"),
        (HumanMessageChunk("x"), "user"),
        (ChatMessage("x", role="user"), "user"),
        (ChatMessage("x", role="critic"), "assistant"),
        (SystemMessageChunk("x"), "system"),
        (ToolMessageChunk("x", tool_call_id="1"), "tool"),
    ],
)
def test_who_speaks(message, role):
    assert (_turn(message).role, _turn(message).text) == (role, "x")
