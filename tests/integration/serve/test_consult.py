"""Several experts behind one request: held back until accepted, every ask on the record."""

import openai
import pytest

from leeroo.consult.settings import Consulting
from leeroo.prediction import ConstantPredictor
from leeroo.routing.own_consulting import OwnConsulting
from tests.given_up import in_rounds_of
from tests.integration.serve.conftest import router_over

ASK = [{"role": "user", "content": "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"}]
BUDGET = {"consult": True, "min_quality": 0.99}


@pytest.fixture
def router(experts):
    made = router_over(experts)
    made._predictor = ConstantPredictor({"small": 0.6, "large": 0.9}, output_tokens=20)
    return made


@pytest.fixture(autouse=True)
def _they_disagree(experts):
    experts.behave("small-model", {"text": "The answer is A."})
    experts.behave("large-model", {"text": "The answer is B."})


def asked(record):
    return sorted(ask["expert"] for ask in record["consult"]["asks"])


def test_a_whole_answer(client, router):
    answer = client.chat.completions.create(model="leeroo", messages=ASK, extra_body={"leeroo": BUDGET})
    record = answer.model_extra["leeroo"]
    assert answer.choices[0].message.content == "The answer is B."
    assert (answer.model, record["expert"]) == ("large", "large")
    assert record["cost"] == pytest.approx(sum(ask["cost"] for ask in record["consult"]["asks"]))
    assert router.ledger.calls()[-1]["call_id"] == record["call_id"]


def test_a_streamed_one_is_held_back(client):
    options = {"include_usage": True}
    pieces = list(
        client.chat.completions.create(
            model="leeroo", messages=ASK, stream=True, stream_options=options, extra_body={"leeroo": BUDGET}
        )
    )
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == "The answer is B."
    assert pieces[-2].choices[0].finish_reason == "stop"
    assert pieces[-1].usage.completion_tokens > 0
    assert pieces[-1].model_extra["leeroo"]["expert"] == "large"


def test_a_tool_call_that_is_spelt_out_abstains(client, experts):
    experts.behave("large-model", {"text": '<tool_call>{"name": "gas", "arguments": {}}</tool_call>'})
    experts.behave("small-model", {"text": "Paris"})
    capital = [{"role": "user", "content": "What is the capital of France?"}]
    budget = {"consult": True, "willingness_to_pay": 10.0}
    answer = client.chat.completions.create(model="leeroo", messages=capital, extra_body={"leeroo": budget})
    asks = {ask["expert"]: ask["cluster"] for ask in answer.model_extra["leeroo"]["consult"]["asks"]}
    assert answer.choices[0].message.content == "Paris"
    assert asks == {"large": None, "small": 0}


def test_headers_say_it_too(client):
    headers = {"X-Leeroo-Consult": "true", "X-Leeroo-Min-Quality": "0.99"}
    answer = client.chat.completions.create(model="leeroo", messages=ASK, extra_headers=headers)
    assert "consult" in answer.model_extra["leeroo"]
    with pytest.raises(openai.BadRequestError, match="neither true nor false"):
        client.chat.completions.create(model="leeroo", messages=ASK, extra_headers={"X-Leeroo-Consult": "maybe"})


def test_tool_calls_are_compared_and_kept(client, experts):
    for model in ("small-model", "large-model"):
        experts.behave(model, {"tool_calls": [("get_weather", {"city": "Rome"})]})
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    pieces = list(
        client.chat.completions.create(
            model="leeroo", messages=ASK, tools=[tool], stream=True, extra_body={"leeroo": BUDGET}
        )
    )
    calls = [call for piece in pieces if piece.choices for call in piece.choices[0].delta.tool_calls or ()]
    assert [call.function.name for call in calls] == ["get_weather"]
    assert pieces[-1].model_extra["leeroo"]["consult"]["clusters"] != []


def test_nobody_answers(client, experts):
    for model in ("small-model", "large-model"):
        experts.behave(model, {"status": 503})
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model="leeroo", messages=ASK, extra_body={"leeroo": BUDGET})


