"""From GPT-5.4 on, OpenAI's chat completions take tools only from a model that is told not to think.

Met in openai/openai-openapi#541, pipecat-ai/pipecat#4043 and BerriAI/litellm#34569 (even where no effort is sent: the
model's default is one).
"""

import pytest

from leeroo import Expert, Price
from leeroo.endpoints.openai_compatible import Endpoint, request_to
from leeroo.routing.refusals import told

TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]


def effort(model, url=None, **more):
    expert = Expert(model=model, price=Price(input=1, output=2), base_url=url)
    body = {"messages": [{"role": "user", "content": "hi"}], **more}
    return request_to(expert, Endpoint(model, url, "k"), body, None)["extra_body"].get("reasoning_effort")


@pytest.mark.parametrize(
    ("model", "url", "more", "sent"),
    [
        ("gpt-5.6-terra", None, {"tools": TOOLS}, "none"),
        ("gpt-5.4", "https://eu.api.openai.com/v1", {"tools": TOOLS}, "none"),
        ("gpt-5.6-terra", None, {}, None),
        ("gpt-5.6-terra", None, {"tools": []}, None),
        ("gpt-5-mini", None, {"tools": TOOLS}, None),
        ("openai/gpt-5.4", "https://openrouter.ai/api/v1", {"tools": TOOLS}, None),
        ("gpt-5.4", None, {"tools": TOOLS, "reasoning_effort": "high"}, "high"),
    ],
)
def test_it_is_told_not_to_think_where_nobody_asked_it_to(model, url, more, sent):
    assert effort(model, url, **more) == sent


def test_an_effort_that_was_asked_for_is_refused_for_the_next_expert_to_answer():
    text = "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions."
    assert told(text.lower(), 400) == "unsupported"
