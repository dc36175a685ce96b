"""What all tests share. Sockets to anything but loopback are refused by pytest-socket (see pyproject.toml)."""

import os

import pytest

# Before anything is imported: child processes inherit it too, and no thread tries to download a vocabulary.
os.environ["LEEROO_OFFLINE"] = "1"
# Readline tells the workers of pytest-xdist a width, and a console keeps what is set when its module is imported.
os.environ.pop("COLUMNS", None)

from leeroo import Expert, Pool, Price, Router
from leeroo.prediction import ConstantPredictor
from leeroo.routing import tries
from tests.openai_server import OpenAIServer

# Failed experts are asked again at once: no test waits, but those of the waits, which set these themselves.
tries.FIRST_WAIT = tries.PATIENCE = 0.0

QUALITY = {"small": 0.6, "medium": 0.7, "large": 0.9}


@pytest.fixture
def make_expert():
    """Build an expert with a stated price: `make_expert("small", 1, 2, timeout=5)`; prices in USD per 1M tokens."""

    def make(name="small", price_in=1.0, price_out=2.0, **fields):
        fields = {"model": f"openai:{name}-model", "max_output_tokens": 1000, **fields}
        return Expert(name=name, price=Price(input=price_in, output=price_out), **fields)

    return make


@pytest.fixture
def server():
    """An OpenAI-compatible server on loopback. Tests that want other answers of it have a `server` of their own."""
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def pool(make_expert):
    """Three experts, the dearer the better."""
    experts = (make_expert("small", 1, 2), make_expert("medium", 5, 10), make_expert("large", 50, 100))
    return Pool({e.name: e for e in experts})


@pytest.fixture
def make_router(pool):
    """Build a router on constant predictions: `make_router(quality={"small": 0.6}, output_tokens=100)`."""

    def make(experts=None, quality=None, output_tokens=100, **kwargs):
        predictor = ConstantPredictor(QUALITY if quality is None else quality, output_tokens=output_tokens)
        return Router(pool if experts is None else experts, predictor=predictor, **kwargs)

    return make