def test_logprobs_are_evidence_and_given_to_nobody_who_has_not_asked_for_them(client, experts):
    for model, letter in (("small-model", "A"), ("large-model", "B")):
        experts.behave(model, {"text": f"{letter}.", "logprobs": [(letter, -0.3), (".", 0.0)]})
    answer = client.chat.completions.create(model="leeroo", messages=ASK, extra_body={"leeroo": BUDGET})
    assert answer.choices[0].logprobs is None
    assert {ask["logprob"] for ask in answer.model_extra["leeroo"]["consult"]["asks"]} == {-0.3}
    wanted = client.chat.completions.create(model="leeroo", messages=ASK, logprobs=True, extra_body={"leeroo": BUDGET})
    assert wanted.choices[0].logprobs.content[0].logprob == -0.3
    assert client.chat.completions.create(model="leeroo", messages=ASK).choices[0].logprobs is None
    assert [body.get("logprobs") for body in experts.bodies()] == [True, True, None]


def test_a_held_back_stream_has_the_logprobs_that_its_client_asks_for(client, experts):
    for model, letter in (("small-model", "A"), ("large-model", "B")):
        experts.behave(model, {"text": f"{letter}.", "logprobs": [(letter, -0.3), (".", -0.1)]})
    given = {"model": "leeroo", "messages": ASK, "stream": True, "extra_body": {"leeroo": BUDGET}}
    wanted = [piece.choices[0] for piece in client.chat.completions.create(**given, logprobs=True) if piece.choices]
    tokens = [token for choice in wanted if choice.logprobs for token in choice.logprobs.content]
    assert [(token.token, token.logprob) for token in tokens] == [("B", -0.3), (".", -0.1)]
    assert wanted[-1].finish_reason == "stop"
    assert wanted[-1].logprobs is None
    plain = [piece.choices[0] for piece in client.chat.completions.create(**given) if piece.choices]
    assert [choice.logprobs for choice in plain] == [None, None]
    assert all(body["logprobs"] is True for body in experts.bodies())


def test_who_refuses_logprobs_answers_without(client, experts):
    for model, letter in (("small-model", "A"), ("large-model", "B")):
        experts.behave(model, {"text": f"{letter}.", "refuses": ("logprobs",)})
    for _ in range(2):
        answer = client.chat.completions.create(model="leeroo", messages=ASK, extra_body={"leeroo": BUDGET})
        record = answer.model_extra["leeroo"]
        assert [attempt["error"] for attempt in record["attempts"]] == [None]
    assert ["logprobs" in body for body in experts.bodies()] == [True, False, False]


def test_so_has_one_of_the_responses_endpoint(client, experts):
    for model, letter in (("small-model", "A"), ("large-model", "B")):
        experts.behave(model, {"text": f"{letter}.", "logprobs": [(letter, -0.3), (".", -0.1)]})
    include = ["message.output_text.logprobs"]
    given = {"model": "leeroo", "input": ASK[0]["content"], "include": include, "extra_body": {"leeroo": BUDGET}}
    events = list(client.responses.create(**given, stream=True))
    said = [token for event in events if event.type == "response.output_text.delta" for token in event.logprobs]
    assert [(token.token, token.logprob) for token in said] == [("B", -0.3), (".", -0.1)]
    whole = client.responses.create(**given).output[0].content[0]
    assert [(token.token, token.logprob) for token in whole.logprobs] == [("B", -0.3), (".", -0.1)]


def test_structured_answers_are_compared_by_value_also_where_the_question_lists_options(client, experts, monkeypatch):
    monkeypatch.setattr(OwnConsulting, "complete", lambda *_: Consulting(policy=in_rounds_of(1)))
    experts.behave("small-model", {"text": '{"answer": "B", "sure": 1}'})
    experts.behave("large-model", {"text": '{"sure": 1.0, "answer": "B"}'})
    form = {"type": "json_schema", "json_schema": {"name": "choice", "schema": {"type": "object"}}}
    for wanted in (form, {"type": "json_object"}):
        given = {"model": "leeroo", "messages": ASK, "response_format": wanted, "extra_body": {"leeroo": BUDGET}}
        answer = client.chat.completions.create(**given)
        assert answer.choices[0].message.content.startswith("{")
        assert answer.model_extra["leeroo"]["consult"]["clusters"] == [2]
    experts.behave("large-model", {"text": "no JSON"})
    asks = client.chat.completions.create(**given).model_extra["leeroo"]["consult"]["asks"]
    assert {ask["expert"]: ask["cluster"] for ask in asks} == {"small": 0, "large": None}
