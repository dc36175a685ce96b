"""The attacks on chats that look otherwise on other endpoints: hidden text, too many things, caps."""

import httpx
import pytest

from tests.attacks.conftest import ENDPOINTS, as_sent_to
from tests.openai_server import OpenAIServer

TEXT = "read me, too: " * 1500  # about 20 kB
ASK = {"role": "user", "content": "What is the capital of France?"}
ITEM = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
USED = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
DATA = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
ELSEWHERE = {
    "/v1/responses": {
        "instructions": {"instructions": TEXT},
        "an item's text": {"input": TEXT},
        "a part": {"input": [{"role": "user", "content": [{"type": "input_text", "text": TEXT}]}]},
        "a call's arguments": {"input": [ITEM, {**CALL, "arguments": TEXT}]},
        "a call's name": {"input": [ITEM, {**CALL, "name": TEXT}]},
        "a call's id": {"input": [ITEM, {**CALL, "call_id": TEXT}]},
        "a tool's output": {"input": [ITEM, CALL, {"type": "function_call_output", "call_id": "a", "output": TEXT}]},
        "thinking": {"input": [ITEM, {"type": "reasoning", "summary": [{"text": TEXT}]}, CALL]},
        "a picture that is none": {"input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": TEXT}]}]},
        "a file's name": {
            "input": [{"role": "user", "content": [{"type": "input_file", "filename": TEXT, "file_data": "AAAA"}]}]
        },
        "a tool": {"tools": [{"type": "function", "name": "f", "description": TEXT}]},
        "a custom tool": {"tools": [{"type": "custom", "name": "f", "description": TEXT}]},
        "tool_choice": {"tool_choice": {"type": "function", "name": TEXT}},
        "a schema": {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"description": TEXT}}}},
        "effort": {"reasoning": {"effort": TEXT}},
        "metadata": {"metadata": {"a": TEXT}},
        "user": {"user": TEXT},
    },
    "/v1/messages": {
        "system": {"system": [{"type": "text", "text": TEXT}]},
        "a block": {"messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]},
        "a mark": {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "x", "cache_control": {"a": TEXT}}]}]},
        "a call's input": {"messages": [ITEM, {"role": "assistant", "content": [{**USED, "input": {"a": TEXT}}]}]},
        "a result": {"messages": [ITEM, {"role": "assistant", "content": [USED]}, {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": TEXT}]}]},
        "a picture that is none": {"messages": [{"role": "user", "content": [
            {"type": "image", "source": {**DATA, "data": TEXT}}]}]},
        "a picture's type": {"messages": [{"role": "user", "content": [
            {"type": "image", "source": {**DATA, "media_type": TEXT}}]}]},
        "a document's title": {"messages": [{"role": "user", "content": [
            {"type": "document", "title": TEXT, "source": {**DATA, "media_type": "application/pdf"}}]}]},
        "thinking": {"messages": [ITEM, {"role": "assistant", "content": [
            {"type": "thinking", "thinking": TEXT}, USED]}]},
        "a tool": {"tools": [{"name": "f", "input_schema": {"description": TEXT}}]},
        "stop_sequences": {"stop_sequences": [TEXT]},
        "a schema": {"output_config": {"format": {"type": "json_schema", "schema": {"description": TEXT}}}},
        "effort": {"thinking": {"type": "adaptive"}, "output_config": {"effort": TEXT}},
    },
    "/v1/completions": {"prompt": {"prompt": TEXT}, "stop": {"stop": [TEXT]}, "user": {"user": TEXT}},
}  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_text_is_forwarded_that_the_cap_does_not_pay_for(serve, liar, path):
    """What a translation leaves out is not sent at all; what it sends is counted."""
    with serve() as (url, _):
        for place, given in ELSEWHERE[path].items():
            asked = {**as_sent_to(path, "hi"), **given, "leeroo": {"max_cost": 0.005}}
            answer = httpx.post(url + path, json=asked)
            assert answer.status_code == 402, (place, answer.text)
    assert not liar.requests


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_output_cap_is_sent_as_low_as_the_money_goes_and_spends_no_more(serve, liar, ledger, path, stream):
    liar.behave("model", {"text": "word " * 500})
    with serve(max_output_tokens=1000) as (url, _):
        asked = as_sent_to(path, "Hello?", stream=stream, leeroo={"max_cost": 0.0002, "scope": "a"})
        answer = httpx.post(url + path, json={**asked, **({"max_tokens": 900} if path == "/v1/messages" else {})})
    assert answer.status_code == 200, answer.text
    sent = liar.requests[0]["body"]
    assert 0 < (sent.get("max_tokens") or sent.get("max_completion_tokens")) < 100
    (row,) = ledger.spend("scope")
    assert 0 < row["cost"] <= 200_000
    assert not ledger.open_reservations()


LOTS = {
    ("/v1/responses", "items"): {"input": [ASK] * 20_000},
    ("/v1/responses", "parts"): {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}] * 20_000}]
    },
    ("/v1/responses", "parts of a result"): {
        "input": [
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "x"}] * 20_000}
        ]
    },
    ("/v1/responses", "tools"): {"tools": [{"type": "function", "name": "f"}] * 1_000},
    ("/v1/responses", "include"): {"include": ["x"] * 10_000},
    ("/v1/messages", "messages"): {"messages": [ASK] * 20_000},
    ("/v1/messages", "system"): {"system": [{"type": "text", "text": "x"}] * 20_000},
    ("/v1/messages", "tools"): {"tools": [{"name": "f"}] * 1_000},
    ("/v1/messages", "stop_sequences"): {"stop_sequences": ["x"] * 10_000},
    ("/v1/completions", "prompts"): {"prompt": ["x"] * 10_000},
}


def test_one_request_with_too_many_things_is_refused(serve, liar):
    with serve() as (url, _):
        for (path, what), given in LOTS.items():
            answer = httpx.post(url + path, json={**as_sent_to(path, "x"), **given}, timeout=60)
            assert answer.status_code == 413, (path, what, answer.text)
            assert answer.json()["error"]["code"] == "request_too_large"
    assert not liar.requests


def test_no_prompt_follows_a_redirect(serve, liar):
    with OpenAIServer() as thief:
        liar.behave("model", {"status": 307, "location": f"{thief.url}/chat/completions"})
        for path in ENDPOINTS[1:]:
            with serve() as (url, _):
                assert httpx.post(url + path, json=as_sent_to(path, "Hello?")).status_code == 502, path
        assert not thief.requests
