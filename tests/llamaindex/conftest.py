"""What the LlamaIndex tests share: pools of small fakes, and no way to the network but loopback."""

import os

import pytest

# Set before llama_index is imported anywhere: its tokenizer and sentence splitter use the data in its package.
os.environ["LEEROO_OFFLINE"] = "1"
os.environ.pop("OPENAI_API_KEY", None)

from llama_index.core import Settings

from leeroo.prediction.predictor import ConstantPredictor

QUALITY = {"small": 0.6, "large": 0.9}


@pytest.fixture
def predictor():
    return ConstantPredictor(QUALITY, output_tokens=50)


@pytest.fixture(autouse=True)
def _fresh_settings():
    """No test leaves its LLM or callbacks in LlamaIndex's global settings."""
    yield
    Settings._llm = None
    Settings._callback_manager = None
