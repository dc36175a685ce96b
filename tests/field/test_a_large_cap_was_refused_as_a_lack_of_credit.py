"""A provider checks the largest answer against the account, or the window, and refuses; asked for less, it answers.

Met in can1357/oh-my-pi#9569 and Gitlawb/openclaude#1125 (OpenRouter: 65,536 tokens asked for, 30,104 affordable; an
account with money was taken for one without), mitchross/talos-argocd-proxmox#2145 and ogx-ai/ogx#4534 (vLLM: the prompt
and the cap together pass the window).
"""

import httpx
import openai
import pytest
from langchain_core.messages import HumanMessage

from langchain_leeroo import ChatLeeroo
from leeroo import Budget, Expert, ExpertsFailed, Price, Router
from leeroo.endpoints.openai_compatible import ask
from leeroo.prediction import ConstantPredictor
from leeroo.routing.failures import classify
from leeroo.routing.health import Health
from leeroo.routing.output_caps import TABLE, most_output
from llamaindex_leeroo import Leeroo
from tests.openai_server import OpenAIServer

POOR = {
    "status": 402,
    "message": "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can "
    "only afford 3919. To increase, visit the settings.",
}
PRICE = Price(input=1, output=2)


@pytest.fixture
def server():
    with OpenAIServer() as server:
        server.behave("best", [POOR])
        yield server


def experts(server, *names):
    return {name: Expert(model=name, base_url=server.url, price=PRICE, max_output_tokens=65_536) for name in names}


def predictor():
    return ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=200)


def caps(server):
    return [body.get("max_tokens") or body.get("max_completion_tokens") for body in server.bodies()]


@pytest.mark.parametrize("budget", [None, Budget(max_cost=1)], ids=["no money named", "a cap"])
def test_it_is_asked_again_for_as_much_as_its_account_pays_for(server, budget):
    record = ask(Router(experts(server, "best", "next"), predictor=predictor()), "Hello", budget).record
    assert server.asked() == ["best", "best"]
    assert caps(server)[1] == 3919
    first = record["attempts"][0]
    assert (first["expert"], first["error"], first["cost"]) == ("best", "output_cap", 0)
    assert record["expert"] == "best"


def test_an_only_expert_is_asked_again_too_and_is_not_put_aside(server):
    router = Router(experts(server, "best"), predictor=predictor())
    assert ask(router, "Hello").record["expert"] == "best"
    assert ask(router, "Hello").record["candidates"][0]["ineligible"] is None


async def test_so_it_is_in_the_frameworks(server):
    llm = ChatLeeroo(experts=experts(server, "best", "next"), predictor=predictor())
    assert llm.invoke([HumanMessage("Hello")]).response_metadata["leeroo"]["expert"] == "best"
    server.behave("best", [POOR])
    llm = ChatLeeroo(experts=experts(server, "best", "next"), predictor=predictor())
    assert (await llm.ainvoke("Hello")).response_metadata["leeroo"]["expert"] == "best"
    server.behave("best", [POOR])
    llm = ChatLeeroo(experts=experts(server, "best", "next"), predictor=predictor())
    assert list(llm.stream("Hello"))[-1].response_metadata["leeroo"]["expert"] == "best"
    server.behave("best", [POOR])
    other = Leeroo(experts=experts(server, "best", "next"), predictor=predictor())
    assert other.complete("Hello").additional_kwargs["leeroo"]["expert"] == "best"
    assert set(server.asked()) == {"best"}
    assert set(caps(server)[1::2]) == {3919}


@pytest.mark.parametrize("afford", [0, 20])
def test_an_account_that_pays_for_no_answer_has_no_credit(server, afford):
    server.behave("best", {**POOR, "message": POOR["message"].replace("3919", str(afford))})
    router = Router(experts(server, "best", "next"), predictor=predictor())
    assert ask(router, "Hello").record["expert"] == "next"
    assert server.asked() == ["best", "next"]


def test_who_refuses_the_smaller_cap_too_is_left(server):
    server.behave("best", POOR)
    with pytest.raises(ExpertsFailed, match="output_cap"):
        ask(Router(experts(server, "best"), predictor=predictor()), "Hello")
    assert server.asked() == ["best", "best"]


