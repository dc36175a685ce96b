"""Answers of no use go to the next expert, charged and on the record; where nobody is left they stand as they are."""

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

import leeroo
from leeroo import Expert, ExpertsFailed, Price
from tests.langchain.cases import Sum, record


@pytest.fixture
def says(fake):
    """A fake that says nothing, with a finish reason and more fields of a message."""

    class Says(fake):
        def _message(self, cls):
            fields = {"content": "", "response_metadata": {"finish_reason": "stop"}, **(self.script or {})}
            return cls(usage_metadata=self._usage(), **fields)

        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            self._note(messages, stop, kwargs)
            return ChatResult(generations=[ChatGeneration(message=self._message(AIMessage))])

        def _stream(self, messages, stop=None, run_manager=None, **kwargs):
            self._note(messages, stop, kwargs)
            yield ChatGenerationChunk(message=AIMessageChunk(content=""))
            yield ChatGenerationChunk(message=self._message(AIMessageChunk))

    return lambda **fields: Says(script=fields)


ENDS = [
    ({}, "empty"),
    ({"content": "  "}, "empty"),
    ({"content": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}, "empty"),
    ({"response_metadata": {"finish_reason": "length"}}, "truncated"),
    ({"response_metadata": {"finish_reason": "content_filter"}}, "filtered"),
    ({"response_metadata": {"stop_reason": "refusal"}}, "filtered"),
    ({"additional_kwargs": {"refusal": "I will not"}}, "filtered"),
]


@pytest.mark.parametrize(("fields", "kind"), ENDS)
async def test_the_next_expert_answers(make, says, fields, kind):
    llm = make(large=says(**fields))
    for message in (llm.invoke("hi"), await llm.ainvoke("hi")):
        assert message.content == "small says hello"
        first, second = record(message)["attempts"]
        assert (first["error"], second["error"]) == (kind, None)
        assert first["cost"] == pytest.approx(10 * 10e-6 + 5 * 20e-6), "charged as it was used"
        assert not record(message)["cost_is_estimate"]


@pytest.mark.parametrize("fields", [{}, {"response_metadata": {"finish_reason": "length"}}])
async def test_a_stream_of_nothing_goes_on_with_the_next_expert(make, says, fields):
    llm = make(large=says(**fields))
    for chunks in (list(llm.stream("hi")), [c async for c in llm.astream("hi")]):
        assert "".join(c.content for c in chunks) == "small says hello "
        assert record(chunks[-1])["attempts"][0]["error"] in ("empty", "truncated")


@pytest.mark.parametrize("stream", [False, True])
def test_where_nobody_is_left_it_stands(make, says, fake, stream):
    def ask(llm, **kwargs):
        return list(llm.stream("hi", **kwargs))[-1] if stream else llm.invoke("hi", **kwargs)

    pools = [
        make(experts={"a": Expert(model=says(), price=Price(input=1, output=1))}),
        make(says(), says()),
        make(large=says(), on_empty="accept"),
        make(large=says(), max_retries=0),
    ]
    for llm in pools:
        message = ask(llm)
        assert message.text == ""
        assert record(message)["attempts"][-1]["error"] is None
    assert record(ask(make(large=says()), expert="large"))["expert"] == "large"


def test_media_and_tools_are_something(make, says):
    calls = [{"name": "add", "args": {}, "id": "c", "type": "tool_call"}]
    image = [{"type": "image", "base64": "AAAA", "mime_type": "image/png"}]
    for fields in ({"tool_calls": calls}, {"content": image}, {"additional_kwargs": {"audio": {"id": "x"}}}):
        assert record(make(large=says(**fields)).invoke("hi"))["expert"] == "large"


@pytest.mark.parametrize("method", ["json_mode", "function_calling", "json_schema"])
async def test_an_answer_without_the_schemas_form_goes_to_the_next_expert(make, fake, method):
    good = fake(says='{"value": 3}', tool_calls=[{"name": "Sum", "args": {"value": 3}, "id": "c"}])
    llm = make(good, fake(says="three"))
    structured = llm.with_structured_output(Sum, method=method)
    if method != "function_calling":
        structured = llm.with_structured_output(Sum.model_json_schema(), method=method)
    for answer in (structured.invoke("1+2?"), await structured.ainvoke("1+2?")):
        assert getattr(answer, "value", None) == 3 or answer["value"] == 3
        attempts = leeroo.last_call()["attempts"]
        assert [a["error"] for a in attempts] == ["unparsable", None]
        assert attempts[0]["cost"] > 0


def test_nobody_has_the_form(make, fake):
    llm = make(fake(says="three"), fake(says="drei"))
    with pytest.raises(ExpertsFailed, match="does not have the schema's form"):
        llm.with_structured_output(Sum).invoke("1+2?")
    whole = llm.with_structured_output(Sum, include_raw=True).invoke("1+2?")
    assert whole["parsed"] is None
    assert [a["error"] for a in record(whole["raw"])["attempts"]] == ["unparsable", None]
