"""`/v1/completions` by the official client, the names of requests, and hints about what is not there."""

import json
import logging

import httpx
import openai
import pytest

from leeroo.serve.running import log_to_stderr
from tests.waiting import wait_for

ASK = "What is the capital of France?"
CHAT = {"model": "leeroo", "messages": [{"role": "user", "content": ASK}]}


def test_a_prompt_is_completed_whole_and_streamed(client, experts):
    whole = client.completions.create(
        model="leeroo", prompt=ASK, max_tokens=50, extra_body={"leeroo": {"max_cost": 0.01}}
    )
    record = whole.model_extra["leeroo"]
    assert "small-model" in whole.choices[0].text
    assert (whole.object, whole.id, whole.choices[0].finish_reason) == (
        "text_completion",
        f"cmpl-{record['call_id']}",
        "stop",
    )
    assert record["output_tokens"] == whole.usage.completion_tokens
    pieces = list(client.completions.create(model="leeroo", prompt=[ASK], stream=True))
    assert "".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert pieces[-1].model_extra["leeroo"]["cost"] > 0
    assert experts.bodies()[-1]["messages"] == CHAT["messages"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"prompt": [ASK, ASK]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"n": 2}, "n"),
        ({"best_of": 2}, "best_of"),
        ({"suffix": "x"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"logprobs": 1}, "logprobs"),
    ],
)
def test_what_a_chat_cannot_do_is_refused_by_name(client, experts, more, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**{"model": "leeroo", "prompt": ASK, **more})
    assert param in caught.value.param
    assert not experts.requests


def logged_in(caplog):
    """The log's lines of requests."""
    return [record for record in caplog.records if getattr(record, "event", None) == "request"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("my-request_1", True), (None, False), ("two words", False), ("a" * 200, False), ('{"a":1}', False)],
)
def test_a_request_has_a_name_on_every_answer_and_in_the_log(url, caplog, given, kept):
    headers = {} if given is None else {"x-request-id": given}
    with caplog.at_level(logging.INFO, "leeroo"):
        chat = httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers)
        stream = httpx.post(f"{url}/v1/chat/completions", json={**CHAT, "stream": True}, headers=headers)
        others = [
            httpx.post(f"{url}/v1/messages", json={}, headers=headers),
            httpx.post(f"{url}/v1/chat/completions", content=b"{", headers=headers),  # without its type: the gate's
            httpx.get(f"{url}/nowhere", headers=headers),
            httpx.get(f"{url}/healthz", headers=headers),
        ]
        wait_for(lambda: len(logged_in(caplog)) == 6)  # the last line comes after its answer
    names = [answer.headers["x-request-id"] for answer in (chat, stream, *others)]
    assert names == [given] * 6 if kept else len(set(names)) == 6
    assert all(name.isascii() and len(name) <= 128 for name in names)
    assert others[0].headers["request-id"] == names[2]
    logged = logged_in(caplog)
    assert [record.request_id for record in logged] == names
    assert [record.status for record in logged] == [200, 200, 400, 415, 404, 200]
    first = json.loads(stream.text.split("\n\n")[0].removeprefix("data: "))
    assert [record.answer_id for record in logged[:2]] == [chat.json()["id"], first["id"]]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/chat/completions", "Did you mean /v1/chat/completions?"),
        ("/v1/v1/messages", "take it off its base URL"),
        ("/v1/responses/resp_1", "cannot be fetched"),
        ("/v1/chat/completion", "Did you mean '/v1/chat/completions'?"),
        ("/v1/messages/batches", "no batches"),
        ("/x%1b[2J", "\\x1b"),
    ],
)
def test_an_unknown_path_is_named_with_what_was_meant(url, path, words):
    answer = httpx.post(url + path, json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_path")
    assert words in answer.json()["error"]["message"]


def test_a_wrong_method_is_named_with_the_right_one(url):
    answer = httpx.get(f"{url}/v1/responses")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "takes POST only" in answer.json()["error"]["message"]


def test_a_field_of_another_endpoint_is_known_as_such(url):
    answer = httpx.post(f"{url}/v1/chat/completions", json={**CHAT, "max_output_tokens": 5})
    assert "/v1/responses knows it" in answer.json()["error"]["message"]


def test_the_process_shows_its_log_where_nobody_else_does(monkeypatch, capsys):
    logger, root = logging.getLogger("leeroo"), logging.getLogger()
    monkeypatch.setattr(logger, "handlers", [logging.NullHandler()])
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    log_to_stderr()
    log_to_stderr()
    logging.getLogger("leeroo.serve").error("the ledger is down")
    assert capsys.readouterr().err == "ERROR: the ledger is down\n"
