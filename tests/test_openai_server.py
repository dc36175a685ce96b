"""The loopback server answers as the real API does, and fails as it is told."""

import json
import time
import urllib.request
from datetime import date
from enum import Enum
from io import BytesIO
from typing import Literal, Self
from uuid import UUID

import httpx
import openai
import pytest
from pydantic import BaseModel, Field

from tests.media import media_samples, sample_for
from tests.openai_server import NAMED, Behaviour, OpenAIServer, value

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ADD = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "add", "parameters": ADD}},
]


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.url, api_key="x", max_retries=0, timeout=10) as one:
        yield one


def chat(client, messages=HELLO, **more):
    return client.chat.completions.create(**{"model": "gpt-x", "messages": messages, **more})


def collect(pieces, into):
    """Keep what came before a stream broke."""
    for piece in pieces:
        into.append(piece)


def user(text):
    return [{"role": "user", "content": text}]


def test_an_answer_with_its_usage(client, server):
    answer = chat(client)
    assert "gpt-x" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.usage.prompt_tokens_details.cached_tokens == 0
    assert server.requests[0]["path"] == "/v1/chat/completions"
    assert server.requests[0]["headers"]["Authorization"] == "Bearer x"
    assert server.bodies("gpt-x")[0]["messages"] == HELLO


def test_a_stream_is_the_same_answer_in_pieces(client):
    whole = chat(client)
    pieces = list(chat(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
    assert text == whole.choices[0].message.content
    assert [p.usage for p in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert pieces[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert pieces[-2].choices[0].finish_reason == "stop"


def test_a_stream_reports_usage_only_when_asked(client):
    pieces = list(chat(client, stream=True))
    assert all(p.usage is None and p.choices for p in pieces)


def test_the_same_beginning_is_read_from_the_cache(client):
    chat(client)
    longer = [*HELLO, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "And?"}]
    details = chat(client, longer).usage.prompt_tokens_details
    assert 0 < details.cached_tokens < chat(client, longer).usage.prompt_tokens
    assert chat(client, longer, model="gpt-y").usage.prompt_tokens_details.cached_tokens == 0


@pytest.mark.parametrize("cap", ["max_tokens", "max_completion_tokens"])
def test_the_cap_cuts(client, cap):
    answer = chat(client, **{cap: 3})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 3
    assert list(chat(client, stream=True, **{cap: 3}))[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("stop", ["answer", ["nowhere", "answer"]])
def test_stop_sequences_end_the_text_before_them(client, stop):
    assert chat(client, stop=stop).choices[0].message.content == "Hello, here is the "


def test_a_tool_is_called_when_spoken_of(client):
    message = chat(client, user("What is the weather in 'Paris'?"), tools=TOOLS).choices[0].message
    assert message.content is None
    assert [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls] == [
        ("get_weather", {"city": "Paris"})
    ]
    assert chat(client, tools=TOOLS).choices[0].message.tool_calls is None


def test_parallel_calls_unless_forbidden(client):
    both = user("Get the weather in 'Rome', and add 3 and 4")
    calls = chat(client, both, tools=TOOLS).choices[0].message.tool_calls
    assert [json.loads(c.function.arguments) for c in calls] == [{"city": "Rome"}, {"a": 3, "b": 4}]
    assert len({c.id for c in calls}) == 2
    one = chat(client, both, tools=TOOLS, parallel_tool_calls=False).choices[0].message.tool_calls
    assert len(one) == 1


def test_the_choice_of_tools_is_kept(client):
    def called(choice):
        calls = chat(client, tools=TOOLS, tool_choice=choice).choices[0].message.tool_calls
        return [c.function.name for c in calls or ()]

    assert called("required") == ["get_weather"]
    assert called({"type": "function", "function": {"name": "add"}}) == ["add"]
    assert called("none") == []


def test_a_tool_call_streams_in_pieces(client):
    arguments, names, finish = "", [], None
    for piece in chat(client, user("add 1 and 2"), tools=TOOLS, stream=True):
        finish = piece.choices[0].finish_reason
        for call in piece.choices[0].delta.tool_calls or ():
            arguments += call.function.arguments
            names += [call.function.name] if call.function.name else []
    assert (json.loads(arguments), names, finish) == ({"a": 1, "b": 2}, ["add"], "tool_calls")


def test_after_a_tool_its_result_is_told(client):
    first = chat(client, user("add 1 and 2"), tools=TOOLS).choices[0].message
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "3"}
    history = [*user("add 1 and 2"), first.model_dump(exclude_none=True), result]
    second = chat(client, history, tools=TOOLS).choices[0].message
    assert second.tool_calls is None
    assert second.content == "The tool says: 3"


class Colour(Enum):
    RED = "red"


class Node(BaseModel):
    name: str = Field(min_length=3, max_length=5)
    weight: float = Field(gt=0, le=0.5)
    many: int = Field(ge=10, lt=20)
    colour: Colour
    kind: Literal["leaf"]
    born: date
    id: UUID
    done: bool
    note: str | None
    pair: tuple[int, str]
    tags: list[str] = Field(min_length=2)
    parent: Self | None = None
    children: list["Node"] = []


def test_values_are_valid_for_their_schema(client):
    wanted = {"type": "json_schema", "json_schema": {"name": "Node", "schema": Node.model_json_schema()}}
    node = Node.model_validate_json(chat(client, response_format=wanted).choices[0].message.content)
    assert len(node.tags) == 2
    assert node.children[0].parent is not None
    strict = client.chat.completions.parse(model="gpt-x", messages=user("It is 'warm'"), response_format=Simple)
    assert strict.choices[0].message.parsed == Simple(word="warm", number=1)


class Simple(BaseModel):
    word: str
    number: int


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["null", "integer"]}, 7),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 7),
        ({"allOf": [{"type": "integer"}, {"maximum": 5}]}, 5),
        ({"const": "c"}, "c"),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"type": "integer", "minimum": 8, "multipleOf": 5}, 10),
    ],
)
def test_value(schema, expected):
    assert value(schema, "seven is 7") == expected


