"""What users of the official client do: whole and streamed answers, tools, structured output, media, errors."""

import json

import openai
import pydantic
import pytest

from tests.openai_server import Behaviour

ASK = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def record_of(answer):
    return answer.model_extra["leeroo"]


def test_an_answer_with_the_record_and_its_own_settled_cost(client, router):
    answer = client.chat.completions.create(model="leeroo", messages=ASK, extra_body={"leeroo": {"max_cost": 0.01}})
    record = record_of(answer)
    assert "small-model" in answer.choices[0].message.content
    assert (answer.model, record["expert"]) == ("small", "small")
    assert answer.id == f"chatcmpl-{record['call_id']}"
    price = router.pool["small"].known_price
    assert record["cost"] == price.cost(answer.usage.prompt_tokens, answer.usage.completion_tokens) / 1e9
    assert record["remaining"] == pytest.approx(0.01 - record["cost"])
    assert router.ledger.calls()[-1]["call_id"] == record["call_id"]


def test_the_same_streamed_ends_with_usage_and_the_record(client):
    options = {"include_usage": True}
    pieces = list(client.chat.completions.create(model="leeroo", messages=ASK, stream=True, stream_options=options))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert "small-model" in text
    assert [len(piece.choices) for piece in pieces[-2:]] == [1, 0]
    assert pieces[-2].choices[0].finish_reason == "stop"
    record = record_of(pieces[-1])
    assert (record["input_tokens"], record["output_tokens"]) == (
        pieces[-1].usage.prompt_tokens,
        pieces[-1].usage.completion_tokens,
    )
    assert not record["cost_is_estimate"]


def test_without_usage_asked_for_every_piece_has_a_choice_and_the_last_one_the_record(client, experts):
    pieces = list(client.chat.completions.create(model="leeroo", messages=ASK, stream=True))
    assert all(piece.choices and piece.usage is None for piece in pieces)
    assert record_of(pieces[-1])["cost"] > 0
    # The expert was asked for usage all the same: its cost is known, not guessed.
    assert experts.bodies()[-1]["stream_options"] == {"include_usage": True}


async def test_async_and_streamed_async(url):
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        answer = await client.chat.completions.create(model="leeroo", messages=ASK)
        assert answer.choices[0].message.content
        stream = await client.chat.completions.create(model="leeroo", messages=ASK, stream=True)
        pieces = [piece async for piece in stream]
        assert record_of(pieces[-1])["expert"] == "small"


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop_goes_back_to_the_expert_that_called_the_tool(client, experts, stream):
    question = {"role": "user", "content": "What is the weather in 'Paris'?"}
    ask = {"model": "leeroo", "messages": [question], "tools": [WEATHER], "extra_body": {"leeroo": {"expert": "large"}}}
    if stream:
        with client.chat.completions.stream(**ask) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(**ask).choices[0].message
    call = message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
    called = {"role": "assistant", "content": None, "tool_calls": [call.model_dump(include={"id", "type", "function"})]}
    result = {"role": "tool", "tool_call_id": call.id, "content": "20 degrees"}
    end = client.chat.completions.create(model="leeroo", messages=[question, called, result], tools=[WEATHER])
    assert end.choices[0].message.content == "The tool says: 20 degrees"
    # The small one would be cheaper.
    assert (record_of(end)["expert"], record_of(end)["rule"]) == ("large", "large: a tool loop stays with its expert")
    assert experts.bodies("large-model")[-1]["messages"][-1] == result


def test_structured_output_of_the_clients_own_kind(client):
    class Place(pydantic.BaseModel):
        city: str
        people: int

    ask = [{"role": "user", "content": "How many live in 'Paris'? 2 million?"}]
    answer = client.chat.completions.parse(model="leeroo", messages=ask, response_format=Place)
    assert answer.choices[0].message.parsed == Place(city="Paris", people=2)


def test_parameters_reach_the_expert_and_caps_bind(client, experts):
    client.chat.completions.create(
        model="leeroo", messages=ASK, temperature=0.3, stop=["END"], seed=7, max_completion_tokens=9, top_p=0.5
    )
    body = experts.bodies()[-1]
    assert (body["temperature"], body["stop"], body["seed"], body["top_p"]) == (0.3, ["END"], 7, 0.5)
    assert body["max_tokens"] == 9
    assert body["model"] == "small-model"
    assert not {"leeroo", "n", "max_completion_tokens", "stream_options"} & set(body)
    answer = client.chat.completions.create(model="leeroo", messages=ASK, max_tokens=2)
    assert answer.choices[0].finish_reason == "length"


def test_a_picture_goes_to_the_expert_that_sees(client, experts):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    ask = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}]
    answer = client.chat.completions.create(model="leeroo", messages=ask)
    assert record_of(answer)["expert"] == "large"
    assert experts.bodies("large-model")[-1]["messages"][0]["content"][1] == picture


def test_models_are_the_router_and_its_experts_and_naming_one_pins_it(client):
    assert [model.id for model in client.models.list()] == ["leeroo", "small", "large"]
    assert client.models.retrieve("large").id == "large"
    for name in ("large", "large-model"):
        assert record_of(client.chat.completions.create(model=name, messages=ASK))["expert"] == "large"
    with pytest.raises(openai.NotFoundError, match=r"gpt-9.*leeroo, small, large"):
        client.chat.completions.create(model="gpt-9", messages=ASK)


def test_a_failing_expert_is_replaced_before_the_first_piece_even_where_its_stream_had_opened(client, experts):
    experts.behave("small-model", [{"status": 503}])
    answer = client.chat.completions.create(model="leeroo", messages=ASK)
    assert [(a["expert"], a["error"]) for a in record_of(answer)["attempts"]] == [("small", "server"), ("large", None)]
    experts.behave("small-model", [Behaviour(die_after=1)])  # the role, and nothing more
    pieces = list(client.chat.completions.create(model="leeroo", messages=ASK, stream=True))
    assert record_of(pieces[-1])["expert"] == "large"
    assert "large-model" in "".join(piece.choices[0].delta.content or "" for piece in pieces)


def test_a_stream_that_breaks_is_an_error_event_and_its_money_is_on_the_record(client, experts, router):
    experts.behave("small-model", [Behaviour(die_after=4)])
    stream = client.chat.completions.create(model="leeroo", messages=ASK, stream=True)
    assert next(stream).choices
    with pytest.raises(openai.APIError, match=r"'small' failed after the answer had begun") as caught:
        list(stream)
    assert caught.value.code
    record = router.ledger.calls()[-1]
    assert record["attempts"][0]["error"]
    assert record["cost"] > 0


def test_usage_that_no_expert_reports_is_counted_and_marked(client, experts):
    experts.behave("small-model", {"usage": False})
    answer = client.chat.completions.create(model="leeroo", messages=ASK)
    assert record_of(answer)["cost_is_estimate"] is True
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize(
    ("how", "error", "status"),
    [
        ("content_filter", openai.BadRequestError, 400),
        ("context_length", openai.BadRequestError, 400),
        ({"status": 422}, openai.BadRequestError, 400),
        ({"status": 401}, openai.InternalServerError, 502),
        ("garbage", openai.InternalServerError, 502),
        ("empty_body", openai.InternalServerError, 502),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_experts_do_wrong_has_a_status_that_clients_know(url, experts, how, error, status, stream):
    for model in ("small-model", "large-model"):
        experts.behave(model, how)
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client, pytest.raises(error) as caught:
        client.chat.completions.create(model="large", messages=ASK, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.body["message"]
    assert caught.value.response.json()["leeroo"]["attempts"]
