"""The OpenAI Agents SDK, by `/v1/responses`, its default."""

import asyncio

from agents import Agent, ModelSettings, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from checks import ASK, ASK_CITY, ASK_WEATHER, KEY, URL, expect, get_weather, report
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from pydantic import BaseModel

set_tracing_disabled(True)


class City(BaseModel):
    """A city."""

    name: str
    people: int


def agent(**more):
    """An agent; its client belongs to the event loop that it is made for."""
    client = AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0)
    return Agent(name="agent", model=OpenAIResponsesModel("leeroo", openai_client=client), **more)


def chat():
    """A whole answer, with what the SDK is often told."""
    settings = ModelSettings(store=False, temperature=0.1, reasoning=Reasoning(effort="low", summary="auto"),
                             response_include=["reasoning.encrypted_content"])  # fmt: skip
    expect(Runner.run_sync(agent(instructions="Be brief.", model_settings=settings), ASK).final_output, "capital")


def streaming():
    """The same in pieces."""

    async def run():
        result = Runner.run_streamed(agent(), ASK)
        pieces = [event.data.delta async for event in result.stream_events()
                  if getattr(getattr(event, "data", None), "type", "") == "response.output_text.delta"]  # fmt: skip
        expect("".join(pieces), "capital")

    asyncio.run(run())


def tools():
    """A tool loop, and a handoff to another agent."""
    expect(Runner.run_sync(agent(tools=[function_tool(get_weather)]), ASK_WEATHER).final_output, "18 degrees")
    other = agent()
    other.name = "french"
    assert Runner.run_sync(agent(handoffs=[other]), "transfer_to_french").last_agent.name == "french"


def structured():
    """A model of pydantic."""
    assert Runner.run_sync(agent(output_type=City), ASK_CITY).final_output.people == 2_000_000


report("openai-agents", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
