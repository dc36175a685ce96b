"""A history with tool calls goes from one provider to another, which refuses the ids that the first has given.

Met in mnfst/llm-gateway#1182 (Mistral wants nine letters and digits, 2026-03), OpenSecretCloud/maple-proxy#18
(Anthropic takes no dots and colons, 2026-02), Blockether/vis#152 (OpenAI and Azure: too long, 2026-08) and
langchain-ai/langchain#37756.
"""

import re

import pytest

from leeroo import Expert, Price, Router
from leeroo.endpoints.openai_compatible import Endpoint, ask, request_to
from leeroo.prediction import ConstantPredictor
from tests.openai_server import OpenAIServer

KIMI, LONG, MISTRALS = "functions.write_todos:0", "call_" + "x" * 89, "a1B2c3D4e"


def ids_sent(url, *ids):
    """The ids of calls, and of their results."""
    calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in ids]
    results = [{"role": "tool", "tool_call_id": one, "content": "done"} for one in ids]
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    expert = Expert(model="m", price=Price(input=1, output=2), base_url=url)
    messages = request_to(expert, Endpoint("m", url, "k"), {"messages": chat}, None)["extra_body"]["messages"]
    return [one["id"] for one in messages[1]["tool_calls"]], [one["tool_call_id"] for one in messages[2:]]


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://api.mistral.ai/v1", r"[a-zA-Z0-9]{9}"),
        ("https://api.anthropic.com/v1/", r"[a-zA-Z0-9_-]{1,64}"),
        (None, r".{1,40}"),
        ("https://x.openai.azure.com/openai/v1", r".{1,40}"),
    ],
)
def test_ids_have_the_form_that_the_endpoint_takes_and_calls_keep_their_results(url, form):
    calls, results = ids_sent(url, KIMI, LONG, MISTRALS, "functions.write_todos:1")
    assert all(re.fullmatch(form, one) for one in calls)
    assert calls == results
    assert len(set(calls)) == 4
    assert calls[2] == MISTRALS, "what it takes stays"


def test_elsewhere_nothing_is_changed():
    assert ids_sent("http://127.0.0.1:8000/v1", KIMI, LONG) == ([KIMI, LONG], [KIMI, LONG])


def test_two_that_refuse_them_all_the_same_do_not_end_the_call():
    refused = {"status": 400, "message": "Tool call id was abc but must be a-z, A-Z, 0-9, with a length of 9."}
    with OpenAIServer() as server:
        server.behave("a", refused)
        server.behave("b", refused)
        experts = {n: Expert(model=n, base_url=server.url, price=Price(input=1, output=2)) for n in "abc"}
        router = Router(experts, predictor=ConstantPredictor({"a": 0.9, "b": 0.8, "c": 0.5}, output_tokens=20))
        record = ask(router, "Hello").record
    assert [a["error"] for a in record["attempts"]] == ["unsupported", "unsupported", None]
