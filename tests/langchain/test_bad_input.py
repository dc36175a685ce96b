"""Bad input and bad experts: a clear error that names the thing and the remedy, and no money lost from the record."""

import asyncio
import math
import socket

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage

import leeroo
from langchain_leeroo import ChatLeeroo
from leeroo import (
    BudgetExceeded,
    ConfigError,
    Expert,
    ExpertsFailed,
    InvalidRequest,
    NoEligibleExpert,
    Price,
)
from tests.langchain.cases import add

PRICE = {"input": 1, "output": 2}


def closed_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def far_pool(port: int) -> dict:
    far = {"model": "m", "base_url": f"http://127.0.0.1:{port}", "api_key_env": "SOME_KEY", "price": PRICE}
    return {"experts": {"far": far}}


def test_empty_messages(make):
    with pytest.raises(InvalidRequest, match="no messages"):
        make().invoke([])


@pytest.mark.parametrize("text", ["", "  \n"])
def test_empty_text(make, text):
    with pytest.raises(InvalidRequest, match="empty"):
        make().invoke(text)


def test_tools_do_not_make_an_empty_message_a_question(make):
    with pytest.raises(InvalidRequest, match="empty"):
        make().bind_tools([add]).invoke("")


def test_wrong_type_of_input(make):
    with pytest.raises(InvalidRequest, match="input"):
        make().invoke(12)


def test_only_an_image_goes_to_an_expert_that_sees(make, fake):
    blind = Expert(model=fake(), price=Price(**PRICE))
    seeing = Expert(model=fake(says="a cat"), price=Price(**PRICE), capabilities={"vision"})
    image = HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])
    message = make(experts={"small": blind, "large": seeing}).invoke([image])
    assert message.content == "a cat"
    with pytest.raises(NoEligibleExpert, match="vision"):
        make(experts={"small": blind}).invoke([image])


def test_a_very_long_message_goes_where_it_fits_or_nowhere(make, fake):
    words = "word " * 200_000
    near = Expert(model=fake(), price=Price(**PRICE), context_window=8_000)
    far = Expert(model=fake(says="read it all"), price=Price(**PRICE), context_window=2_000_000)
    message = make(experts={"small": near, "large": far}).invoke(words)
    assert message.content == "read it all"
    with pytest.raises(NoEligibleExpert, match="context window 8000"):
        make(experts={"small": near}).invoke(words)


def test_unknown_constructor_kwarg_names_the_nearest(make):
    with pytest.raises(ConfigError, match=r"'max_csot'.*'max_cost'"):
        make(max_csot=1)


def test_near_miss_of_a_budget_kwarg_in_a_call(make):
    with pytest.raises(ConfigError, match=r"'max_csot'.*'max_cost'"):
        make().invoke("hi", max_csot=1)


@pytest.mark.parametrize(
    "kwargs",
    [{"max_cost": -1}, {"max_cost": math.nan}, {"max_cost": "1"}, {"tolerance": 2}, {"max_latency": 0}, {"scope": ""}],
)
def test_bad_budgets_are_refused_in_the_constructor_the_call_and_the_config(make, kwargs):
    name = next(iter(kwargs))
    with pytest.raises(ConfigError, match=name):
        make(**kwargs)
    with pytest.raises(ConfigError, match=name):
        make().invoke("hi", **kwargs)
    with pytest.raises(ConfigError, match=name):
        make().invoke("hi", config={"configurable": kwargs})


def test_contradicting_rules(make):
    with pytest.raises(ConfigError, match="min_quality and tolerance"):
        make().invoke("hi", min_quality=0.5, tolerance=0.1)


def test_contradicting_pins_and_wrong_caps(make):
    with pytest.raises(ConfigError, match=r"'small' and .*'large' contradict"):
        make().invoke("hi", model="small", expert="large")
    for cap in ("many", 1.5, True):
        with pytest.raises(InvalidRequest, match="max_tokens"):
            make().invoke("hi", max_tokens=cap)
    with pytest.raises(InvalidRequest, match="max_tokens"):
        make().invoke("hi", max_tokens=0)


