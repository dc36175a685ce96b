"""A refusal speaks of one expert; the next one answers, and the record says what to repair.

Met in code-yeongyu/oh-my-openagent#3571 and BerriAI/litellm#37592 (credit, as a 400), GEMISIS/leviath#201 and
tashfeenahmed/freellmapi#196 (402), continuedev/continue#11449 (region), crewAIInc/crewAI#1976 and
ray-amjad/hyperwhisper-app#82 (retired models), vybestack/llxprt-code#2335 (signatures), jentic/standard-agent#31 and
huggingface/smolagents#1766 (parameters).
"""

import logging

import pytest

from leeroo import Budget, Expert, ExpertsFailed, Price, Router
from leeroo.endpoints.openai_compatible import Endpoint, ask, request_to
from leeroo.prediction import ConstantPredictor
from leeroo.routing.health import REFUSES

PRICE = Price(input=1, output=2)
REFUSALS = {
    "credit": {"status": 400, "message": "Your credit balance is too low to use this API."},
    "auth": {"status": 401, "message": "Incorrect API key provided."},
    "region": {"status": 403, "code": "unsupported_country_region_territory", "message": "Not supported."},
    "not_found": {"status": 404, "code": "model_not_found", "message": "No such model."},
    "signature": {"status": 400, "message": "messages.1.content.0: Invalid `signature` in `thinking` block"},
    "unsupported": {"refuses": ["messages"]},
    "bad_request": {"status": 400, "message": "Something here is not right."},
}
REPAIRED_BY_PEOPLE = {"credit", "auth", "region", "not_found"}


@pytest.fixture
def router(server):
    experts = {name: Expert(model=name, base_url=server.url, price=PRICE) for name in ("best", "next")}
    return Router(experts, predictor=ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20))


@pytest.mark.parametrize("kind", REFUSALS)
def test_the_next_expert_answers_and_the_refused_one_is_put_aside_with_the_reason(router, server, caplog, kind):
    server.behave("best", REFUSALS[kind])
    with caplog.at_level(logging.WARNING, "leeroo"):
        record = ask(router, "Hello").record
    first = record["attempts"][0]
    assert (first["expert"], first["error"], first["cost"], record["expert"]) == ("best", kind, 0, "next")
    again = ask(router, "Hello").record
    asked = [request["body"]["model"] for request in server.requests]
    if kind not in REPAIRED_BY_PEOPLE:
        assert asked == ["best", "next", "best", "next"]
        return
    assert asked == ["best", "next", "next"]
    reason = next(c["ineligible"] for c in again["candidates"] if c["expert"] == "best")
    assert reason.startswith(REFUSES)
    assert kind in reason
    assert first["detail"] in reason
    assert first["detail"] in caplog.text


def test_an_expert_that_was_put_aside_is_asked_where_nobody_else_can_answer(router, server):
    server.behave("best", [{"status": 401}])
    assert ask(router, "Hello").record["expert"] == "next"
    assert ask(router, "Hello", Budget(expert="best")).record["expert"] == "best", "a pin is not a wish"
    server.behave("best", [{"status": 401}])
    server.behave("next", [{"status": 404}])
    with pytest.raises(ExpertsFailed, match="best: auth; next: not_found"):
        ask(router, "Hello")
    assert ask(router, "Hello").text, "somebody has repaired it in the meantime"


def test_a_malformed_request_ends_when_a_second_expert_says_so(router, server):
    for name in ("best", "next"):
        server.behave(name, {"status": 400})
    with pytest.raises(ExpertsFailed, match=r"'next' failed: bad_request \(HTTP 400\)"):
        ask(router, "Hello")


def test_a_missing_key_of_one_expert_leaves_the_others(server, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    experts = {
        "best": Expert(model="best", base_url=server.url, price=PRICE, api_key_env="NOT_SET"),
        "next": Expert(model="next", base_url=server.url, price=PRICE),
    }
    router = Router(experts, predictor=ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20))
    record = ask(router, "Hello").record
    assert [(a["expert"], a["error"]) for a in record["attempts"]] == [("best", "config"), ("next", None)]


GIVEN = {
    "messages": [{"role": "user", "content": "hi"}],
    "temperature": 0.2,
    "top_p": 0.9,
    "stop": ["END"],
    "presence_penalty": 0.1,
    "seed": 7,
    "max_tokens": 100,
}


def sent(model, url=None, **more):
    expert = Expert(model=model, price=PRICE, base_url=url)
    body = request_to(expert, Endpoint(expert.model_id, url, "k"), {**GIVEN, **more}, 100)["extra_body"]
    return set(body) & (ALL | {"max_tokens", "max_completion_tokens"})


ALL = {"temperature", "top_p", "stop", "presence_penalty", "seed"}


@pytest.mark.parametrize(
    ("model", "url", "expected"),
    [
        ("gpt-4o", None, ALL | {"max_completion_tokens"}),
        ("gpt-5-mini", None, {"seed", "max_completion_tokens"}),
        ("o3-mini-2025-01-31", "https://eu.api.openai.com/v1", {"seed", "max_completion_tokens"}),
        ("openai/gpt-5", "https://openrouter.ai/api/v1", {"seed", "max_tokens"}),
        ("gpt-5-chat-latest", None, ALL | {"max_completion_tokens"}),
        ("openai/gpt-oss-120b", "https://api.groq.com/openai/v1", ALL | {"max_tokens"}),
        ("grok-4-0709", "https://api.x.ai/v1", {"temperature", "top_p", "seed", "max_tokens"}),
        ("claude-sonnet-4-5", "https://api.anthropic.com/v1/", ALL - {"top_p"} | {"max_tokens"}),
        ("my-own-model", "http://localhost:8000/v1", ALL | {"max_tokens"}),
    ],
)
def test_parameters_that_a_model_refuses_are_left_out_for_it(model, url, expected):
    assert sent(model, url) == expected


def test_a_model_that_is_told_not_to_think_is_sampled_as_asked():
    assert sent("gpt-5.1-high", reasoning_effort="none") > ALL


def test_a_server_that_refuses_what_reasoning_models_refuse_answers(server):
    model = "gpt-5-mini"
    server.behave(model, {"refuses": ["temperature", "stop"]})
    expert = Expert(model=model, base_url=server.url, price=PRICE, stop=("END",))
    assert ask(Router({"a": expert}, predictor=ConstantPredictor({}, output_tokens=20)), "Hello").text
