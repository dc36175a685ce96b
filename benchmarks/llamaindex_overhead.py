"""What Leeroo adds to a LlamaIndex call, against OpenAILike (and LiteLLM, where installed) on one server. Prints JSON.

    python benchmarks/llamaindex_overhead.py [--repeats 200]

The server is a process of its own on loopback; what it takes is the same for all.
Calls are interleaved, one of each LLM in turn, in random order. `leeroo` predicts constants: it is everything but the
encoder; `leeroo_encoder` uses the predictor that ships. For LiteLLM: `pip install llama-index-llms-litellm` beforehand.
"""

import argparse
import itertools
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("LEEROO_OFFLINE", "1")
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else LiteLLM fetches prices while others are timed

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import LLM, ChatMessage
from llama_index.llms.openai_like import OpenAILike

from leeroo.prediction import ConstantPredictor, load
from llamaindex_leeroo import Leeroo

_numbers = itertools.count(100)
MODEL = "bench-model"
SERVER = Path(__file__).parents[1] / "tests" / "openai_server.py"


def question() -> str:
    """One that was not asked before: the predictor does not encode a text again that it has just seen."""
    return f"Why does the sky look blue at noon and red in the evening? In {next(_numbers)} words at most."


def messages() -> list[ChatMessage]:
    return [ChatMessage(role="user", content=question())]


def llms(url: str) -> dict[str, LLM]:
    """What is compared."""

    def client() -> OpenAILike:
        return OpenAILike(
            model=MODEL, api_base=url, api_key="none", is_chat_model=True, context_window=32_000, max_retries=0
        )

    def routed(predictor: Any) -> Leeroo:
        expert = {
            "model": MODEL, "base_url": url, "price": {"input": 0.1, "output": 0.4}, "context_window": 32_000,
            "traits": "Yi-6B",
        }  # fmt: skip
        pool = {"experts": {"small": expert, "large": expert}}
        return Leeroo.from_pool(pool, predictor=predictor, max_cost=0.05)

    compared: dict[str, LLM] = {"openai_like": client(), "leeroo": routed(ConstantPredictor())}
    try:
        compared["leeroo_encoder"] = routed(load())
    except Exception as error:  # the artifact may not be built yet
        print(f"no predictor: {error}")
    try:
        from llama_index.llms.litellm import LiteLLM

        compared["litellm"] = LiteLLM(model=f"openai/{MODEL}", api_base=url, api_key="none", max_retries=0)
    except ImportError:
        pass
    return compared


def first_token(llm: LLM) -> float:
    """Milliseconds to the first text; the rest is read afterwards, off the clock."""
    asked = messages()
    began = time.perf_counter()
    stream = llm.stream_chat(asked)
    for piece in stream:
        if piece.delta:
            break
    taken = 1000 * (time.perf_counter() - began)
    for _ in stream:
        pass
    return taken


def clocked(work: Callable[[], object]) -> float:
    """Milliseconds of some work."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def compare(ways: dict[str, Callable[[], float]], repeats: int) -> dict[str, dict[str, float]]:
    """Medians of interleaved calls, and what each adds to OpenAILike."""
    for way in ways.values():
        for _ in range(10):
            way()
    found: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for _ in range(repeats):
        random.shuffle(names)  # what runs before leaves its mark on caches and cores
        for name in names:
            found[name].append(ways[name]())
    base = statistics.median(found["openai_like"])
    rows = {}
    for name, values in found.items():
        median = statistics.median(values)
        rows[name] = {
            "p50_ms": round(median, 3),
            "p95_ms": round(statistics.quantiles(values, n=20)[18], 3),
            "added_p50_ms": round(median - base, 3),
            "ratio": round(median / base, 3),
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    server = subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    compared = llms(server.stdout.readline().strip())
    documents = [Document(text="Short waves of light scatter more than long ones. " * 20)]
    index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8))
    engines = {name: index.as_query_engine(llm=llm) for name, llm in compared.items()}

    def chat(llm: LLM) -> Callable[[], float]:
        return lambda: clocked(lambda: llm.chat(messages()))

    def query(engine: Any) -> Callable[[], float]:
        return lambda: clocked(lambda: engine.query(question()))

    result = {
        "chat": compare({name: chat(llm) for name, llm in compared.items()}, repeats),
        "first_token": compare(
            {name: lambda llm=llm: first_token(llm) for name, llm in compared.items()},  # type: ignore[misc]
            repeats,
        ),
        "query_engine": compare({name: query(engine) for name, engine in engines.items()}, repeats),
        "repeats": repeats,
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }
    server.terminate()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