LARGE = {
    "status": 400,
    "message": "max_tokens is too large: 65536. This model supports at most 16384 completion tokens.",
}
FULL = {
    "status": 400,
    "message": "'max_tokens' or 'max_completion_tokens' is too large: 65536. This model's maximum context length is "
    "8192 tokens and your request has 10 input tokens (65536 > 8192 - 10).",
}


def remembering(server, said, **kwargs):
    """A router of an expert that answers after it has refused once, and its clock."""
    server.behave("best", [said])
    now = [0.0]
    health = Health(lambda: now[0])
    return Router(experts(server, "best", "next"), predictor=predictor(), health=health, **kwargs), now


@pytest.mark.parametrize("budget", [None, Budget(max_cost=1)], ids=["no money named", "a cap"])
@pytest.mark.parametrize(("said", "most"), [(LARGE, 16_384), (FULL, 8_182), (POOR, 3_919)])
def test_the_refusal_is_paid_once(server, said, most, budget):
    router, _ = remembering(server, said)
    for _ in range(3):
        assert ask(router, "Hello", budget).record["expert"] == "best"
    assert server.asked() == ["best"] * 4, "one refusal, three answers"
    assert caps(server)[1] == most
    for cap in caps(server)[2:]:
        assert most - 100 < cap <= most, "of a window, what the input leaves as we count it"


def test_what_an_account_pays_for_is_forgotten_and_a_models_limit_is_not(server):
    for said, forgets in ((POOR, True), (LARGE, False)):
        router, now = remembering(server, said)
        ask(router, "Hello", Budget(max_cost=1))
        now[0] += 301
        ask(router, "Hello", Budget(max_cost=1))
        assert (caps(server)[-1] == 65_536) == forgets


def test_a_longer_answer_goes_to_somebody_who_gives_it(server):
    router, _ = remembering(server, {**LARGE, "message": LARGE["message"].replace("16384", "100")})
    assert [a["expert"] for a in ask(router, "Hello").record["attempts"]] == ["best", "next"]
    record = ask(router, "Hello").record
    assert [a["expert"] for a in record["attempts"]] == ["next"]
    reason = next(c["ineligible"] for c in record["candidates"] if c["expert"] == "best")
    assert reason.startswith("gives at most 100 tokens of output")


def test_where_nobody_else_is_left_it_is_asked_for_what_it_gives(server):
    server.behave("best", [{**LARGE, "message": LARGE["message"].replace("16384", "100")}])
    router = Router(experts(server, "best"), predictor=predictor())
    with pytest.raises(ExpertsFailed):
        ask(router, "Hello")
    assert ask(router, "Hello").record["expert"] == "best"
    assert caps(server)[-1] == 100


SAID = [
    (402, POOR["message"], 3919),
    (400, "max_tokens is too large: 32000. This model supports at most 16384 completion tokens", 16_384),
    (400, "max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens for claude-x", 64_000),
    (400, "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease", 21_041),
    (400, "'max_tokens' or 'max_completion_tokens' is too large: 16384. This model's maximum context length is 65536 "
     "tokens and your request has 50000 input tokens (16384 > 65536 - 50000).", 15_536),
    (400, "This model's maximum context length is 6048 tokens. However, you requested 6616 tokens (568 in the "
     "messages, 6048 in the completion). Please reduce the length of the messages or completion.", 5_480),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "most"), SAID)
def test_the_words_of_providers_and_their_numbers(status, message, most):
    response = httpx.Response(status, request=httpx.Request("POST", "https://host/v1/chat/completions"))
    failure = classify(openai.OpenAI(api_key="none")._make_status_error(message, body=None, response=response))
    assert (failure.kind, failure.most.tokens) == ("output_cap", most)


def test_a_prompt_that_fills_the_window_is_an_overflow():
    message = ("This model's maximum context length is 16384 tokens. However, you requested 122946 tokens (112946 in "
               "the messages, 10000 in the completion).")  # fmt: skip
    response = httpx.Response(400, request=httpx.Request("POST", "https://host/v1/chat/completions"))
    failure = classify(openai.OpenAI(api_key="none")._make_status_error(message, body=None, response=response))
    assert (failure.kind, failure.most) == ("context_overflow", None)


def test_every_row_is_met_by_some_case():
    import re

    for row in TABLE:
        assert any(re.search(row.pattern, text.lower()) for _, text, _ in SAID), row
    assert most_output("the weather is fine") is None
