"""Groq answers 400 where its model writes a tool call, or JSON, that nobody can read: not the caller's fault.

Met in pydantic/pydantic-ai#4354 and tashfeenahmed/freellmapi#291 (a chain of such models ends with the words of a bad
request).
"""

import pytest

from leeroo import Expert, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.prediction import ConstantPredictor
from tests.openai_server import OpenAIServer

SAID = [
    {"status": 400, "code": "tool_use_failed", "message": "Failed to call a function. See 'failed_generation'."},
    {"status": 400, "code": "json_validate_failed", "message": "Failed to generate JSON."},
]


@pytest.mark.parametrize("said", SAID)
def test_two_such_models_do_not_end_the_call(said):
    with OpenAIServer() as server:
        for name in ("best", "second"):
            server.behave(name, said)
        experts = {n: Expert(model=n, base_url=server.url, price=Price(input=1, output=2))
                   for n in ("best", "second", "third")}  # fmt: skip
        router = Router(experts, predictor=ConstantPredictor({"best": 0.9, "second": 0.8}, output_tokens=20))
        record = ask(router, "hi").record
    assert [line["error"] for line in record["attempts"]] == ["unparsable", "unparsable", None]
    assert record["cost"] > 0, "what was written may be charged"
