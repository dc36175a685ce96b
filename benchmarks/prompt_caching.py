"""What an agent's steps cost with and without `prompt_cache`, against a loopback server that caches as Anthropic does.

    python benchmarks/prompt_caching.py     needs langchain and langchain-anthropic

The same agent, instructions and tool each time, at Claude Sonnet 4.5's list prices; what is read and written is the
server's report, what it costs the calls' records.
"""

import json
from typing import Any

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, Price
from leeroo.prediction import ConstantPredictor
from tests.anthropic_server import AnthropicServer

PRICE = Price(input=3.0, output=15.0, cached_input=0.3, cache_write=3.75, cache_write_1h=6.0)
INSTRUCTIONS = "You are the assistant of a weather service, and answer in one sentence. " * 200


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"18 degrees in {city}, a light wind from the west, and no rain before the evening."


def costs(kept: str | None, steps: int) -> dict[str, Any]:
    """USD and tokens of an agent that asks its model so many times."""

    def answer(body: dict[str, Any]) -> str | tuple[str, dict[str, Any]]:
        made = sum(message["role"] == "assistant" for message in body["messages"])
        return ("weather", {"city": f"city {made}"}) if made < steps - 1 else "It is mild everywhere."

    with AnthropicServer(answer, least=1024) as server:
        model = ChatAnthropic(base_url=server.url, model="claude-sonnet-4-5", api_key="x")
        expert = Expert(model=model, price=PRICE, prompt_cache=kept)
        llm = ChatLeeroo(experts={"claude": expert}, predictor=ConstantPredictor({"claude": 0.9}))
        agent = create_agent(llm, [weather], system_prompt=INSTRUCTIONS)
        messages = agent.invoke({"messages": [("user", "How is the weather?")]}, {"recursion_limit": 100})["messages"]
    records = [message.response_metadata["leeroo"] for message in messages if message.type == "ai"]
    sums = {name: sum(record[name] for record in records) for name in ("input_tokens", "cached_tokens", "cost")}
    return {**sums, "cost": round(sums["cost"], 6)}


if __name__ == "__main__":
    kinds = {"none": None, "5m": "5m", "1h": "1h"}
    print(json.dumps({f"{n} calls": {k: costs(v, n) for k, v in kinds.items()} for n in (1, 2, 4, 10)}, indent=2))
