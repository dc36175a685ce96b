"""Haystack's generators, by chats and by responses."""

from checks import ASK, ASK_CITY, ASK_WEATHER, KEY, URL, expect, get_weather, report
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import create_tool_from_function
from haystack.utils import Secret
from pydantic import BaseModel

GENERATORS = (OpenAIChatGenerator, OpenAIResponsesChatGenerator)


class City(BaseModel):
    """A city."""

    name: str
    people: int


def made(kind, **more):
    """A generator."""
    return kind(api_key=Secret.from_token(KEY), api_base_url=URL, model="leeroo", max_retries=0, **more)


def said(text):
    """A request's messages."""
    return [ChatMessage.from_user(text)]


def chat():
    """A whole answer."""
    for kind in GENERATORS:
        expect(made(kind).run(said(ASK))["replies"][0].text, "capital")


def streaming():
    """The same in pieces."""
    for kind in GENERATORS:
        pieces = []
        made(kind, streaming_callback=lambda piece, into=pieces: into.append(piece.content)).run(said(ASK))
        expect("".join(pieces), "capital")


def tools():
    """An agent's loop."""

    def weather(city: str) -> str:
        """The weather of a city."""
        return get_weather(city)

    for kind in GENERATORS:
        agent = Agent(chat_generator=made(kind), tools=[create_tool_from_function(weather)])
        expect(agent.run(messages=said(ASK_WEATHER))["messages"][-1].text, "18 degrees")


def structured():
    """A model of pydantic."""
    made_with = {OpenAIChatGenerator: "response_format", OpenAIResponsesChatGenerator: "text_format"}
    for kind, name in made_with.items():
        text = made(kind, generation_kwargs={name: City}).run(said(ASK_CITY))["replies"][0].text
        assert City.model_validate_json(text).people == 2_000_000


report("haystack-ai", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
