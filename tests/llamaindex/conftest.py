"""What the LlamaIndex tests share: pools of small fakes, and no way to the network but loopback."""

import os

import pytest

# Set before llama_index is imported anywhere: its tokenizer and sentence splitter use the data in its package.
os.environ["LEEROO_OFFLINE"] = "1"
os.environ.pop("OPENAI_API_KEY", None)

from llama_index.core import Settings

from leeroo.prediction.predictor import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.llamaindex.replies import answer
from tests.openai_server import OpenAIServer

QUALITY = {"small": 0.6, "large": 0.9}
READ, WRITTEN = 40, 8
"""Tokens that the server reports of every answer."""


@pytest.fixture
def predictor():
    return ConstantPredictor(QUALITY, output_tokens=50)


@pytest.fixture(autouse=True)
def _fresh_settings():
    """No test leaves its LLM or callbacks in LlamaIndex's global settings."""
    yield
    Settings._llm = None
    Settings._callback_manager = None


@pytest.fixture
def server():
    with OpenAIServer(answer=answer, tokens=(READ, WRITTEN)) as running:
        yield running


def pool_of(server, **changes):
    """A pool file of two experts on the loopback server, the small one cheap and the large one better."""
    experts = {
        name: {
            "model": f"{name}-model",
            "base_url": server.url,
            "price": {"input": price, "output": price * 4},
            "context_window": 32_000,
            "max_output_tokens": 500,
            "timeout": 20.0,
        }
        for name, price in (("small", 1.0), ("large", 10.0))
    }
    return {"experts": experts, **changes}


@pytest.fixture
def llm(server, predictor):
    """Two experts on the server; the cheap one is adequate."""
    return Leeroo.from_pool(pool_of(server), predictor=predictor, tolerance=0.5)
