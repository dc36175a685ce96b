"""`/v1/messages` in Anthropic's documented shapes: blocks, tools, results, events, counts, keys, errors."""

import json

import httpx
import pytest

from leeroo.serve.keys import KeyFile
from tests.integration.serve.conftest import router_over, running

ASK = [{"role": "user", "content": "What is the capital of France?"}]
BODY = {"model": "leeroo", "max_tokens": 100, "messages": ASK}
WEATHER = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def ask(url):
    """Sends a request; gives the answer's body, or a stream's events."""

    def send(path="/v1/messages", status=200, headers=None, **more):
        answer = httpx.post(url + path, json={**BODY, **more}, headers=headers)
        assert answer.status_code == status, answer.text
        if not more.get("stream") or status != 200:
            return answer.json()
        events = []
        for text in answer.text.strip().split("\n\n"):
            name, data = text.split("\n")
            events.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {events[-1]['type']}"
        return events

    return send


def whole(events):
    """The message that a stream's events make."""
    message = events[0]["message"]
    arguments = {}
    for event in events[1:]:
        if event["type"] == "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            if delta["type"] == "input_json_delta":
                arguments[event["index"]] = arguments.get(event["index"], "") + delta["partial_json"]
            else:
                name = {"text_delta": "text", "thinking_delta": "thinking"}[delta["type"]]
                block[name] += delta[name]
        elif event["type"] == "message_delta":
            message |= event["delta"] | {"usage": event["usage"], "leeroo": event["leeroo"]}
    for index, text in arguments.items():
        message["content"][index]["input"] = json.loads(text)
    assert events[-1] == {"type": "message_stop"}
    return message


def test_a_message_with_the_record_and_its_own_settled_cost(ask, router, experts):
    message = ask(system="Be brief.", leeroo={"max_cost": 0.01})
    record, usage = message["leeroo"], message["usage"]
    assert message["id"] == f"msg_{record['call_id']}"
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", "small")
    assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)
    assert "small-model" in message["content"][0]["text"]
    price = router.pool["small"].known_price
    assert record["cost"] == price.cost(usage["input_tokens"], usage["output_tokens"]) / 1e9
    assert experts.bodies()[-1]["messages"] == [{"role": "system", "content": "Be brief."}, *ASK]


@pytest.mark.parametrize("tools", [None, [WEATHER, {**WEATHER, "name": "get_time"}]])
def test_the_same_streamed(ask, experts, tools):
    experts.behave("small-model", {"shown": "Let me think."})
    given = {"messages": [{"role": "user", "content": "The weather, and the time, in 'Paris'?"}]}
    given |= {"tools": tools} if tools else {}
    streamed, plain = whole(ask(stream=True, **given)), ask(**given)
    kinds = ["thinking", "tool_use", "tool_use"] if tools else ["text"]  # thinking nobody asked for would surprise
    assert [block["type"] for block in streamed["content"]] == kinds
    without = [{key: value for key, value in block.items() if key != "id"} for block in streamed["content"]]
    assert without == [{key: value for key, value in block.items() if key != "id"} for block in plain["content"]]
    assert streamed["stop_reason"] == plain["stop_reason"] == ("tool_use" if tools else "end_turn")
    assert streamed["usage"]["output_tokens"] == streamed["leeroo"]["output_tokens"] > 0


def test_thinking_is_shown_where_it_is_asked_for(ask, experts):
    experts.behave("small-model", {"shown": "Let me think."})
    shown = [ask(thinking=how)["content"][0]["type"] for how in ({"type": "adaptive"}, {"type": "disabled"}, None)]
    assert shown == ["thinking", "text", "text"]


