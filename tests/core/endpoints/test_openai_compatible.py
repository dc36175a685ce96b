"""The core's own way to run an expert, against a loopback server and against nothing."""

import sys
from types import SimpleNamespace

import pytest

import leeroo
from leeroo.consult.settings import Consulting
from leeroo.endpoints.http import tls
from leeroo.endpoints.openai_compatible import Endpoint, ask, complete, resolve
from leeroo.prediction.predictor import ConstantPredictor
from tests.core.endpoints.conftest import router

PRICE = leeroo.Price(input=1.0, output=2.0)


def test_ask_gives_the_answer_and_the_settled_record(server):
    answer = ask(router(server, small=0.9, large=0.9), "Say something.", leeroo.Budget(max_cost=0.01))
    assert answer.text
    record = answer.record
    assert record["expert"] == "small"
    price = leeroo.Price(input=1.0, output=2.0)
    assert record["cost"] == price.cost(record["input_tokens"], record["output_tokens"]) / 1e9
    assert record["remaining"] == pytest.approx(0.01 - record["cost"])
    assert record["cost_is_estimate"] is False


def test_a_failing_expert_is_replaced_by_the_next(server):
    server.behave("small", {"status": 503})
    answer = ask(router(server, small=0.9, large=0.9), "Say something.")
    assert answer.record["expert"] == "large"
    assert [(a["expert"], a["error"]) for a in answer.record["attempts"]] == [("small", "server"), ("large", None)]


def test_a_bad_request_that_a_second_expert_confirms_is_raised_saying_which(server):
    for name in ("small", "large"):
        server.behave(name, {"status": 400})
    with pytest.raises(leeroo.ExpertsFailed, match=r"'large'.*bad_request.*400") as caught:
        ask(router(server, small=0.9, large=0.9), "Say something.")
    assert [a["expert"] for a in caught.value.record["attempts"]] == ["small", "large"]


def test_nobody_there_names_every_expert_tried():
    nowhere = {"a": leeroo.Expert(model="a", base_url="http://127.0.0.1:9/v1", price=PRICE)}
    with pytest.raises(leeroo.ExpertsFailed, match=r"a: connection.*Nothing was spent"):
        ask(leeroo.Router(nowhere, predictor=ConstantPredictor()), "Anyone?")


def test_keys_come_from_the_environment_and_are_never_shown(monkeypatch):
    monkeypatch.setenv("MY_KEY", "very-secret")
    expert = leeroo.Expert(model="groq:llama", name="g", price=PRICE, api_key_env="MY_KEY")
    place = resolve(expert)
    assert place == Endpoint("llama", "https://api.groq.com/openai/v1", "very-secret")
    assert "very-secret" not in repr(place)
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(leeroo.ConfigError, match=r"'g'.*MY_KEY.*not set"):
        resolve(expert)


def test_what_cannot_be_reached_says_what_to_give():
    with pytest.raises(leeroo.ConfigError, match=r"provider 'acme'.*base_url"):
        resolve(leeroo.Expert(model="acme:m", name="x", price=PRICE))
    with pytest.raises(leeroo.ConfigError, match=r"object.*provider:model"):
        resolve(leeroo.Expert(model=object(), name="x", price=PRICE))


def test_stop_sequences_and_the_output_cap_are_sent(server):
    expert = leeroo.Expert(model="m", name="m", base_url=server.url, price=PRICE, stop=("END",))
    complete(expert, [{"role": "user", "content": "Hello"}], max_tokens=7)
    body = server.bodies()[-1]
    assert body["stop"] == ["END"]
    assert body["max_tokens"] == 7


# A deadline for the whole, and hedges


def known(router, name, seconds):
    """Let the router have seen 20 answers of an expert."""
    for _ in range(20):
        router.health.succeeded(router.pool[name], seconds, 20)


def test_a_hedge_answers_when_the_first_is_slow_and_both_are_on_the_record(server):
    server.behave("small", {"hang": 20})
    made = router(server, small=0.9, large=0.9)
    known(made, "small", 0.05)
    answer = ask(made, "Say something.", leeroo.Budget(max_cost=0.05), hedge=True)
    record = answer.record
    assert record["expert"] == "large"
    assert [(a["expert"], a["error"]) for a in record["attempts"]] == [("large", None), ("small", "cancelled")]
    assert record["cost"] == pytest.approx(sum(a["cost"] for a in record["attempts"]))
    assert record["attempts"][1]["cost"] > record["attempts"][0]["cost"] > 0
    assert record["cost_is_estimate"]
    assert record["cost"] <= 0.05


