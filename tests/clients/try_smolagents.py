"""smolagents, by chats."""

from checks import ASK, ASK_CITY, ASK_WEATHER, KEY, URL, expect, report
from smolagents import OpenAIModel, ToolCallingAgent, tool

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
}
model = OpenAIModel(model_id="leeroo", api_base=URL, api_key=KEY)


@tool
def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: Its name.
    """
    return f"18 degrees in {city}"


def said(text):
    """A request's messages."""
    return [{"role": "user", "content": [{"type": "text", "text": text}]}]


def chat():
    """A whole answer."""
    expect(model.generate(said(ASK)).content, "capital")


def streaming():
    """The same in pieces."""
    expect("".join(piece.content or "" for piece in model.generate_stream(said(ASK))), "capital")


def tools():
    """An agent calls a tool; then it is told to end."""
    message = model.generate(said(ASK_WEATHER), tools_to_call_from=[get_weather])
    assert message.tool_calls[0].function.arguments in ({"city": "Paris"}, '{"city": "Paris"}')
    agent = ToolCallingAgent(tools=[get_weather], model=model, max_steps=2, verbosity_level=0)
    expect(agent.run("Use final_answer: 'forty two'"), "")


def structured():
    """JSON by a schema."""
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}
    expect(model.generate(said(ASK_CITY), response_format=form).content, "Paris", "2000000")


report("smolagents", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
