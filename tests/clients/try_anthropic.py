"""Anthropic's SDK, by `/v1/messages`."""

import anthropic
from checks import ASK, ASK_CITY, ASK_WEATHER, KEY, ROOT, SCHEMA, expect, report
from pydantic import BaseModel

client = anthropic.Anthropic(base_url=ROOT, api_key=KEY, max_retries=0)
TOOL = {"name": "get_weather", "description": "The weather of a city.", "input_schema": SCHEMA}


class City(BaseModel):
    """A city."""

    name: str
    people: int


def said(text):
    """A request's messages."""
    return {"model": "leeroo", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}


def chat():
    """A whole message, its tokens counted, the models."""
    message = client.messages.create(**said(ASK), system="Be brief.")
    expect(message.content[0].text, "capital")
    assert message._request_id
    assert message.model_extra["leeroo"]["cost"] > 0
    counted = client.messages.count_tokens(model="leeroo", messages=said(ASK)["messages"])
    assert counted.input_tokens > 0
    assert "leeroo" in [model.id for model in client.models.list()]


def streaming():
    """The same in pieces."""
    with client.messages.stream(**said(ASK)) as events:
        expect("".join(events.text_stream), "capital")
        assert events.get_final_message().usage.output_tokens > 0


def tools():
    """A tool loop, its first half streamed."""
    with client.messages.stream(**said(ASK_WEATHER), tools=[TOOL]) as events:
        first = events.get_final_message()
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    assert call.input == {"city": "Paris"}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}
    history = [*said(ASK_WEATHER)["messages"], {"role": "assistant", "content": first.content},
               {"role": "user", "content": [result]}]  # fmt: skip
    message = client.messages.create(model="leeroo", max_tokens=100, messages=history, tools=[TOOL])
    expect(next(block.text for block in message.content if block.type == "text"), "18 degrees")


def structured():
    """A model of pydantic."""
    assert client.messages.parse(**said(ASK_CITY), output_format=City).parsed_output.people == 2_000_000


report("anthropic", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
