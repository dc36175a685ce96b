"""Servers and experts for attacks: everything on loopback, every expert a liar on demand."""

import pytest

from leeroo import Expert, Price, Router
from leeroo.ledger.opening import open_ledger
from leeroo.prediction import ConstantPredictor
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

PRICE = Price(input=1.0, output=2.0)
ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions")


def as_sent_to(path, text, **more):
    """A request for an answer to a text, as an endpoint wants it."""
    asks = {
        "/v1/chat/completions": {"messages": [{"role": "user", "content": text}]},
        "/v1/responses": {"input": [{"role": "user", "content": text}]},
        "/v1/messages": {"messages": [{"role": "user", "content": text}], "max_tokens": 200},
        "/v1/completions": {"prompt": text},
    }
    return {"model": "leeroo", **asks[path], **more}


@pytest.fixture
def liar():
    """The experts' server, which reports of an answer whatever it is told to."""
    with OpenAIServer(("model",)) as server:
        yield server


@pytest.fixture
def ledger(tmp_path):
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


@pytest.fixture
def make_router(liar):
    """A router with one expert at the liar's, or with several names for it."""

    def make(*names, ledger=None, **fields):
        given = {
            "max_output_tokens": 200,
            "price": PRICE,
            "capabilities": {"tools", "structured_output", "streaming", "vision", "audio", "documents"},
            **fields,
        }
        pool = {name: Expert(model=f"openai:{name}", base_url=liar.url, **given) for name in names or ("model",)}
        return Router(pool, predictor=ConstantPredictor(dict.fromkeys(pool, 0.9), output_tokens=10), ledger=ledger)

    return make


@pytest.fixture
def serve(make_router, ledger):
    """Runs `leeroo serve` over the router: `with serve(...) as (url, router):`."""
    from contextlib import contextmanager

    @contextmanager
    def run(*names, keys=None, settings=None, **fields):
        router = make_router(*names, ledger=ledger, **fields)
        with running(router, keys=keys, settings=settings) as url:
            yield url, router

    return run
