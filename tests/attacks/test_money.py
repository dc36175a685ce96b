"""Requests and endpoints that try to cost more than the cap, or less than they used."""

import json
import time

import httpx
import pytest

from leeroo import Budget, LeerooError
from leeroo.endpoints.openai_compatible import ask
from leeroo.routing.usage import MOST_TOKENS
from tests.attacks.conftest import ENDPOINTS, PRICE, as_sent_to

TEXT = "read me, too: " * 1500  # about 20 kB
ASK = {"role": "user", "content": "What is the capital of France?"}


def body(**more):
    return {"model": "leeroo", "messages": [ASK], **more}


def parts(*given):
    return body(messages=[{"role": "user", "content": list(given)}])


HIDDEN = {
    "reasoning_content": body(messages=[{"role": "assistant", "content": "so", "reasoning_content": TEXT}, ASK]),
    "name": body(messages=[{**ASK, "name": TEXT}]),
    "a name of a field": body(messages=[{**ASK, TEXT: 1}]),
    "tool_call_id": body(messages=[ASK, {"role": "tool", "tool_call_id": TEXT, "content": "5"}]),
    "a part of an unknown type": body(
        messages=[{"role": "user", "content": [{"type": "thing", "thing": {"x": TEXT}}]}]
    ),
    "beside a part's text": body(
        messages=[{"role": "user", "content": [{"type": "text", "text": "hi", "content": TEXT}]}]
    ),
    "a part's type": body(messages=[{"role": "user", "content": [{"type": TEXT, "text": "hi"}]}]),
    "chat_template_kwargs": body(chat_template_kwargs={"system": TEXT}),
    "metadata": body(metadata={"a": TEXT}),
    "user": body(user=TEXT),
    "stop": body(stop=[TEXT]),
    "grammar": body(grammar=TEXT),
    "guided_choice": body(guided_choice=[TEXT]),
    "structured_outputs": body(structured_outputs={"json": {"description": TEXT}}),
    "reasoning": body(reasoning={"effort": TEXT}),
    "tool_choice": body(tool_choice={"type": TEXT}),
    "tools": body(tools=[{"type": "function", "function": {"name": "f", "description": TEXT}}]),
    "response_format": body(response_format={"type": "json_object", "note": TEXT}),
}


@pytest.mark.parametrize("place", HIDDEN)
def test_no_text_is_forwarded_that_the_cap_does_not_pay_for(serve, liar, place):
    with serve() as (url, _):
        answer = httpx.post(f"{url}/v1/chat/completions", json={**HIDDEN[place], "leeroo": {"max_cost": 0.005}})
    assert answer.status_code == 402, answer.text
    assert not liar.requests


@pytest.mark.parametrize(
    "name", ["n", "best_of", "extra_body", "num_return_sequences", "use_beam_search", "web_search_options"]
)
def test_what_multiplies_the_price_is_refused_by_name(serve, liar, name):
    with serve() as (url, _):
        answer = httpx.post(f"{url}/v1/chat/completions", json=body(**{name: {"n": 5} if name == "extra_body" else 5}))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name
    assert not liar.requests


def test_the_smaller_of_two_caps_is_sent_under_one_name(serve, liar):
    with serve() as (url, _):
        httpx.post(f"{url}/v1/chat/completions", json=body(max_tokens=50_000, max_completion_tokens=7))
    sent = liar.requests[0]["body"]
    assert [sent.get(name) for name in ("max_tokens", "max_completion_tokens")].count(7) == 1
    assert 50_000 not in sent.values()


