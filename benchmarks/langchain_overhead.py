"""What ChatLeeroo adds to a ChatOpenAI call, on one loopback server; prints JSON.

    python benchmarks/langchain_overhead.py [--calls 200]

Contenders take turns of ten calls, so that a busy machine slows all alike: the openai SDK, ChatOpenAI, ChatLeeroo with
a constant predictor (no encoder), ChatLeeroo with the shipped predictor, and those peers that are installed
(langchain-model-router, langchain-failover, langchain-litellm). Measured: one call at a time (sync), time to the first
chunk of a stream, and 32 calls in flight (async, calls per second). The server is a process of its own.
"""

import argparse
import asyncio
import importlib.metadata
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("LEEROO_OFFLINE", "1")
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or its thread asks the network beside the measurement

import openai
from langchain_openai import ChatOpenAI

from langchain_leeroo import ChatLeeroo
from leeroo.prediction import ConstantPredictor

SERVER = Path(__file__).parents[1] / "tests" / "openai_server.py"
QUESTION = (
    "A train leaves the station at nine in the morning and travels at {} kilometres an hour; a second one leaves "
    "an hour later from the same place at one hundred and twenty. At what time does the second train reach the first, "
    "and how far from the station are they then? Explain each step."
)
"""About 60 tokens; every call asks with another number, for what was asked before is not encoded again."""
IN_FLIGHT = 32
IN_A_ROW = 10
"""Calls that a contender makes at its turn. Turns of one call would keep what all of them share (langchain-openai and
the SDK) in the processor's caches, and always find what is a contender's own outside of them."""


_numbers = itertools.count(1000)


def question() -> str:
    return QUESTION.format(next(_numbers))