@pytest.mark.parametrize("total", [-1, math.nan, "much"])
def test_bad_totals(make, total):
    with pytest.raises(ConfigError, match="max_total_cost"):
        make().batch(["hi"], max_total_cost=total)


def test_unknown_expert_and_model(make):
    with pytest.raises(ConfigError, match=r"'smal'.*'small'"):
        make(expert="smal")
    with pytest.raises(ConfigError, match=r"'smal'.*'small'"):
        make().invoke("hi", expert="smal")
    with pytest.raises(ConfigError, match="gpt-9"):
        make().invoke("hi", model="gpt-9")


def test_pool_of_none():
    for experts in ({}, None, []):
        with pytest.raises(ConfigError, match="at least one expert"):
            ChatLeeroo(experts=experts)


def test_pool_of_one(make, fake):
    message = make(experts={"only": Expert(model=fake(says="me"), price=Price(**PRICE))}).invoke("hi")
    assert message.content == "me"
    assert message.response_metadata["leeroo"]["expert"] == "only"


def test_expert_without_a_price(fake):
    with pytest.raises(ConfigError, match="no known price"):
        ChatLeeroo(experts={"a": fake()})


def test_expert_of_a_wrong_kind():
    with pytest.raises(ConfigError, match="'a' is a int"):
        ChatLeeroo(experts={"a": 3})


def test_budget_too_small_names_the_cheapest_and_spends_nothing(make):
    with leeroo.budget() as spent, pytest.raises(BudgetExceeded, match="'small'") as caught:
        make().invoke("hi", max_cost=1e-9)
    assert spent.cost == 0
    assert caught.value.record["cost"] == 0


def test_missing_key_is_an_error_at_the_call_not_before(monkeypatch, make):
    monkeypatch.delenv("SOME_KEY", raising=False)
    llm = ChatLeeroo.from_pool(
        {
            "experts": {
                "far": {"model": "m", "base_url": "http://127.0.0.1:9", "api_key_env": "SOME_KEY", "price": PRICE}
            }
        },
        predictor=make().predictor,
    )
    with leeroo.budget() as spent, pytest.raises(ConfigError, match=r"'far'.*SOME_KEY"):
        llm.invoke("hi")
    assert spent.cost == 0


def test_key_never_shows(monkeypatch, make):
    monkeypatch.setenv("SOME_KEY", "a-very-secret-value")
    llm = ChatLeeroo.from_pool(
        far_pool(closed_port()),
        predictor=make().predictor,
    )
    with pytest.raises(ExpertsFailed) as caught:
        llm.invoke("hi")
    for text in (
        repr(llm),
        str(llm),
        str(caught.value),
        str(caught.value.record),
        str(llm.asdict()),
        repr(llm._models),
    ):
        assert "a-very-secret-value" not in text


def test_server_that_is_down_fails_over_at_no_cost(make):
    port = closed_port()
    small = {"model": "m", "base_url": f"http://127.0.0.1:{port}/v1", "price": PRICE}
    llm = make(experts={"small": small, "large": make().experts["large"]}, expert=None)
    message = llm.invoke("hi", tolerance=1.0)
    record = message.response_metadata["leeroo"]
    first = record["attempts"][0]
    assert (first["expert"], first["error"], first["cost"]) == ("small", "connection", 0)
    assert record["expert"] == "large"


def test_all_down_says_what_each_met(make, fake, http_error):
    llm = make(fake(error=http_error(500)), fake(error=ConnectionError("refused")))
    with pytest.raises(ExpertsFailed, match="large: connection; small: server") as caught:
        llm.invoke("hi")
    assert [a["expert"] for a in caught.value.record["attempts"]] == ["large", "small", "large", "small"]


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_speaks_of_one_expert_and_the_next_one_answers(make, fake, http_error, status):
    assert make(fake(says="fine"), fake(error=http_error(status))).invoke("hi").text == "fine"