LIES = [
    {"prompt_tokens": -4_000_000_000, "completion_tokens": -5},
    {"prompt_tokens": 10, "completion_tokens": -(10**9), "total_tokens": 10},
    {"prompt_tokens": None, "completion_tokens": None},
    {"prompt_tokens": 10**400, "completion_tokens": 1},
    {"prompt_tokens": 10**16, "completion_tokens": 10**16},
    {"prompt_tokens": "many", "completion_tokens": "few"},
    {"prompt_tokens": float("nan"), "completion_tokens": float("inf")},
    {"prompt_tokens": [], "completion_tokens": {}},
    {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": [1], "completion_tokens_details": "x"},
    {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -(10**9)}},
    {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    [1, 2],
    "none",
    7,
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("claim", LIES, ids=lambda claim: json.dumps(claim)[:40])
def test_a_lie_about_usage_neither_enriches_nor_breaks_anything(serve, liar, ledger, claim, stream):
    liar.behave("model", {"claim": claim})
    with serve() as (url, _):
        for path in ENDPOINTS:
            asked = as_sent_to(path, ASK["content"], leeroo={"scope": path.strip("/")}, stream=stream)
            answer = httpx.post(url + path, json=asked)
            assert answer.status_code == 200, (path, answer.text)
    assert not ledger.open_reservations()
    assert ledger.pending == 0
    costs = {row["scope"]: row["cost"] for row in ledger.spend("scope")}
    for path in ENDPOINTS:
        assert 0 < costs[path.strip("/")] <= PRICE.worst_cost(MOST_TOKENS, MOST_TOKENS)


def test_thinking_beside_the_completion_is_not_free(serve, liar, ledger):
    claim = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115,
             "completion_tokens_details": {"reasoning_tokens": 100}}  # fmt: skip
    liar.behave("model", {"claim": claim})
    with serve() as (url, _):
        assert httpx.post(f"{url}/v1/chat/completions", json=body()).json()["leeroo"]["output_tokens"] == 105


def test_streams_dropped_after_hidden_thinking_count_at_their_worst_case(serve, liar, ledger):
    liar.behave("model", {"pace": 0.02, "reasoning": 2000, "text": "word " * 100})
    with serve() as (url, router):
        records = []
        router._on_close = records.append
        for path in ENDPOINTS:
            with httpx.stream("POST", url + path, json=as_sent_to(path, "Hello?", stream=True)) as answer:
                next(answer.iter_bytes())
        until = time.monotonic() + 20
        while len(records) < len(ENDPOINTS) and time.monotonic() < until:
            time.sleep(0.02)
    assert len(records) == len(ENDPOINTS)
    assert [record["cost"] for record in records] == [record["candidates"][0]["worst_cost"] for record in records]
    assert not ledger.open_reservations()


LONG = "word " * 3000


def test_a_stream_that_ignores_its_cap_is_cut_and_its_expert_put_aside(serve, liar, ledger):
    liar.behave("model", {"heeds_cap": False, "text": LONG})
    with serve("model", "other") as (url, _):
        asked = body(model="model", stream=True, max_tokens=20, leeroo={"max_cost": 0.001})
        answer = httpx.post(f"{url}/v1/chat/completions", json=asked)
        pieces = [json.loads(line[6:]) for line in answer.text.split("\n\n")[:-2]]
        text = "".join(piece["choices"][0]["delta"].get("content") or "" for piece in pieces)
        assert len(text.split()) < 60
        assert pieces[-1]["choices"][0]["finish_reason"] == "length"
        record = pieces[-1]["leeroo"]
        assert record["over_cap"]
        assert record["attempts"][0]["over_cap"]
        again = httpx.post(f"{url}/v1/chat/completions", json=body(model="model", leeroo={"max_cost": 0.001}))
        assert again.status_code == 400
        assert "wrote past the output cap" in again.json()["error"]["message"]
        assert httpx.post(f"{url}/v1/chat/completions", json=body(leeroo={"max_cost": 0.001})).status_code == 200
        assert liar.asked()[-1] == "other"
        assert httpx.post(f"{url}/v1/chat/completions", json=body(model="model")).status_code == 200  # no cap to keep


def test_a_whole_answer_past_its_cap_is_booked_as_it_is_and_marked(make_router, liar):
    liar.behave("model", {"heeds_cap": False, "text": LONG})
    router = make_router()
    record = ask(router, "Hello?", Budget(max_cost=0.001), max_tokens=20).record
    assert record["over_cap"]
    assert record["cost"] > 0.001
    with pytest.raises(LeerooError, match="put aside"):
        ask(router, "Hello?", Budget(max_cost=0.001), max_tokens=20)


def test_an_answer_within_its_cap_is_not_marked(make_router):
    assert ask(make_router(), "Hello?", Budget(max_cost=0.001)).record["over_cap"] is False