class Contender:
    """One way to make the call."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self._model = model

    def call(self) -> None:
        """One call."""
        self._model.invoke(question())

    async def acall(self) -> None:
        """One asynchronous call."""
        await self._model.ainvoke(question())

    def first_chunk(self) -> float:
        """Seconds to the first text of a stream, which is then read to its end."""
        began = time.perf_counter()
        stream = self._model.stream(question())
        for chunk in stream:
            if chunk.text:
                break
        taken = time.perf_counter() - began
        for _ in stream:
            pass
        return taken


class Sdk(Contender):
    """The openai SDK itself."""

    def __init__(self, url: str) -> None:
        super().__init__("openai sdk", None)
        self._sync = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        self._async = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)

    @property
    def _asked(self) -> Any:
        return {"model": "small-model", "messages": [{"role": "user", "content": question()}]}

    def call(self) -> None:
        """One call."""
        self._sync.chat.completions.create(**self._asked)

    async def acall(self) -> None:
        """One asynchronous call."""
        await self._async.chat.completions.create(**self._asked)

    def first_chunk(self) -> float:
        """Seconds to the first text of a stream, which is then read to its end."""
        began = time.perf_counter()
        stream = self._sync.chat.completions.create(**self._asked, stream=True)
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
        taken = time.perf_counter() - began
        for _ in stream:
            pass
        return taken


def contenders(url: str) -> list[Contender]:
    def plain(model: str = "small-model") -> ChatOpenAI:
        return ChatOpenAI(model=model, base_url=url, api_key="none", max_retries=0, stream_usage=True)  # type: ignore[arg-type]

    price = {"input": 1, "output": 2}
    pool: dict[str, Any] = {
        "experts": {
            "small": {"model": "small-model", "base_url": url, "price": price},
            "large": {"model": "large-model", "base_url": url, "price": {"input": 10, "output": 20}},
        }
    }
    found: list[Contender] = [
        Sdk(url),
        Contender("ChatOpenAI", plain()),
        Contender("ChatLeeroo, constant predictor", ChatLeeroo.from_pool(pool, predictor=ConstantPredictor())),
        Contender("ChatLeeroo, shipped predictor", ChatLeeroo.from_pool(pool)),
    ]
    return [*found, *peers(url, plain)]


def peers(url: str, plain: Callable[..., ChatOpenAI]) -> Iterator[Contender]:
    """The peers that are installed; each constructor as its own documentation shows it."""
    try:
        from langchain_failover import FailoverChatModel

        yield Contender("langchain-failover", FailoverChatModel(primary=plain(), secondary=plain("large-model")))
    except Exception as error:
        missing("langchain-failover", error)
    try:
        from langchain_model_router import ChatRouter, HeuristicStrategy

        routes = {"small": plain(), "large": plain("large-model")}
        strategy = HeuristicStrategy("small", "large")
        yield Contender("langchain-model-router", ChatRouter(routes=routes, default_route="small", strategy=strategy))
    except Exception as error:
        missing("langchain-model-router", error)
    try:
        from langchain_litellm import ChatLiteLLMRouter
        from litellm import Router

        listed = [
            {"model_name": "m", "litellm_params": {"model": f"openai/{m}", "api_base": url, "api_key": "none"}}
            for m in ("small-model", "large-model")
        ]
        yield Contender("langchain-litellm router", ChatLiteLLMRouter(router=Router(model_list=listed), model_name="m"))
    except Exception as error:
        missing("langchain-litellm", error)


def missing(name: str, error: Exception) -> None:
    print(f"{name} is left out: {type(error).__name__}: {error}", file=sys.stderr)


def times(contenders: list[Contender], calls: int, one: Callable[[Contender], float]) -> dict[str, list[float]]:
    """Every contender's times; they take turns, each round beginning with another one."""
    taken: dict[str, list[float]] = {c.name: [] for c in contenders}
    for contender in contenders:
        for _ in range(5):
            one(contender)
    for turn in range(-(-calls // IN_A_ROW)):
        shift = turn % len(contenders)
        for contender in contenders[shift:] + contenders[:shift]:
            taken[contender.name] += [one(contender) for _ in range(IN_A_ROW)]
    return taken


def timed_call(contender: Contender) -> float:
    began = time.perf_counter()
    contender.call()
    return time.perf_counter() - began


def summary(taken: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    base = taken["ChatOpenAI"]
    median = statistics.median(base)
    return {
        name: {
            "p50_ms": round(1000 * statistics.median(values), 3),
            "p99_ms": round(1000 * statistics.quantiles(values, n=100)[98], 3),
            "x_chat_openai": round(statistics.median(values) / median, 3),
            # Pairs of calls of the same round: what the machine does beside is much the same for both.
            "added_p50_ms": round(1000 * statistics.median([v - b for v, b in zip(values, base, strict=True)]), 3),
        }
        for name, values in taken.items()
    }


async def throughput(contenders: list[Contender], calls: int) -> dict[str, dict[str, float]]:
    rates: dict[str, list[float]] = {c.name: [] for c in contenders}

    async def many(acall: Callable[[], Awaitable[None]], count: int) -> float:
        gate = asyncio.Semaphore(IN_FLIGHT)

        async def one() -> None:
            async with gate:
                await acall()

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        return count / (time.perf_counter() - began)

    for contender in contenders:
        await many(contender.acall, IN_FLIGHT)
    rounds = 5
    for turn in range(rounds):
        shift = turn % len(contenders)
        for contender in contenders[shift:] + contenders[:shift]:
            rates[contender.name].append(await many(contender.acall, max(IN_FLIGHT, calls // rounds)))
    base = statistics.median(rates["ChatOpenAI"])
    return {
        name: {
            "calls_per_s": round(statistics.median(values), 1),
            "x_chat_openai": round(statistics.median(values) / base, 3),
        }
        for name, values in rates.items()
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--calls", type=int, default=200)
    calls = options.parse_args().calls
    server = subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        found = contenders(url)
        result = {
            "calls": calls,
            "cpu": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_1m_before": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
            "packages": {p: importlib.metadata.version(p) for p in ("langchain-core", "langchain-openai", "openai")},
            "sync": summary(times(found, calls, timed_call)),
            "first_chunk": summary(times(found, calls, lambda c: c.first_chunk())),
            f"async_{IN_FLIGHT}_in_flight": asyncio.run(throughput(found, calls)),
        }
    finally:
        server.terminate()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
