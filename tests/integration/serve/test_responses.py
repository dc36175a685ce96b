"""`/v1/responses` as users of the official client meet it: whole and streamed, tools, structured output, thinking."""

import json

import httpx
import openai
import pydantic
import pytest

ASK = "What is the capital of France?"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class City(pydantic.BaseModel):
    """A city."""

    name: str
    people: int


def record_of(response):
    return response.model_extra["leeroo"]


def test_a_response_with_the_record_and_its_own_settled_cost(client, router, experts):
    response = client.responses.create(
        model="leeroo",
        input=ASK,
        instructions="Be brief.",
        max_output_tokens=50,
        extra_body={"leeroo": {"max_cost": 0.01}},
    )
    record = record_of(response)
    assert "small-model" in response.output_text
    assert (response.status, response.model) == ("completed", "small")
    assert response.id == f"resp_{record['call_id']}"
    usage = response.usage
    assert record["cost"] == router.pool["small"].known_price.cost(usage.input_tokens, usage.output_tokens) / 1e9
    sent = experts.bodies()[-1]
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASK}]
    assert sent.get("max_tokens") or sent.get("max_completion_tokens")


def test_a_stream_has_the_events_in_their_order_and_ends_with_usage_and_record(client):
    with client.responses.stream(model="leeroo", input=ASK) as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added",
                         "response.content_part.added"]  # fmt: skip
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done",
                          "response.completed"]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == final.output_text == events[-4].text
    assert record_of(final)["output_tokens"] == final.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_stays_with_its_expert_and_goes_on_with_what_the_response_gave(client, experts, router, stream):
    def ask(conversation):
        if not stream:
            return client.responses.create(model="leeroo", input=conversation, tools=[WEATHER], store=False)
        with client.responses.stream(model="leeroo", input=conversation, tools=[WEATHER], store=False) as events:
            return events.get_final_response()

    experts.behave("small-model", [{"shown": "I need the weather."}])
    conversation = [{"role": "user", "content": "What is the weather in 'Paris'?"}]
    first = ask(conversation)
    thought, call = first.output
    assert (thought.type, thought.content[0].text) == ("reasoning", "I need the weather.")
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "get_weather", {"city": "Paris"})
    conversation += [item.to_dict() for item in first.output]
    conversation.append({"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"})
    second = ask(conversation)
    assert second.output_text
    assert "tool loop" in record_of(second)["rule"]
    asked, called, result = experts.bodies()[-1]["messages"]
    assert asked["role"] == "user"
    assert called["reasoning_content"] == "I need the weather."
    assert called["tool_calls"][0] == {"id": call.call_id, "type": "function",
                                       "function": {"name": "get_weather", "arguments": call.arguments}}  # fmt: skip
    assert result == {"role": "tool", "tool_call_id": call.call_id, "content": "18 degrees"}
    # In a later turn the thinking is of no use any more.
    conversation += [*(item.to_dict() for item in second.output), {"role": "user", "content": "And tomorrow?"}]
    ask(conversation)
    assert not any("reasoning_content" in message for message in experts.bodies()[-1]["messages"])


def test_streamed_arguments_come_in_pieces_and_parallel_calls_one_after_another(client):
    tools = [WEATHER, {**WEATHER, "name": "get_time"}]
    ask = "What is the weather, and the time, in 'Paris'?"
    events = list(client.responses.create(model="leeroo", input=ask, tools=tools, stream=True))
    kinds = [event.type for event in events if "item" in event.type or "arguments" in event.type]
    one = ["response.output_item.added", "response.function_call_arguments.delta",
           "response.function_call_arguments.done", "response.output_item.done"]  # fmt: skip
    assert [kind for at, kind in enumerate(kinds) if kind != (kinds[at - 1] if at else None)] == one * 2
    done = [event.item.name for event in events if event.type == "response.output_item.done"]
    assert done == ["get_weather", "get_time"]


@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_is_parsed(client, experts, stream):
    ask = "Which is 'Paris', with 2000000 people?"
    if stream:
        with client.responses.stream(model="leeroo", input=ask, text_format=City) as events:
            response = events.get_final_response()
    else:
        response = client.responses.parse(model="leeroo", input=ask, text_format=City)
    assert response.output_parsed == City(name="Paris", people=2_000_000)
    assert experts.bodies()[-1]["response_format"]["json_schema"]["strict"] is True