def test_a_bad_request_that_a_second_expert_confirms_is_raised_with_its_name(make, fake, http_error):
    with pytest.raises(ExpertsFailed, match=r"'small'.*400") as caught:
        make(fake(error=http_error(400)), fake(error=http_error(400))).invoke("hi")
    assert isinstance(caught.value.__cause__, http_error)


def test_garbage_is_billed_at_the_worst_case_and_passed_over(make, fake):
    llm = make(fake(says="fine"), fake(error=TypeError("'NoneType' object is not iterable")))
    with leeroo.budget() as spent:
        message = llm.invoke("hi", max_cost=0.2)
    record = message.response_metadata["leeroo"]
    assert record["attempts"][0]["error"] == "bad_answer"
    assert record["cost_is_estimate"]
    assert record["cost"] == pytest.approx(spent.cost)
    assert record["cost"] > record["attempts"][1]["cost"] > 0


def test_an_argument_that_the_sdk_refuses_is_the_callers_and_costs_nothing(make, fake):
    refused = [fake(error=TypeError("create() got an unexpected keyword argument 'foo'")) for _ in range(2)]
    llm = make(*refused)
    with pytest.raises(ExpertsFailed, match="bad_request") as caught:
        llm.invoke("hi", foo=1)
    assert caught.value.record["cost"] == 0


async def test_a_hang_is_given_up(make, fake):
    class Slow(fake):
        async def _agenerate(self, *args, **kwargs):
            await asyncio.sleep(30)

    slow = Expert(model=Slow(), price=Price(input=10, output=20), timeout=0.1)
    llm = make(experts={"small": make().experts["small"], "large": slow})
    message = await llm.ainvoke("hi")
    record = message.response_metadata["leeroo"]
    assert record["attempts"][0]["error"] == "timeout"
    assert record["attempts"][0]["cost"] > 0, "the provider may have worked and may charge"
    assert record["expert"] == "small"


def test_no_usage_is_estimated_and_said_so(make, fake):
    record = make(large=fake(says="a short answer", usage=False)).invoke("hi").response_metadata["leeroo"]
    assert record["cost_is_estimate"]
    assert 1 <= record["output_tokens"] <= 10
    assert record["cost"] > 0


def test_tools_that_no_expert_supports_are_refused_before_any_call(make, fake):
    model = fake()
    llm = make(experts={"a": Expert(model=model, price=Price(**PRICE), capabilities=set())})
    with pytest.raises(NoEligibleExpert, match="cannot do tools"):
        llm.bind_tools([add]).invoke("2+2?")
    assert not model.seen


def test_a_tool_call_for_an_unknown_tool_is_passed_on_as_it_is(make, fake):
    calls = [{"name": "launch", "args": {}, "id": "c1"}]
    message = make(large=fake(tool_calls=calls)).bind_tools([add]).invoke("2+2?")
    assert message.tool_calls[0]["name"] == "launch"


def test_a_callback_that_raises_is_not_the_experts_failure(make, fake):
    class Guard(BaseCallbackHandler):
        raise_error = True

        def on_llm_end(self, response, **kwargs):
            raise PermissionError("not that")

    small = fake()
    with leeroo.budget() as spent, pytest.raises(PermissionError, match="not that"):
        make(small).invoke("hi", config={"callbacks": [Guard()]})
    assert not small.seen
    assert spent.cost > 0, "the expert had answered"
    assert leeroo.last_call()["attempts"][0]["error"] == "cancelled"


def test_a_callback_that_raises_quietly_changes_nothing(make):
    class Broken(BaseCallbackHandler):
        def on_llm_end(self, response, **kwargs):
            raise PermissionError("not that")

    assert make().invoke("hi", config={"callbacks": [Broken()]}).content == "large says hello"
