"""LiteLLM, which speaks all three formats."""

import json

import litellm
from checks import ASK, ASK_CITY, ASK_WEATHER, KEY, ROOT, SCHEMA, URL, expect, report
from pydantic import BaseModel

litellm.telemetry = False
OPENAI = {"model": "openai/leeroo", "api_base": URL, "api_key": KEY, "num_retries": 0}
ANTHROPIC = {"model": "anthropic/leeroo", "api_base": ROOT, "api_key": KEY, "num_retries": 0, "max_tokens": 100}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}


class City(BaseModel):
    """A city."""

    name: str
    people: int


def said(text):
    """A request's messages."""
    return [{"role": "user", "content": text}]


def chat():
    """A whole answer by each."""
    for way in (OPENAI, ANTHROPIC):
        expect(litellm.completion(**way, messages=said(ASK)).choices[0].message.content, "capital")
    expect(litellm.responses(**OPENAI, input=ASK).output[-1].content[0].text, "capital")


def streaming():
    """The same in pieces."""
    for way in (OPENAI, ANTHROPIC):
        pieces = litellm.completion(**way, messages=said(ASK), stream=True)
        expect("".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices), "capital")


def tools():
    """A tool loop by each."""
    for way in (OPENAI, ANTHROPIC):
        first = litellm.completion(**way, messages=said(ASK_WEATHER), tools=[TOOL]).choices[0].message
        call = first.tool_calls[0]
        assert json.loads(call.function.arguments) == {"city": "Paris"}
        history = [*said(ASK_WEATHER), first, {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
        expect(litellm.completion(**way, messages=history, tools=[TOOL]).choices[0].message.content, "18 degrees")


def structured():
    """A model of pydantic."""
    answer = litellm.completion(**OPENAI, messages=said(ASK_CITY), response_format=City)
    assert City.model_validate_json(answer.choices[0].message.content).people == 2_000_000


report("litellm", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
