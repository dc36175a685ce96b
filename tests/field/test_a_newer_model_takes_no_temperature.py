"""Claude from Opus 4.7 on refuses sampling parameters that its elders took.

Met in The-PR-Agent/pr-agent#2456, RooCodeInc/Roo-Code#12162 (through Bedrock and a proxy) and openclaw/openclaw#72123.
"""

import pytest

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price, Router
from leeroo.endpoints.openai_compatible import Endpoint, ask, request_to
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.openai_server import OpenAIServer

PRICE = Price(input=1, output=2)
GIVEN = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.2, "top_p": 0.9, "top_k": 5, "seed": 7}


@pytest.mark.parametrize(
    ("model", "left"),
    [
        ("claude-opus-4-7", {"seed"}),
        ("anthropic/claude-opus-4.8", {"seed"}),
        ("us.anthropic.claude-opus-4-7-v1:0", {"seed"}),
        ("claude-fable-5", {"seed"}),
        ("claude-opus-4-6", {"temperature", "top_k", "seed"}),
        ("claude-sonnet-4-5-20250929", {"temperature", "top_k", "seed"}),
    ],
)
def test_the_core_leaves_out_what_the_model_refuses(model, left):
    expert = Expert(model=model, price=PRICE, base_url="https://gateway.example.org/v1")
    sent = request_to(expert, Endpoint(model, expert.base_url, "k"), GIVEN, None)["extra_body"]
    assert set(sent) - {"messages"} == left


async def test_so_do_the_frameworks():
    with OpenAIServer() as server:
        server.behave("claude-opus-4-8", {"refuses": ["temperature", "top_p"]})
        experts = {"a": Expert(model="claude-opus-4-8", base_url=server.url, price=PRICE)}
        predictor = ConstantPredictor({}, output_tokens=20)
        assert ChatLeeroo(experts=experts, predictor=predictor, temperature=0.1).invoke("hi", top_p=0.5).text
        assert Leeroo(experts=experts, predictor=predictor).complete("hi", temperature=0.1, top_p=0.5).text


def test_an_unknown_name_that_refuses_it_is_no_bad_request():
    with OpenAIServer() as server:
        said = {"status": 400, "message": "`temperature` is deprecated for this model."}
        for name in ("best", "second"):
            server.behave(name, said)
        experts = {n: Expert(model=n, base_url=server.url, price=PRICE) for n in ("best", "second", "third")}
        router = Router(experts, predictor=ConstantPredictor({"best": 0.9, "second": 0.8}, output_tokens=20))
        record = ask(router, "hi").record
    assert [line["error"] for line in record["attempts"]] == ["unsupported", "unsupported", None]
