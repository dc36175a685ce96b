"""What pictures, sounds and documents cost at most."""

import base64
import struct

import pytest

from leeroo import Budget, Expert, NoEligibleExpert
from leeroo.endpoints.chat_format import to_query
from leeroo.pool.media import measure, most_tokens_of
from leeroo.pool.prices import Price
from leeroo.pool.tokens import count
from leeroo.query import Medium
from tests.media import media_samples


def data_url(kind, data):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(data, kind="image/png"):
    return {"type": "image_url", "image_url": {"url": data_url(kind, data)}}


def png(width, height):
    sample = media_samples()["png"]
    return sample[:16] + struct.pack(">II", width, height) + sample[24:]


JPEG = b"\xff\xd8\xff\xe0\x00\x10" + bytes(14) + b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 480, 640) + bytes(20)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + (1279).to_bytes(3, "little") + (719).to_bytes(3, "little")


GATEWAY = "http://127.0.0.1:1/v1"
"""It may stand before anybody, so it may take whatever a request asks for."""


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(1920, 1080), (1920, 1080)),
        (b"GIF89a" + struct.pack("<HH", 10, 20), (10, 20)),
        (JPEG, (640, 480)),
        (WEBP, (1280, 720)),
        (b"\x89PNG\r\n\x1a\n", (0, 0)),
        (b"no picture at all " * 10, (0, 0)),
    ],
)
def test_pictures_are_measured_by_their_headers(data, size):
    found = measure(picture(data))
    assert (found.width, found.height) == size


@pytest.mark.parametrize(
    ("model", "most"),
    [("openai:gpt-4o-mini", 25_521), ("openai:gpt-4o", 1_105), ("anthropic:claude-sonnet-4-5", 1_600),
     ("google_genai:gemini-2.5-flash", 1_548), ("openrouter:openai/gpt-4o-mini", 25_521)],
)  # fmt: skip
def test_a_picture_is_bounded_by_its_providers_rule(make_expert, model, most):
    assert most_tokens_of(measure(picture(png(1024, 1024))), make_expert(model=model)) >= most


def test_sounds_last_as_long_as_their_bytes_allow(make_expert):
    wav = media_samples()["wav"]
    hour = wav[:40] + bytes(3600 * 16_000)
    sound = {"type": "input_audio", "input_audio": {"data": base64.b64encode(hour).decode(), "format": "wav"}}
    assert most_tokens_of(measure(sound), make_expert(model="google_genai:gemini-2.5-flash")) >= 115_200
    assert most_tokens_of(measure(sound), make_expert(model="openai:gpt-4o-audio-preview")) is None


def test_what_has_no_bound_is_refused_under_a_cap_by_name_unless_its_owner_states_one(make_router, make_expert):
    part = {"type": "file", "file": {"file_data": data_url("application/pdf", media_samples()["pdf"])}}
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "What does it say?"}, part]}]}
    expert = make_expert("a", capabilities={"documents"})
    router = make_router({"a": expert}, {"a": 0.9})
    query = to_query(body, router)
    with router.open(query):
        pass  # nobody asks for a cap
    with pytest.raises(NoEligibleExpert, match=r"no bound is known.*state media_tokens: \{documents: ...\}"):
        router.open(query, Budget(max_cost=1))
    stated = make_expert("a", capabilities={"documents"}, media_tokens={"documents": 80_000})
    router = make_router({"a": stated}, {"a": 0.9})
    with router.open(query, Budget(max_cost=1)) as call:
        assert call.decision.chosen.input_upper >= 80_000
    assert count(query, stated).expected < 3_000


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("cache_control", {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}]}),
        ("web_search", {"tools": [{"type": "web_search"}]}),
        ("code_interpreter", {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}),
        ("openrouter:web_fetch", {"tools": [{"type": "openrouter:web_fetch"}]}),
        ("service_tier", {"service_tier": "priority"}),
        ("plugins", {"plugins": [{"id": "web"}]}),
        ("n", {"n": 5}),
        ("best_of", {"best_of": 5}),
    ],
)  # fmt: skip
def test_what_is_not_priced_is_refused_under_a_cap_by_name(make_router, make_expert, name, more):
    router = make_router({"gateway": make_expert("gateway", base_url=GATEWAY)}, {"gateway": 0.9})
    query = to_query({"messages": [{"role": "user", "content": "hi"}], **more}, router)
    with pytest.raises(NoEligibleExpert, match=name):
        router.open(query, Budget(max_cost=1))
    with router.open(query):
        pass


def test_functions_are_priced(make_router):
    tools = [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}]
    query = to_query({"messages": [{"role": "user", "content": "hi"}], "tools": tools, "n": 1}, make_router())
    assert not query.unpriced


@pytest.mark.parametrize(
    ("price", "more"),
    [
        ({"cache_write": 2.0}, {"cache_control": {"type": "ephemeral"}}),
        ({"cache_write_1h": 3.0}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        ({"services": {"priority": {"input": 2.0, "output": 4.0}}}, {"service_tier": "priority"}),
        ({}, {"service_tier": "flex"}),  # the cheap one
    ],
)
def test_what_an_expert_has_a_price_for_is_counted_under_a_cap_and_what_another_has_none_for_is_not_its(
    make_router, make_expert, price, more
):
    priced = make_expert("priced", base_url=GATEWAY)
    priced = priced.model_copy(update={"price": Price(input=1.0, output=2.0, **price)})
    plain = make_expert("plain", base_url=GATEWAY)
    router = make_router({"priced": priced, "plain": plain}, {"priced": 0.9, "plain": 0.9})
    body = {"messages": [{"role": "user", "content": "hi " * 500}]}
    with router.open(to_query({**body, **more}, router), Budget(max_cost=1)) as call:
        named = {c.expert.name: c for c in call.decision.candidates}
    assert named["priced"].ineligible is None
    assert (named["plain"].ineligible is None) == (price == {})
    with router.open(to_query(body, router), Budget(max_cost=1)) as call:
        cheap = next(c for c in call.decision.candidates if c.expert.name == "priced").worst_cost
    assert named["priced"].worst_cost > cheap or price == {}


@pytest.mark.parametrize(
    ("model", "least"),
    # What the providers' pages say that a largest picture costs.
    [("gpt-4o-mini", 2_833 + 8 * 5_667), ("gpt-4o", 85 + 8 * 170), ("gpt-4.1-nano", int(1_536 * 2.46)),
     ("gpt-5.4-mini", int(1_536 * 1.62)), ("gpt-5", 70 + 8 * 140), ("gpt-5.4", 10_000), ("gpt-5.6", 10_000),
     ("claude-opus-4-7", 4_784)],
)  # fmt: skip
def test_a_bound_is_no_less_than_the_published_most(model, least):
    expert = Expert(model=model, price=Price(input=1, output=2), capabilities={"vision"})
    most = most_tokens_of(Medium("vision", 20_000, 20_000), expert)
    assert most is not None
    assert most >= least
