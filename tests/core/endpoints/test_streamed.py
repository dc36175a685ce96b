"""Streams by the core's own endpoint, against a loopback server."""

import pytest

import leeroo
from leeroo.endpoints.streamed import Streamed
from tests.core.endpoints.conftest import router
from tests.openai_server import OpenAIServer

QUESTION = [{"role": "user", "content": "Hi."}]


def test_a_stream_has_the_whole_answer_and_ends_with_the_record(server):
    server.behave("small", {"text": "One two three."})
    stream = Streamed(router(server, small=0.9), QUESTION)
    assert "".join(stream) == "One two three."
    assert (stream.record["expert"], stream.record["cost_is_estimate"]) == ("small", False)


def test_before_the_first_piece_the_next_expert_is_asked(server):
    server.behave("small", {"status": 500})
    server.behave("large", {"text": "Here."})
    stream = Streamed(router(server, small=0.9, large=0.9), QUESTION)
    assert "".join(stream) == "Here."
    assert [a["error"] for a in stream.record["attempts"]] == ["server", None]


def test_an_endpoint_that_ignores_its_cap_is_cut_off(server):
    server.behave("small", {"heeds_cap": False, "text": "word " * 2000})
    stream = Streamed(router(server, small=0.9), QUESTION, max_tokens=10)
    assert len("".join(stream).split()) < 100
    assert stream.record["cost_is_estimate"]


def test_a_prompt_is_sent_nowhere_else(server):
    with OpenAIServer() as other:
        server.behave("small", {"status": 307, "location": f"{other.url}/chat/completions"})
        with pytest.raises(leeroo.LeerooError):
            list(Streamed(router(server, small=0.9), QUESTION))
        assert not other.requests
