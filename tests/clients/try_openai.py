"""The openai SDK: chats, responses, completions."""

import json

import openai
from checks import ASK, ASK_CITY, ASK_WEATHER, KEY, SCHEMA, URL, expect, report
from pydantic import BaseModel

client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)
TOOL = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}


class City(BaseModel):
    """A city."""

    name: str
    people: int


def chat():
    """A whole answer of each endpoint, with the record."""
    whole = client.chat.completions.create(model="leeroo", messages=[{"role": "user", "content": ASK}])
    expect(whole.choices[0].message.content, "capital")
    assert whole.model_extra["leeroo"]["cost"] > 0
    response = client.responses.create(model="leeroo", input=ASK, extra_body={"leeroo": {"max_cost": 0.1}})
    expect(response.output_text, "capital")
    assert response.model_extra["leeroo"]["cost"] > 0
    expect(client.completions.create(model="leeroo", prompt=ASK).choices[0].text, "capital")


def streaming():
    """The same in pieces."""
    pieces = list(
        client.chat.completions.create(model="leeroo", messages=[{"role": "user", "content": ASK}], stream=True)
    )
    expect("".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices), "capital")
    with client.responses.stream(model="leeroo", input=ASK) as events:
        expect(events.get_final_response().output_text, "capital")
    expect(
        "".join(p.choices[0].text for p in client.completions.create(model="leeroo", prompt=ASK, stream=True)),
        "capital",
    )


def tools():
    """A tool loop by responses."""
    asked = [{"role": "user", "content": ASK_WEATHER}]
    first = client.responses.create(model="leeroo", input=asked, tools=[TOOL])
    call = next(item for item in first.output if item.type == "function_call")
    assert json.loads(call.arguments) == {"city": "Paris"}
    asked += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}]
    expect(client.responses.create(model="leeroo", input=asked, tools=[TOOL]).output_text, "18 degrees")


def structured():
    """A model of pydantic by both."""
    assert client.responses.parse(model="leeroo", input=ASK_CITY, text_format=City).output_parsed.people == 2_000_000
    messages = [{"role": "user", "content": ASK_CITY}]
    whole = client.chat.completions.parse(model="leeroo", messages=messages, response_format=City)
    assert whole.choices[0].message.parsed.name == "Paris"


report("openai", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
