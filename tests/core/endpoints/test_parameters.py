"""What of a request an expert gets: what its model or its endpoint would refuse is left out, for it only."""

import pytest

from leeroo import Expert, Price
from leeroo.endpoints.openai_compatible import Endpoint, request_to

ASK = {"role": "user", "content": "Hello"}
OPENAI = None
AZURE = "https://mine.openai.azure.com/openai/v1"
GROQ = "https://api.groq.com/openai/v1"
OWN = "http://127.0.0.1:8000/v1"


def sent(model, base_url=OPENAI, messages=(ASK,), **more):
    expert = Expert(model=model, name="x", base_url=base_url, price=Price(input=1, output=1))
    request = request_to(expert, Endpoint(model, base_url, "none"), {"messages": list(messages), **more}, None)
    return {"messages": request["messages"], **request["extra_body"]}


@pytest.mark.parametrize(
    ("name", "value", "model", "base_url", "goes"),
    [
        ("prompt_cache_retention", "24h", "gpt-5.1", OPENAI, True),
        ("prompt_cache_retention", "24h", "gpt-4.1-2025-04-14", OPENAI, True),
        ("prompt_cache_retention", "24h", "gpt-5.1", AZURE, False),
        ("prompt_cache_retention", "24h", "gpt-5-mini", OPENAI, False),
        ("prompt_cache_retention", "24h", "gpt-5.6", OPENAI, False),
        ("prompt_cache_retention", "24h", "gpt-4o", OPENAI, False),
        ("prompt_cache_retention", "24h", "my-model", OWN, False),
        ("prediction", {"type": "content", "content": "x"}, "gpt-4o-mini", OPENAI, True),
        ("prediction", {"type": "content", "content": "x"}, "gpt-4.1", AZURE, True),
        ("prediction", {"type": "content", "content": "x"}, "gpt-5", OPENAI, False),
        ("prediction", {"type": "content", "content": "x"}, "gpt-4o", OWN, False),
        ("reasoning_effort", "low", "gpt-5", OPENAI, True),
        ("reasoning_effort", "low", "gpt-4o", OPENAI, False),
        ("reasoning_effort", "low", "my-model", OWN, True),
    ],
)
def test_hints_go_to_those_who_take_them(name, value, model, base_url, goes):
    assert (name in sent(model, base_url, **{name: value})) is goes


MARK = {"type": "ephemeral"}
MARKED = [
    {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": MARK}]},
    {"role": "user", "content": "Hello", "cache_control": MARK},
    {"role": "assistant", "content": None, "reasoning_content": "so", "tool_calls": [{"id": "a"}]},
]
TOOL = {"type": "function", "function": {"name": "f"}, "cache_control": MARK}


@pytest.mark.parametrize("base_url", [OPENAI, AZURE, GROQ, "https://api.cerebras.ai/v1"])
def test_marks_to_cache_and_earlier_thoughts_are_not_sent_where_they_are_refused(base_url):
    got = sent("m", base_url, MARKED, tools=[TOOL])
    assert got["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]},
    ]
    assert got["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert MARKED[0]["content"][0]["cache_control"] == MARK  # the request itself stays as it is, for the next expert


@pytest.mark.parametrize("base_url", [OWN, "https://openrouter.ai/api/v1", "https://api.deepseek.com/v1"])
def test_elsewhere_they_go_as_they_are(base_url):
    got = sent("m", base_url, MARKED, tools=[TOOL])
    assert (got["messages"], got["tools"]) == (MARKED, [TOOL])


def asked_to_keep(base_url, kept, messages=(ASK,), **more):
    expert = Expert(model="m", name="x", base_url=base_url, price=Price(input=1, output=1), prompt_cache=kept)
    body = {"messages": list(messages), **more}
    return request_to(expert, Endpoint("m", base_url, "none"), body, None)["extra_body"]["messages"]


def text(of, **mark):
    return [{"type": "text", "text": of, "cache_control": {"type": "ephemeral", **mark}}]


def test_an_expert_with_a_prompt_cache_is_asked_to_keep_instructions_and_the_conversation():
    system, middle = {"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Yes?"}
    tool = {"role": "tool", "tool_call_id": "a", "content": "18"}
    asked = [system, ASK, middle, tool]
    got = asked_to_keep(OWN, "5m", asked)
    assert got == [{**system, "content": text("Be brief.")}, ASK, middle, {**tool, "content": text("18")}]
    assert system["content"] == "Be brief."  # the request itself stays as it is, for the next expert
    assert asked_to_keep(OWN, "1h")[-1]["content"] == text("Hello", ttl="1h")


def test_the_callers_own_marks_are_not_added_to():
    assert asked_to_keep(OWN, "5m", MARKED) == MARKED


@pytest.mark.parametrize("base_url", [OPENAI, AZURE, GROQ])
def test_who_refuses_marks_is_sent_none(base_url):
    assert asked_to_keep(base_url, "5m") == [ASK]


@pytest.mark.parametrize(
    ("content", "marked"),
    [
        ("", ""),
        (None, None),
        ([{"type": "image_url", "image_url": {"url": "u"}}, {"type": "text", "text": " "}],
         [{"type": "image_url", "image_url": {"url": "u"}, "cache_control": MARK}, {"type": "text", "text": " "}]),
        ([{"type": "thinking", "thinking": "so"}], [{"type": "thinking", "thinking": "so"}]),
    ],
)  # fmt: skip
def test_a_mark_stands_on_the_last_part_that_may_bear_one(content, marked):
    assert asked_to_keep(OWN, "5m", [{"role": "user", "content": content}])[0]["content"] == marked
