"""Exports in the forms that people have; missing fields, keys in prompts, and what is no call of an LLM."""

import json

import pytest

from leeroo.errors import ConfigError
from leeroo.outcomes.callsfile import write_calls
from leeroo.outcomes.formats import Skipped
from leeroo.outcomes.found import NotACall
from leeroo.outcomes.messages import mask, messages_of
from leeroo.outcomes.traffic import Logged, Prices, read_traffic

KEY = "sk-canary0123456789abcdef"
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2+2?"}]
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}
ANSWER = {"model": "gpt-4o-2024-08-06", "choices": [{"message": {"content": "Four."}}], "usage": USAGE}


def read(tmp_path, *records, form="auto"):
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in records))
    return list(read_traffic([file], form))


def attributes(**given):
    return [{"key": key, "value": {"stringValue" if isinstance(v, str) else "intValue": v}} for key, v in given.items()]


def otlp(*spans):
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


LC = [[{"lc": 1, "id": ["langchain", "schema", "messages", name], "kwargs": {"content": text}}
       for name, text in (("SystemMessage", "Be brief."), ("HumanMessage", "What is 2+2?"))]]  # fmt: skip
REQUEST = {"model": "gpt-4o", "messages": ASK}
BODY = {"status_code": 200, "body": ANSWER}
OPENAI = {
    "side by side": {"request": REQUEST, "response": ANSWER, "cost": 0.5},
    "bodies": {"request": {"body": REQUEST}, "response": BODY, "cost": 0.5},
    "batch": {"custom_id": "1", "body": REQUEST, "response": BODY, "cost": 0.5},
    "in one": {**REQUEST, "choices": ANSWER["choices"], "usage": USAGE, "response_cost": 0.5},
    "as text": {"request": json.dumps(REQUEST), "response": json.dumps(ANSWER), "cost": "0.5"},
    "responses": {"model": "gpt-4o", "instructions": "Be brief.", "input": "What is 2+2?", "cost": 0.5,
                  "usage": {"input_tokens": 20, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 8}}},
}  # fmt: skip
LANGSMITH = {
    "serialised messages": {
        "run_type": "llm", "inputs": {"messages": LC}, "total_cost": "0.5",
        "extra": {"invocation_params": {"model": "gpt-4o"}},
        "outputs": {"generations": [[{"text": "Four.", "message": {"kwargs": {"content": "Four.", "usage_metadata":
            {"input_tokens": 20, "output_tokens": 5, "input_token_details": {"cache_read": 8}}}}}]]},
    },
    "plain messages": {
        "run_type": "llm", "inputs": {"messages": ASK}, "outputs": ANSWER, "total_cost": 0.5,
        "extra": {"metadata": {"ls_model_name": "gpt-4o"}}, "prompt_tokens": 20, "completion_tokens": 5,
    },
}  # fmt: skip
GENERATION = {
    "type": "GENERATION", "model": "gpt-4o", "input": ASK, "output": {"role": "assistant", "content": "Four."},
    "usageDetails": {"input": 20, "output": 5, "input_cached_tokens": 8}, "costDetails": {"total": 0.5},
}  # fmt: skip
OLD = {
    "type": "GENERATION", "model": "gpt-4o", "input": json.dumps(ASK), "promptTokens": 20, "completionTokens": 5,
    "calculatedTotalCost": 0.5, "usage": {"input_cached_tokens": 8},
}  # fmt: skip
LANGFUSE = {"trace": {"id": "t", "observations": [GENERATION]}, "generation": GENERATION, "older": OLD}
TOKENS = {"gen_ai.usage.input_tokens": "20", "gen_ai.usage.output_tokens": 5, "gen_ai.usage.cost": "0.5",
          "gen_ai.usage.cache_read.input_tokens": 8}  # fmt: skip
