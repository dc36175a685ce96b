"""Pydantic AI, by chats, responses and messages."""

import asyncio

from anthropic import AsyncAnthropic
from checks import ASK, ASK_CITY, ASK_WEATHER, KEY, ROOT, URL, expect, get_weather, report
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


class City(BaseModel):
    """A city."""

    name: str
    people: int


def models():
    """One of each format; clients belong to the event loop that they are made for."""
    openai = OpenAIProvider(openai_client=AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0))
    anthropic = AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=ROOT, api_key=KEY, max_retries=0))
    return (
        OpenAIChatModel("leeroo", provider=openai),
        OpenAIResponsesModel("leeroo", provider=openai),
        AnthropicModel("leeroo", provider=anthropic),
    )


def each(check):
    """Run a check with an agent of each."""

    async def run():
        for model in models():
            await check(model)

    asyncio.run(run())


def chat():
    """A whole answer."""

    async def check(model):
        expect((await Agent(model, instructions="Be brief.").run(ASK)).output, "capital")

    each(check)


def streaming():
    """The same in pieces."""

    async def check(model):
        async with Agent(model).run_stream(ASK) as result:
            expect("".join([piece async for piece in result.stream_text(delta=True)]), "capital")

    each(check)


def tools():
    """A tool loop."""

    async def check(model):
        expect((await Agent(model, tools=[get_weather]).run(ASK_WEATHER)).output, "18 degrees")

    each(check)


def structured():
    """A model of pydantic, by a schema and by a tool."""

    async def check(model):
        if not isinstance(model, AnthropicModel):
            assert (await Agent(model, output_type=NativeOutput(City)).run(ASK_CITY)).output.people == 2_000_000
        assert (await Agent(model, output_type=City).run(ASK_CITY)).output.name == "Paris"

    each(check)


report("pydantic-ai-slim", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