def test_json_mode_has_the_keys_that_were_named(client):
    asked = user("Joke as JSON with keys 'setup' and 'punchline'")
    text = chat(client, asked, response_format={"type": "json_object"}).choices[0].message.content
    assert set(json.loads(text)) == {"setup", "punchline"}


def test_media_are_accepted(client):
    parts = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    answer = chat(client, [{"role": "user", "content": parts}])
    assert "Look [image_url] [input_audio]" in answer.choices[0].message.content
    assert answer.usage.prompt_tokens_details.audio_tokens == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_errors_on_demand_in_turn(client, server, status, error):
    server.behave("gpt-x", [{"status": status, "retry_after": 2, "message": "as told"}])
    with pytest.raises(error, match="as told") as caught:
        chat(client)
    assert caught.value.status_code == status
    assert caught.value.response.headers["Retry-After"] == "2"
    assert chat(client).choices, "well again after the list"


@pytest.mark.parametrize("name", ["context_length", "content_filter"])
def test_errors_have_openais_codes(client, server, name):
    server.behave("gpt-x", name)
    for _ in range(2):  # a behaviour outside a list stays
        with pytest.raises(openai.BadRequestError) as caught:
            chat(client)
        assert caught.value.code == NAMED[name].code
    assert chat(client, model="gpt-y").choices
    server.behave("gpt-x", None)
    assert chat(client).choices


def test_silence(server):
    server.behave("gpt-x", "hang")
    began = time.monotonic()
    client = openai.OpenAI(base_url=server.url, api_key="x", max_retries=0, timeout=0.2)
    with client, pytest.raises(openai.APITimeoutError):
        chat(client)
    assert time.monotonic() - began < 5


def test_a_dropped_connection(client, server):
    server.behave("gpt-x", "drop")
    with pytest.raises(openai.APIConnectionError):
        chat(client)


