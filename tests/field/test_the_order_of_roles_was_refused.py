"""Some models take a history that others refuse: no assistant at the end, nobody but it after a tool's result.

Met in router-for-me/CLIProxyAPI#5319 and anthropics/claude-code#52433 (Claude from 4.6 on: no prefill),
NousResearch/hermes-agent#20154 and charmbracelet/crush#279 (Mistral's order of roles). Two models of one maker agree on
it: that does not make the request a malformed one.
"""

import pytest

from leeroo import Expert, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.prediction import ConstantPredictor
from tests.openai_server import OpenAIServer

SAID = [
    "This model does not support assistant message prefill. The conversation must end with a user message.",
    "Unexpected role 'user' after role 'tool'",
    "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    "After the optional system message, conversation roles must alternate user and assistant roles",
]


@pytest.mark.parametrize("message", SAID)
def test_a_third_model_is_asked(message):
    with OpenAIServer() as server:
        for name in ("best", "second"):
            server.behave(name, {"status": 400, "message": message})
        experts = {n: Expert(model=n, base_url=server.url, price=Price(input=1, output=2))
                   for n in ("best", "second", "third")}  # fmt: skip
        router = Router(experts, predictor=ConstantPredictor({"best": 0.9, "second": 0.8}, output_tokens=20))
        record = ask(router, "hi").record
    assert [line["error"] for line in record["attempts"]] == ["unsupported", "unsupported", None]
    assert record["expert"] == "third"
