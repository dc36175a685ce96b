"""Gemini 3 wants its calls' signatures back and refuses calls without; others refuse the field they stand in.

Met in earendil-works/pi#6733 and #6996 (2026-07), Gitlawb/openclaude#76 (2026-04) and securo-finance/securo#884
(2026-09).
"""

import pytest

from leeroo import Expert, Price
from leeroo.endpoints.openai_compatible import Endpoint, request_to

GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai/"
OWN = {"google": {"thought_signature": "of-gemini"}}
SKIP = {"google": {"thought_signature": "skip_thought_signature_validator"}}


def calls_sent(url, model, *calls):
    """What stands beside the calls of a turn, in the request that leaves."""
    made = [
        {"id": f"call_{i}", "type": "function", "function": {"name": "f", "arguments": "{}"}, **beside}
        for i, beside in enumerate(calls)
    ]
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "done"} for one in made]
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": made}, *results]
    expert = Expert(model=model, price=Price(input=1, output=2), base_url=url)
    messages = request_to(expert, Endpoint(model, url, "k"), {"messages": chat}, None)["extra_body"]["messages"]
    return [one.get("extra_content") for one in messages[1]["tool_calls"]]


def test_gemini_gets_its_own_signature_back():
    assert calls_sent(GOOGLE, "gemini-3.1-pro", {"extra_content": OWN}, {}) == [OWN, None]


def test_calls_that_somebody_else_made_are_not_checked():
    assert calls_sent(GOOGLE, "gemini-3.1-pro", {}, {}) == [SKIP, None]
    assert calls_sent(GOOGLE, "models/gemini-3-flash", {"extra_content": {"vertex": {}}}) == [SKIP]


def test_older_geminis_want_none():
    assert calls_sent(GOOGLE, "gemini-2.5-pro", {}) == [None]


@pytest.mark.parametrize("url", [None, "https://api.groq.com/openai/v1", "https://api.mistral.ai/v1"])
def test_others_do_not_see_the_field(url):
    assert calls_sent(url, "m", {"extra_content": OWN}, {}) == [None, None]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "https://openrouter.ai/api/v1"])
def test_gateways_get_what_was_given(url):
    assert calls_sent(url, "gemini-3.1-pro", {"extra_content": OWN}, {}) == [OWN, None]