def test_garbage_and_nothing(server):
    for name, expected in (("garbage", b"<html>no JSON</html>"), ("empty_body", b"")):
        server.behave("gpt-x", name)
        body = json.dumps({"model": "gpt-x", "messages": HELLO}).encode()
        with urllib.request.urlopen(f"{server.url}/chat/completions", body) as answer:
            assert answer.read() == expected


def test_a_stream_that_dies(client, server):
    server.behave("gpt-x", "half")
    seen = []
    pieces = chat(client, stream=True)
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        collect(pieces, seen)
    assert len(seen) == 3


def test_an_empty_stream_has_no_text(client, server):
    server.behave("gpt-x", "empty")
    pieces = list(chat(client, stream=True))
    assert all(not p.choices[0].delta.content for p in pieces)
    server.behave("gpt-x", {"raw": "data: [DONE]\n\n"})
    assert list(chat(client, stream=True)) == []


def test_answers_told_beforehand(client, server):
    server.behave(
        "gpt-x",
        [
            "no_usage",
            "unknown_tool",
            {"text": "Told", "finish": "content_filter", "model": "gpt-x-2026", "cached": 1, "reasoning": 5},
            Behaviour(tool_calls=[("add", "{broken")]),
        ],
    )
    assert chat(client).usage is None
    assert chat(client).choices[0].message.tool_calls[0].function.name == "no_such_tool"
    told = chat(client)
    assert (told.choices[0].message.content, told.choices[0].finish_reason) == ("Told", "content_filter")
    assert told.model == "gpt-x-2026"
    assert told.usage.completion_tokens == 6
    assert (told.usage.prompt_tokens_details.cached_tokens, told.usage.completion_tokens_details.reasoning_tokens) == (
        1,
        5,
    )
    assert chat(client).choices[0].message.tool_calls[0].function.arguments == "{broken"


def test_slow_pieces(client, server):
    server.behave("gpt-x", {"pace": 0.05, "text": "a b"})
    began = time.monotonic()
    assert len(list(chat(client, stream=True))) == 4
    assert time.monotonic() - began >= 0.2


def test_unknown_behaviours_are_refused(server):
    with pytest.raises(TypeError, match="stauts"):
        server.behave("gpt-x", {"stauts": 500})
    with pytest.raises(KeyError):
        server.behave("gpt-x", ["no such name"])


def test_the_other_endpoints(client, server):
    assert [model.id for model in client.models.list()] == ["gpt-x", "gpt-y"]
    assert "gpt-x" in client.completions.create(model="gpt-x", prompt="Hello").choices[0].text
    pieces = client.completions.create(model="gpt-x", prompt="Hello", stream=True, max_tokens=2)
    assert [p.choices[0].text for p in pieces if p.choices[0].text] == ["Hello", ","]
    with urllib.request.urlopen(f"{server.root}/tokenize", b'{"content": "one two, three"}') as answer:
        assert len(json.load(answer)["tokens"]) == 4
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="gpt-x", input="Hello")


def test_connections_are_kept(server):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", int(server.root.rsplit(":", 1)[1]), timeout=5)
    connection.connect()
    socket = connection.sock
    for stream in (False, True, False):
        connection.request(
            "POST", "/v1/chat/completions", json.dumps({"model": "m", "messages": HELLO, "stream": stream})
        )
        assert connection.getresponse().read()
        assert connection.sock is socket
    connection.close()


def test_own_answers():
    server = OpenAIServer(answer=lambda body: body["messages"][-1]["content"][::-1])
    with server, openai.OpenAI(base_url=server.url, api_key="x") as client:
        assert chat(client).choices[0].message.content == "olleH"


def test_media_samples_are_valid():
    import wave

    samples = media_samples()
    with wave.open(BytesIO(samples["wav"])) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (8000, 80)
    assert samples["png"].startswith(b"\x89PNG\r\n\x1a\n")
    pdf = samples["pdf"]
    assert pdf[int(pdf.split(b"startxref\n")[1].split()[0]) :].startswith(b"xref")
    assert sample_for("https://example.com/a.pdf?x=1") == pdf
    assert sample_for("https://example.com/picture") == samples["png"]