def test_an_answer_that_is_cut_short_is_incomplete(client, experts):
    response = client.responses.create(model="leeroo", input=ASK, max_output_tokens=2)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    last = list(client.responses.create(model="leeroo", input=ASK, max_output_tokens=2, stream=True))[-1]
    assert (last.type, last.response.incomplete_details.reason) == ("response.incomplete", "max_output_tokens")
    assert record_of(last.response)["cost"] > 0


def test_a_stream_that_breaks_says_so_with_the_record(client, experts):
    experts.behave("small-model", {"die_after": 4})
    events = list(client.responses.create(model="leeroo", input=ASK, stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message
    assert record_of(events[-1].response)["attempts"]


def test_before_the_first_piece_another_expert_answers_and_an_error_has_its_status(client, experts):
    experts.behave("small-model", {"status": 500})
    assert client.responses.create(model="leeroo", input=ASK).model == "large"
    with pytest.raises(openai.APIStatusError, match="max_cost") as caught:
        client.responses.create(model="leeroo", input=ASK, stream=True, extra_body={"leeroo": {"max_cost": 1e-9}})
    assert (caught.value.status_code, caught.value.code) == (402, "budget_exceeded")


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("previous_response_id", "resp_1", "in `input`"),
        ("conversation", "conv_1", "in `input`"),
        ("store", True, "store=false"),
        ("background", True, "stream"),
        ("prompt", {"id": "p"}, "instructions"),
        ("truncation", "auto", "fewer items"),
    ],
)
def test_what_needs_a_memory_is_refused_by_name_with_the_remedy(client, experts, name, value, remedy):
    with pytest.raises(openai.BadRequestError, match=remedy) as caught:
        client.responses.create(model="leeroo", input=ASK, **{name: value})
    assert (caught.value.param, caught.value.code) == (name, "unsupported_parameter")
    assert not experts.requests


@pytest.mark.parametrize(
    ("more", "param", "words"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools", "web_search"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", "file_search"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input", "send the item itself"),
        ({"input": [{"type": "computer_call"}]}, "input", "computer_call"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "input", "hold its data"),
        ({"input": [{"role": "user", "content": 5}]}, "input", "content"),
        ({"input": [{"type": "function_call", "call_id": 1}]}, "input", "call_id"),
        ({"messages": []}, "messages", "/v1/chat/completions knows it"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode", "Unknown"),
    ],
)
def test_what_there_is_none_of_here_is_named(url, experts, more, param, words):
    answer = httpx.post(f"{url}/v1/responses", json={"model": "leeroo", "input": ASK, **more})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert words in answer.json()["error"]["message"]
    assert not experts.requests


def test_parameters_and_media_reach_the_expert_by_the_names_of_chats(client, experts):
    picture = f"data:image/png;base64,{'A' * 200}"
    client.responses.create(
        model="large",
        input=[
            {"role": "developer", "content": "Look."},
            {"role": "user", "content": [{"type": "input_text", "text": "What is it?"},
                                         {"type": "input_image", "image_url": picture, "detail": "low"}]},
            {"type": "function_call", "call_id": "a", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a",
             "output": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": picture}]},
        ],
        tools=[WEATHER, {**WEATHER, "name": "other"}],
        tool_choice={"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "other"}]},
        parallel_tool_calls=False, temperature=0.5, metadata={"a": "b"}, reasoning={"effort": "low", "summary": "auto"},
        text={"verbosity": "low"}, user="u", top_logprobs=2, include=["message.output_text.logprobs"],
        store=False, background=False, truncation="disabled", prompt_cache_key="k",
    )  # fmt: skip
    sent = experts.bodies()[-1]
    assert [message["role"] for message in sent["messages"]] == ["developer", "user", "assistant", "tool", "user"]
    assert sent["messages"][1]["content"][1] == {"type": "image_url", "image_url": {"url": picture, "detail": "low"}}
    assert sent["messages"][4]["content"] == [{"type": "image_url", "image_url": {"url": picture}}]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["other"]
    wanted = {"tool_choice": "required", "parallel_tool_calls": False, "temperature": 0.5, "metadata": {"a": "b"},
              "reasoning_effort": "low", "verbosity": "low", "user": "u", "logprobs": True, "top_logprobs": 2,
              "prompt_cache_key": "k"}  # fmt: skip
    assert {name: sent.get(name) for name in wanted} == wanted
    assert not {"store", "background", "truncation", "include", "reasoning", "text"} & sent.keys()