PARTS = [{"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]} for m in ASK]
OTEL = {
    "messages": otlp({"attributes": attributes(**{
        "gen_ai.request.model": "gpt-4o", "gen_ai.input.messages": json.dumps(PARTS)}, **TOKENS)}),
    "numbered": otlp({"attributes": attributes(**{
        "gen_ai.request.model": "gpt-4o", "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "What is 2+2?",
        "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief."}, **TOKENS)}),
    "events": otlp({"attributes": attributes(**{"gen_ai.response.model": "gpt-4o"}, **TOKENS), "events": [
        {"name": "gen_ai.system.message", "attributes": attributes(content="Be brief.")},
        {"name": "gen_ai.user.message", "attributes": attributes(content="What is 2+2?")}]}),
    "a span, attributes as a mapping": {"attributes": {
        "llm.model_name": "gpt-4o", "llm.token_count.prompt": 20, "llm.token_count.completion": 5,
        "llm.token_count.prompt_details.cache_read": 8, "llm.cost.total": 0.5,
        "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "What is 2+2?"}},
}  # fmt: skip
ALL = {
    (form, name): record
    for form, records in (("openai-log", OPENAI), ("langsmith", LANGSMITH), ("langfuse", LANGFUSE), ("otel", OTEL))
    for name, record in records.items()
}


@pytest.mark.parametrize("case", ALL, ids="/".join)
@pytest.mark.parametrize("guessed", [False, True], ids=["named", "guessed"])
def test_query_model_tokens_and_cost_of_every_form(tmp_path, case, guessed):
    (call,) = read(tmp_path, ALL[case], form="auto" if guessed else case[0])
    assert isinstance(call, Logged), call
    assert [(m["role"], m["content"]) for m in call.messages] == [(m["role"], m["content"]) for m in ASK]
    assert call.model == "gpt-4o"
    assert (call.input_tokens, call.output_tokens, call.cost) == (20, 5, 0.5)
    assert call.cached_tokens == 8


@pytest.mark.parametrize("case", ALL, ids="/".join)
def test_any_field_may_be_missing_or_of_the_wrong_type(tmp_path, case):
    def spoiled(value):
        """The value without one of its parts, or with nonsense in its place, for each part."""
        if isinstance(value, dict):
            for key in value:
                rest = {k: v for k, v in value.items() if k != key}
                yield rest
                for odd in (None, 7, "", "nonsense", [], [None], {}, {"a": 1}, -3.5, float("inf"), True):
                    yield {**rest, key: odd}
                for inner in spoiled(value[key]):
                    yield {**rest, key: inner}
        elif isinstance(value, list):
            yield from ([inner, *value[1:]] for inner in spoiled(value[0])) if value else ()

    records = list(spoiled(ALL[case]))
    found = read(tmp_path, *records, form=case[0])
    assert found or not records
    assert all(isinstance(one, (Logged, Skipped, NotACall)) for one in found)
    for call in found:
        if isinstance(call, Logged):
            assert call.cost is None or call.cost >= 0
            assert call.input_tokens is None or call.input_tokens >= 0


def test_what_is_no_call_of_an_llm_is_told_apart_from_what_is_broken(tmp_path):
    others = [
        {"run_type": "chain", "inputs": {"x": 1}},
        {"run_type": "tool", "inputs": {"x": 1}},
        {"type": "SPAN", "input": "x", "traceId": "t"},
        {"model": "text-embedding-3-small", "input": "x"},
        otlp({"name": "GET /", "attributes": attributes(**{"http.method": "GET"})}),
        otlp({"attributes": attributes(**{"gen_ai.request.model": "m", "gen_ai.operation.name": "invoke_agent"})}),
    ]
    assert [type(one) for one in read(tmp_path, *others)] == [NotACall] * len(others)
    broken = [
        7,
        "text",
        None,
        {},
        {"model": "gpt-4o"},
        {"messages": []},
        {"messages": [{"role": "user", "content": ""}]},
    ]
    found = read(tmp_path, *broken)
    assert [type(one) for one in found] == [Skipped] * len(broken)
    assert [one.line for one in found] == [1, 2, 3, 4, 5, 6, 7]


def test_calls_within_runs_traces_and_pages_are_all_found(tmp_path):
    child = LANGSMITH["plain messages"]
    run = {"run_type": "chain", "inputs": {}, "child_runs": [child, {"run_type": "chain", "child_runs": [child]}]}
    assert sum(isinstance(one, Logged) for one in read(tmp_path, run)) == 2
    page = {"data": [GENERATION, {"observations": [GENERATION, {"type": "SPAN"}]}], "meta": {"page": 1}}
    assert sum(isinstance(one, Logged) for one in read(tmp_path, page)) == 2


def test_a_history_that_ends_with_its_answer_is_asked_without_it(tmp_path):
    (call,) = read(tmp_path, {"messages": [*ASK, {"role": "assistant", "content": "It is four, of course."}]})
    assert [m["role"] for m in call.messages] == ["system", "user"]
    assert call.output_tokens == 6


def test_media_is_counted_and_dropped(tmp_path):
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    (call,) = read(tmp_path, {"model": "m", "messages": [{"role": "user", "content": parts}]})
    assert call.messages[0]["content"] == [{"type": "text", "text": "What is this?"}, {"type": "image_url"}]


@pytest.mark.parametrize(
    "secret",
    [KEY, "sk-proj-abcDEF123456_-xyz", "sk-ant-api03-abcdefgh1234", "ghp_0123456789abcdefghij", "AKIAIOSFODNN7EXAMPLE",
     "xoxb-1234567890-abcdef", "gsk_0123456789abcdefghij",
     "AIzaSyA0123456789abcdefghijk", "eyJhbGciOiJI.eyJzdWIiOiIx.abc_d"],
)  # fmt: skip
def test_keys_are_masked_wherever_they_stand(tmp_path, secret):
    record = {
        "model": secret, "tools": [{"function": {"description": secret}}],
        "messages": [
            {"role": "user", "content": f"my key is {secret}."},
            {"role": "assistant", "content": [{"type": "text", "text": secret}], "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"k": secret})}}]},
            {"role": "user", "content": [secret, {"type": "odd", "value": secret}]},
        ],
    }  # fmt: skip
    (call,) = read(tmp_path, record)
    assert secret not in repr(call)
    assert repr(call).count("[key]") >= 5
    assert mask("Authorization: Bearer abcdef.ghijkl-mnop") == "Authorization: Bearer [key]"
    assert mask("ask-me-anything, a desk-lamp") == "ask-me-anything, a desk-lamp"


def test_lone_surrogates_and_control_characters_of_names_are_gone(tmp_path):
    (call,) = read(
        tmp_path, {"model": "gpt\x1b[31m-4o" + "x" * 200, "messages": [{"role": "user", "content": "a\ud800b"}]}
    )
    assert call.messages[0]["content"].encode() == b"a?b"
    assert "\x1b" not in call.model
    assert len(call.model) <= 80


def test_messages_that_lie_too_deep_are_none():
    value = "x"
    for _ in range(50):
        value = {"inputs": value}
    assert messages_of(value) == []


def test_unknown_formats_name_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="'langfuse'"):
        read(tmp_path, form="langfus")


def test_costs_are_stated_listed_given_or_unknown():
    call = Logged("f", 1, (), "gpt-4o", input_tokens=1_000_000, output_tokens=0)
    assert Prices().paid(call) == 2.5
    assert Prices({"gpt-4o": (7.0, 0.0)}).paid(call) == 7.0
    assert Prices().paid(Logged("f", 1, (), "openai/gpt-4o", input_tokens=1_000_000, output_tokens=0)) == 2.5
    assert Prices().paid(Logged("f", 1, (), "gpt-4o", cost=0.1)) == 0.1
    assert Prices().paid(Logged("f", 1, (), "gpt-4o", input_tokens=5)) is None
    assert Prices().paid(Logged("f", 1, (), "", input_tokens=5, output_tokens=5)) is None
    assert Prices().paid(Logged("f", 1, (), "https://a:b@c/d", input_tokens=5, output_tokens=5)) is None


def test_calls_are_written_as_a_log_that_is_read_again(tmp_path):
    calls = read(tmp_path, *OPENAI.values(), {"run_type": "chain"}, 7)
    written = write_calls(calls, tmp_path / "mine" / "calls.jsonl", Prices())
    assert (written.calls, written.others, written.left_out, written.unpriced) == (len(OPENAI), 1, 1, 0)
    assert written.cost == pytest.approx(0.5 * len(OPENAI))
    again = list(read_traffic([tmp_path / "mine" / "calls.jsonl"]))
    wanted = [
        (c.messages, c.model, c.input_tokens, c.output_tokens, c.cached_tokens, c.cost) for c in calls[: len(OPENAI)]
    ]
    assert [(c.messages, c.model, c.input_tokens, c.output_tokens, c.cached_tokens, c.cost) for c in again] == wanted
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["calls.jsonl"]