def test_a_tool_loop_stays_with_its_expert(ask, experts):
    experts.behave("small-model", [{"shown": "I need the weather."}])
    question = {"role": "user", "content": "What is the weather in 'Paris'?"}
    first = ask(messages=[question], tools=[WEATHER], thinking={"type": "enabled", "budget_tokens": 9000})
    assert first["stop_reason"] == "tool_use"
    assert experts.bodies()[-1]["reasoning_effort"] == "high"
    call = first["content"][-1]
    assert (call["name"], call["input"]) == ("get_weather", {"city": "Paris"})
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "18 degrees"}]}
    history = [question, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": [result]}]
    second = ask(messages=history, tools=[WEATHER])
    assert "tool loop" in second["leeroo"]["rule"]
    asked, called, given = experts.bodies()[-1]["messages"]
    assert asked == question
    assert called["reasoning_content"] == "I need the weather."
    assert json.loads(called["tool_calls"][0]["function"]["arguments"]) == {"city": "Paris"}
    assert given == {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"}


def test_blocks_reach_the_expert_as_chats_have_them(ask, experts):
    data = "A" * 200
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    url = f"data:image/png;base64,{data}"
    ask(
        model="large",
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]},
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"},
                                              {"type": "text", "text": "See"},
                                              {"type": "tool_use", "id": "a", "name": "get_weather", "input": {}},
                                              {"type": "tool_use", "id": "b", "name": "get_weather", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [picture]},
                                         {"type": "tool_result", "tool_use_id": "b", "is_error": True, "content": "no",
                                          "cache_control": {"type": "ephemeral"}},
                                         {"type": "text", "text": "Go on."}]},
        ],
        cache_control={"type": "ephemeral", "ttl": "1h"},
        tools=[WEATHER],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        stop_sequences=["END"], temperature=0.3, top_p=0.9, metadata={"user_id": "u-1"}, service_tier="auto",
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    )  # fmt: skip
    sent = experts.bodies()[-1]
    system, asked, called, one, two, seen, more = sent["messages"]
    assert system["content"] == [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert asked["content"][1] == {"type": "image_url", "image_url": {"url": url}}
    assert (called["content"], len(called["tool_calls"])) == ("See", 2)
    assert [(m["role"], m["tool_call_id"]) for m in (one, two)] == [("tool", "a"), ("tool", "b")]
    marked = {"type": "text", "text": "no", "cache_control": {"type": "ephemeral"}}
    assert two["content"] == [{"type": "text", "text": "Error:"}, marked]
    assert seen == {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    last = {"type": "text", "text": "Go on.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert more == {"role": "user", "content": [last]}
    wanted = {"tool_choice": "required", "parallel_tool_calls": False, "stop": ["END"], "temperature": 0.3,
              "top_p": 0.9, "user": "u-1", "max_tokens": 100}  # fmt: skip
    assert {name: sent.get(name) for name in wanted} == wanted


def test_a_user_s_name_that_some_providers_refuse_is_left_out(ask, experts):
    ask(metadata={"user_id": "user_" + "a" * 100})
    assert "user" not in experts.bodies()[-1]


def test_structured_output(ask, experts):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "json_schema", "schema": schema}
    for given in ({"output_config": {"format": form}}, {"output_format": form}):
        message = ask(messages=[{"role": "user", "content": "Which is 'Paris'?"}], **given)
        assert json.loads(message["content"][0]["text"]) == {"city": "Paris"}


def test_an_answer_that_is_cut_short_or_refused_says_why(ask, experts):
    assert ask(max_tokens=2)["stop_reason"] == "max_tokens"
    experts.behave("small-model", [{"finish": "content_filter", "text": "no"}])
    assert ask()["stop_reason"] == "refusal"


def test_tokens_are_counted_and_nobody_is_asked(url, experts):
    body = {key: value for key, value in BODY.items() if key != "max_tokens"}
    few, many = (
        httpx.post(f"{url}/v1/messages/count_tokens", json={**body, "system": text}).json()["input_tokens"]
        for text in ("", "word " * 100)
    )
    assert 100 <= many - few < 160
    assert not experts.requests


@pytest.mark.parametrize(
    ("more", "status", "kind", "words"),
    [
        ({"model": "nobody"}, 404, "not_found_error", "does not exist"),
        ({"leeroo": {"max_cost": 1e-9}}, 402, "billing_error", "max_cost"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "invalid_request_error", "role"),
        ({"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]}, 400, "invalid_request_error",
         "container_upload"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, 400, "invalid_request_error", "input_schema"),
        ({"context_management": {"edits": [{"type": "clear_tool_uses"}]}}, 400, "invalid_request_error", "clear_tool"),
        ({"mcp_servers": []}, 400, "invalid_request_error", "mcp_servers"),
        ({"max_tokens": None}, 400, "invalid_request_error", "max_tokens"),
        ({"input": "x"}, 400, "invalid_request_error", "/v1/responses knows it"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_errors_have_anthropic_s_shape(ask, experts, more, status, kind, words, stream):
    body = ask(status=status, stream=stream, **more)
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert words in body["error"]["message"]
    assert not experts.requests


def test_a_stream_that_breaks_ends_with_an_error_and_the_record(ask, experts):
    experts.behave("small-model", {"die_after": 4})
    last = ask(stream=True)[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    assert last["leeroo"]["attempts"]


def test_a_key_is_taken_from_either_header_and_its_scope_is_charged(experts, tmp_path):
    keys = KeyFile(tmp_path / "keys.json")
    _, secret = keys.add("acme")
    with running(router_over(experts), keys=keys) as url:
        for headers in ({"x-api-key": secret}, {"Authorization": f"Bearer {secret}"}):
            message = httpx.post(f"{url}/v1/messages", json=BODY, headers=headers).json()
            assert message["leeroo"]["budget"]["scope"] == "acme"
        answer = httpx.post(f"{url}/v1/messages", json=BODY, headers={"x-api-key": "wrong"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
        other = httpx.post(
            f"{url}/v1/messages", json={**BODY, "leeroo": {"scope": "other"}}, headers={"x-api-key": secret}
        )
        assert (other.status_code, other.json()["error"]["code"]) == (403, "scope_not_allowed")
