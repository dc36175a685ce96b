"""`leeroo serve` on a real port, over experts that answer by rule."""

import threading
import time
from contextlib import contextmanager

import openai
import pytest
import uvicorn

from leeroo import Expert, Price, Router
from leeroo.prediction.predictor import ConstantPredictor
from leeroo.serve.app import Settings, create_app
from leeroo.serve.running import server_config
from tests.openai_server import OpenAIServer

QUALITY = {"small": 0.9, "large": 0.9}


@pytest.fixture(scope="module")
def experts():
    """The experts' own server."""
    with OpenAIServer(("small-model", "large-model")) as running:
        yield running


@pytest.fixture(autouse=True)
def _well(experts):
    yield
    for model in ("small-model", "large-model"):
        experts.behave(model, None)
    experts.requests.clear()


def router_over(experts, **more):
    """A small expert that is adequate, and a large one to fall back to."""
    pool = {
        name: Expert(
            model=f"{name}-model",
            base_url=experts.url,
            price=Price(input=price, output=2 * price),
            max_output_tokens=200,
            capabilities={"tools", "structured_output", "streaming", "vision"}
            - ({"vision"} if name == "small" else set()),
            timeout=60.0,
        )
        for name, price in (("small", 1.0), ("large", 10.0))
    }
    return Router(pool, predictor=ConstantPredictor(QUALITY, output_tokens=20), **more)


@contextmanager
def running(router, *, keys=None, settings=None):
    """The server on a free port; gives its address."""
    app = create_app(router, keys=keys, settings=settings or Settings(per_minute=0))
    server = uvicorn.Server(server_config(app, "127.0.0.1", 0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def router(experts):
    return router_over(experts)


@pytest.fixture
def url(router):
    with running(router) as address:
        yield address


@pytest.fixture
def client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
        yield made
