"""Nothing that the server does for a request holds up its event loop: neither keys nor ledger nor consultation."""

import openai
import pytest
from blockbuster import BlockBuster

from leeroo.ledger.opening import open_ledger
from leeroo.serve.keys import KeyFile
from tests.integration.serve.conftest import router_over, running

ASK = {"model": "leeroo", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


@pytest.fixture
def client(experts, tmp_path):
    """A client of a server with keys and a ledger in files, in whose event loop calls of ours that block raise."""
    keys = KeyFile(tmp_path / "keys.json")
    _, key = keys.add("acme")
    router = router_over(experts, ledger=open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}"))
    with running(router, keys=keys) as url:
        watch = BlockBuster(scanned_modules="leeroo")
        watch.activate()
        try:
            with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as made:
                yield made
        finally:
            watch.deactivate()


@pytest.mark.parametrize("more", [{}, {"leeroo": {"consult": True}}])
def test_answers(client, more):
    answer = client.chat.completions.create(**ASK, extra_body=more)
    assert answer.model_extra["leeroo"]["attempts"][0]["error"] is None
    *_, last = client.chat.completions.create(**ASK, stream=True, extra_body=more)
    assert last.model_extra["leeroo"]["expert"] == answer.model


def test_failures(client, experts):
    for model in ("small-model", "large-model"):
        experts.behave(model, [{"status": 503}])
    assert len(client.chat.completions.create(**ASK).model_extra["leeroo"]["attempts"]) == 3
    for model in ("small-model", "large-model"):
        experts.behave(model, {"status": 401})
    with pytest.raises(openai.APIStatusError, match="No expert answered"):
        client.chat.completions.create(**ASK)


def test_a_refused_key(client):
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="lr-wrong").models.list()