def test_no_hedge_without_a_wish_without_measurements_or_without_money(server):
    server.behave("small", [{"hang": 0.3}] * 3)
    made = router(server, small=0.9, large=0.9)
    assert ask(made, "Hi.", hedge=True).record["expert"] == "small"
    known(made, "small", 0.05)
    assert ask(made, "Hi.").record["expert"] == "small"
    poor = leeroo.Budget(max_cost=0.00009)
    record = ask(made, "Hi.", poor, max_tokens=20, hedge=True).record
    assert (record["expert"], len(record["attempts"])) == ("small", 1)
    assert server.bodies("large") == []


def test_a_hedge_that_fails_leaves_the_first_its_time(server):
    server.behave("small", {"hang": 0.4})
    server.behave("large", {"status": 503})
    made = router(server, small=0.9, large=0.9)
    known(made, "small", 0.05)
    record = ask(made, "Hi.", hedge=True).record
    assert [(a["expert"], a["error"]) for a in record["attempts"]] == [("large", "server"), ("small", None)]


async def test_ask_works_beneath_a_running_loop(server):
    assert ask(router(server, small=0.9), "Hi.").record["expert"] == "small"


def test_a_server_that_drips_is_given_up_at_the_deadline(server):
    server.behave("small", {"drip": 0.05})
    with pytest.raises(leeroo.ExpertsFailed, match="small: timeout"):
        ask(router(server, small=0.9), "Hi.", leeroo.Budget(max_latency=0.3))


def test_certificates_are_read_by_the_library_that_the_openai_sdk_is_built_on(monkeypatch):
    """From its version 3 on that is httpx2, and httpx need not be there."""
    monkeypatch.setattr("openai.DefaultAsyncHttpxClient", type("Client", (), {"__module__": "httpx2._client"}))
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.setitem(sys.modules, "httpx2", SimpleNamespace(create_ssl_context=lambda: "certificates"))
    assert tls.__wrapped__() == "certificates"


def test_a_second_expert_is_asked_where_the_budget_consults(server):
    question = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide"
    server.behave("small", {"text": "The answer is A."})
    server.behave("large", {"text": "The answer is B."})
    budget = leeroo.Budget(consult=True, min_quality=0.8)
    answer = ask(router(server, small=0.6, large=0.8), question, budget, consulting=Consulting(haste=0.0))
    assert answer.text == "The answer is B."
    assert answer.record["expert"] == "large"
    asked = [a["expert"] for a in answer.record["consult"]["asks"]]
    assert answer.record["consult"]["clusters"] == [1] * len(asked)
    assert answer.record["cost"] == pytest.approx(sum(a["cost"] for a in answer.record["attempts"]))


def test_consulting_when_everybody_is_down_fails_as_ever(server):
    for name in ("small", "large"):
        server.behave(name, {"status": 503})
    with pytest.raises(leeroo.ExpertsFailed, match=r"small: server.*large: server"):
        ask(router(server, small=0.7, large=0.7), "What is 7 + 5?", leeroo.Budget(consult=True))


def test_a_judge_of_the_pool_says_whether_long_answers_agree(server):
    one = "A ship floats since the water that its hull pushes aside weighs as much as the ship with its load. " * 3
    other = "Ships are held above the waves by the wishes of all the sailors, who sing to the sea each night. " * 3
    quality = {"small": 0.6, "middle": 0.65, "large": 0.75, "referee": 0.01}
    for name, text in (("small", one), ("middle", other), ("large", f"In short: {one}")):
        server.behave(name, {"text": text})
    for said, agree in (("YES", True), ("NO", False)):
        server.behave("referee", {"text": said})
        budget, settings = leeroo.Budget(consult=True, min_quality=0.99), Consulting(judge="referee")
        answer = ask(router(server, **quality), "Why do ships float?", budget, consulting=settings)
        sizes = answer.record["consult"]["clusters"]
        assert len(sizes) == 1 if agree else len(sizes) > 1
        assert answer.record["cost"] == pytest.approx(sum(a["cost"] for a in answer.record["attempts"]))
