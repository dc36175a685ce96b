"""Answers with nothing in them, and structured ones that are none: the next expert is asked; what was used is paid."""

import json

import pytest

from leeroo import ConfigError, ExpertsFailed, last_call
from llamaindex_leeroo import Leeroo
from tests.llamaindex.conftest import WRITTEN, pool_of
from tests.llamaindex.test_calls import COST_LARGE, COST_SMALL, PROMPT, WAYS, City, call, check

TALKING = [way for way in WAYS if "structured" not in way and "call" not in way]
EMPTY = {
    "nothing": {"text": ""},
    "blanks": {"text": " \n"},
    "a filter's nothing": {"text": "", "finish": "content_filter"},
    "only thoughts": {"text": "", "finish": "length", "reasoning": WRITTEN},
}


@pytest.mark.parametrize("kind", EMPTY)
@pytest.mark.parametrize("way", TALKING)
async def test_the_next_expert_answers_in_place_of_an_empty_one(way, kind, llm, server):
    if kind == "blanks" and "stream" in way:
        pytest.skip("a stream's first piece is given out as it comes")
    server.behave("small-model", EMPTY[kind])
    check(way, llm, await call(way, llm))
    record = last_call()
    error = {"a filter's nothing": "filtered", "only thoughts": "truncated"}.get(kind, "empty")
    assert [(a["expert"], a["error"]) for a in record["attempts"]] == [("small", error), ("large", None)]
    assert record["cost"] == pytest.approx(COST_SMALL + COST_LARGE, abs=4e-9), "both are paid for what they report"
    assert record["cost_is_estimate"] is False


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_where_nobody_else_is_left_an_empty_answer_is_one(way, llm, server):
    for model in ("small-model", "large-model"):
        server.behave(model, EMPTY["only thoughts"])
    assert not (await call(way, llm)).message.content
    assert [a["error"] for a in last_call()["attempts"]] == ["truncated", None]


@pytest.mark.parametrize("way", ["chat", "acomplete", "stream_chat", "astream_complete"])
async def test_an_empty_answer_is_one_where_the_user_says_so(way, server, predictor):
    server.behave("small-model", EMPTY["nothing"])
    llm = Leeroo.from_pool(pool_of(server), predictor=predictor, tolerance=0.5, on_empty="accept")
    answer = await call(way, llm)
    assert not (answer.text if hasattr(answer, "text") else answer.message.content)
    assert server.asked() == ["small-model"]
    assert llm.with_budget(max_cost=1).on_empty == "accept"


def test_an_unknown_policy_is_refused(server):
    with pytest.raises((ConfigError, ValueError), match="on_empty"):
        Leeroo.from_pool(pool_of(server), on_empty="guess")


def test_a_tool_call_without_text_is_an_answer(llm, server):
    check("chat_with_tools", llm, WAYS["chat_with_tools"](llm))
    assert server.asked() == ["small-model"]


MODES = {
    "schema": ["tools", "structured_output", "streaming"],
    "function": ["tools", "streaming"],
    "text": ["streaming"],
}
PROSE = {
    "prose": {"text": "Paris is a fine place."},
    "half": {"text": '{"name": "Par'},
    "other fields": {"text": '{"city": "Paris"}'},
    "a call of nonsense": {"tool_calls": [("City", '{"name": ')]},
    "nothing": {"text": ""},
}


@pytest.mark.parametrize("said", PROSE)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", [way for way in WAYS if "structured" in way])
async def test_the_next_expert_answers_in_place_of_one_that_cannot_be_parsed(way, mode, said, server, predictor):
    if mode != "function" and said == "a call of nonsense":
        pytest.skip("such experts get no tools")
    if mode != "schema":
        city = {"name": "Paris", "size": 1}
        server.answer = lambda body: json.dumps(city) if mode == "text" else [("City", city)]
    file = pool_of(server)
    for expert in file["experts"].values():
        expert["capabilities"] = MODES[mode]
    server.behave("small-model", PROSE[said])
    llm = Leeroo.from_pool(file, predictor=predictor, tolerance=0.5)
    if said == "half" and "stream" in way:  # its beginning was given out
        with pytest.raises(ExpertsFailed, match=r"after the answer had begun.*the form of City"):
            await call(way, llm)
    else:
        check(way, llm, await call(way, llm))
        assert [a["error"] is None for a in last_call()["attempts"]] == [False, True]
    assert last_call()["attempts"][0]["cost"] == pytest.approx(COST_SMALL, abs=2e-9)


@pytest.mark.parametrize("way", [way for way in WAYS if "structured" in way])
async def test_no_structured_answer_at_all_is_a_clear_error(way, llm, server):
    for model in ("small-model", "large-model"):
        server.behave(model, PROSE["prose"])
    with pytest.raises(ExpertsFailed, match="No expert answered") as caught:
        await call(way, llm)
    assert caught.value.__cause__ is not None
    assert last_call()["attempts"][0]["cost"] > 0


def test_the_callers_prompt_is_not_touched(llm, server, predictor):
    """LlamaIndex's text program puts its output parser on the prompt: other experts, and other calls, would have it."""
    server.answer = lambda body: '{"name": "Paris", "size": 1}'
    file = pool_of(server)
    for expert in file["experts"].values():
        expert["capabilities"] = []
    Leeroo.from_pool(file, predictor=predictor).structured_predict(City, PROMPT, place="Paris")
    assert PROMPT.output_parser is None


def test_a_refusal_in_its_own_field_is_one(llm, server, monkeypatch):
    message = server.message
    refusal = {"role": "assistant", "content": None, "refusal": "I would rather not."}
    answers = {"small-model": refusal}
    monkeypatch.setattr(server, "message", lambda body, how: {**message(body, how), **answers.get(body["model"], {})})
    monkeypatch.setattr("tests.openai_server._shorten", lambda body, message: (message, "stop"))
    check("chat", llm, WAYS["chat"](llm))
    assert [a["error"] for a in last_call()["attempts"]] == ["filtered", None]
