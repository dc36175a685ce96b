"""Structured output that has no form: the next expert is asked; where none has it, a clear error without the answers.

Met in LangChain: `json_mode` raised at once with the model's text in the message, `function_calling` gave None without
an error, and a stream gave nothing at all.
"""

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, ExpertsFailed, InvalidRequest, Price, last_call
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.openai_server import OpenAIServer

SECRET = "three little birds"
METHODS = ["json_mode", "json_schema", "function_calling"]


class Sum(BaseModel):
    value: int


class Half(BaseModel):
    value: int
    other: str


@pytest.fixture
def server():
    with OpenAIServer() as server:
        for model in ("best", "next"):
            server.behave(model, {"text": SECRET})
        yield server


@pytest.fixture
def llm(server):
    price = Price(input=1, output=2)

    def expert(name):
        model = ChatOpenAI(model=name, base_url=server.url, api_key="none", max_retries=0)
        return Expert(model=model, price=price, max_output_tokens=1_000)

    predictor = ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20)
    return ChatLeeroo(experts={name: expert(name) for name in ("best", "next")}, predictor=predictor)


WAYS = ["invoke", "ainvoke", "stream", "astream"]


async def ask(structured, way):
    if way == "invoke":
        return structured.invoke("json, please")
    if way == "ainvoke":
        return await structured.ainvoke("json, please")
    if way == "stream":
        return list(structured.stream("json, please"))[-1]
    return [piece async for piece in structured.astream("json, please")][-1]


@pytest.mark.parametrize("schema", [Sum, Sum.model_json_schema()], ids=["class", "schema"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", WAYS)
async def test_nobody_has_the_form(way, method, schema, llm):
    with pytest.raises(ExpertsFailed) as caught:
        await ask(llm.with_structured_output(schema, method=method), way)
    error = caught.value
    assert isinstance(error, OutputParserException), "those who catch LangChain's catch it"
    assert isinstance(error, ValueError)
    assert error.kind == "unparsable"
    assert "include_raw=True" in str(error)
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__ or error.__context__
    assert [(a["expert"], a["error"]) for a in last_call()["attempts"]] == [
        ("best", "unparsable"),
        ("next", "unparsable"),
    ]


@pytest.mark.parametrize("method", ["json_mode", "json_schema"])
@pytest.mark.parametrize("way", WAYS)
async def test_the_next_expert_has_it_and_the_first_is_paid_what_it_used(way, method, llm, server):
    server.behave("next", {"text": '{"value": 3}'})
    assert await ask(llm.with_structured_output(Sum, method=method), way) == Sum(value=3)
    first = last_call()["attempts"][0]
    assert first["error"] == "unparsable"
    assert 0 < first["cost"] < 1e-4, "the worst case would be 2e-3"


@pytest.mark.parametrize("method", ["json_mode", "json_schema"])
@pytest.mark.parametrize("way", WAYS)
async def test_one_that_is_consulted_abstains(way, method, llm, server):
    asked = llm.with_structured_output(Sum, method=method, max_calls=2, min_quality=0.99)
    for _ in range(4):
        with pytest.raises(OutputParserException):
            await ask(asked, way)
    assert [a["error"] for a in last_call()["attempts"]] == ["unparsable", "unparsable"]
    server.behave("next", {"text": '{"value": 3}'})
    assert await ask(asked, way) == Sum(value=3)
    record = last_call()
    assert {a["expert"]: a["error"] for a in record["attempts"]} == {"best": "unparsable", "next": None}
    assert {one["expert"]: one["cluster"] for one in record["consult"]["asks"]} == {"best": None, "next": 0}
    assert record["cost"] == pytest.approx(sum(one["cost"] for one in record["consult"]["asks"]))
    assert 0 < record["cost"] < 2e-4, "the worst case would be 2e-3"


@pytest.mark.parametrize("method", METHODS)
async def test_four_bad_objects_do_not_close_an_expert(method, llm):
    for _ in range(4):
        with pytest.raises(OutputParserException):
            llm.with_structured_output(Sum, method=method).invoke("json, please")
    assert [a["error"] for a in last_call()["attempts"]] == ["unparsable", "unparsable"]


@pytest.mark.parametrize("method", ["json_mode", "function_calling"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_with_the_raw_message_it_is_as_langchain_has_it(way, method, llm):
    whole = await ask(llm.with_structured_output(Sum, method=method, include_raw=True), way)
    assert whole["parsed"] is None
    assert SECRET in whole["raw"].text or whole["raw"].tool_calls
    assert isinstance(whole["parsing_error"], OutputParserException) == (method == "json_mode")
    assert [a["error"] for a in whole["raw"].response_metadata["leeroo"]["attempts"]] == ["unparsable", None]


def test_a_wrong_argument_is_none_of_a_parser(llm):
    with pytest.raises(InvalidRequest, match="jsn_mode"):
        llm.with_structured_output(Sum, method="jsn_mode").invoke("json, please")
    assert last_call()["cost"] == 0, "nobody was asked"


def test_llamaindex_says_so_too(server):
    experts = {n: Expert(model=n, base_url=server.url, price=Price(input=1, output=2)) for n in ("best", "next")}
    llm = Leeroo(experts, predictor=ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20))
    with pytest.raises(ExpertsFailed, match="does not have the form of Sum") as caught:
        llm.as_structured_llm(Sum).complete("json, please")
    assert SECRET not in str(caught.value)
    assert caught.value.kind == "unparsable"
