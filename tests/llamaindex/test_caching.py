"""Marks to cache a prompt: sent where they are of use, left out where they are refused."""

from importlib.metadata import version

import pytest
from llama_index.core.base.llms.types import CacheControl, CachePoint, ChatMessage, TextBlock
from llama_index.core.llms import LLM
from llama_index.llms.openai_like import OpenAILike

from leeroo import Expert, Price
from leeroo.pool import caching
from llamaindex_leeroo import Leeroo
from llamaindex_leeroo.caching import asking
from tests.anthropic_server import AnthropicServer, marks_of
from tests.llamaindex.test_calls import ADD

PRICE = Price(input=3.0, output=15.0, cached_input=0.3, cache_write=3.75, cache_write_1h=6.0)
MARK = {"type": "ephemeral"}


def routed(model, predictor, **more):
    return Leeroo(experts={"small": Expert(model=model, price=PRICE, **more)}, predictor=predictor)


def like(server):
    return OpenAILike(model="m", api_base=server.url, api_key="x", is_chat_model=True, is_function_calling_model=True)


def marked():
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    return [
        ChatMessage(role="system", blocks=[TextBlock(text="Be brief."), point]),
        ChatMessage(content="Hi.", additional_kwargs={"cache_control": MARK}),
    ]


def test_a_cache_point_is_no_stumbling_block_for_openais_class(server, predictor):
    messages = marked()
    routed(like(server), predictor).chat(messages)
    assert [message["content"] for message in server.bodies()[-1]["messages"]] == ["Be brief.", "Hi."]
    assert isinstance(messages[0].blocks[1], CachePoint)  # the caller's own stay as they are


def test_who_refuses_marks_is_sent_none(server, predictor, monkeypatch):
    monkeypatch.setattr("llamaindex_leeroo.caching.takes_marks", lambda expert: False)
    routed(like(server), predictor).chat(marked())
    assert "cache_control" not in str(server.bodies()[-1])


@pytest.mark.parametrize(("kept", "mark"), [("5m", MARK), ("1h", {**MARK, "ttl": "1h"})])
def test_openrouter_is_asked_by_a_field_of_the_request(server, predictor, monkeypatch, kept, mark):
    monkeypatch.setattr("llamaindex_leeroo.caching.server_of", lambda expert: "openrouter")
    llm = routed(like(server), predictor, prompt_cache=kept)
    llm.chat([ChatMessage(content="Hi.")], extra_body={"top_k": 3})
    assert (server.bodies()[-1]["cache_control"], server.bodies()[-1]["top_k"]) == (mark, 3)
    llm.chat(marked())  # the caller's own are not added to
    assert "cache_control" not in server.bodies()[-1]


def test_others_are_not_asked_by_it(server, predictor):
    assert caching.server_of(Expert(model=like(server), name="x")) is None
    routed(like(server), predictor, prompt_cache="5m").chat([ChatMessage(content="Hi.")])
    assert "cache_control" not in server.bodies()[-1]


# -- Anthropic's own class, where it is installed --


@pytest.fixture
def claude():
    with AnthropicServer() as running:
        yield running


def anthropic(server) -> LLM:
    made = pytest.importorskip("llama_index.llms.anthropic").Anthropic
    if not version("anthropic").startswith("0."):
        pytest.skip("llama-index-llms-anthropic 0.12.3 cannot make a message with anthropic 2.14")
    return made(base_url=server.url, model="claude-sonnet-4-5", api_key="x", max_retries=0)


@pytest.mark.parametrize("kept", ["5m", "1h"])
async def test_anthropics_class_is_asked_and_what_it_reports_is_booked(claude, predictor, kept):
    llm = routed(anthropic(claude), predictor, prompt_cache=kept)
    asked = [ChatMessage(role="system", content="You know all cities. " * 50), ChatMessage(content="Hi.")]
    answers = [llm.chat_with_tools([ADD], chat_history=asked), await llm.achat_with_tools([ADD], chat_history=asked),
               llm.chat(asked), list(llm.stream_chat(asked))[-1]]  # fmt: skip
    assert [marks_of(body) for body in claude.bodies] == [[("top", kept)]] * 4
    records = [answer.additional_kwargs["leeroo"] for answer in answers]
    for record, used in zip(records, claude.usages, strict=True):
        read, written = used["cache_read_input_tokens"], used["cache_creation_input_tokens"]
        write = PRICE.cache_write if kept == "5m" else PRICE.cache_write_1h
        usd = used["input_tokens"] * 3 + read * 0.3 + written * write + used["output_tokens"] * 15
        assert record["cached_tokens"] == read
        assert record["cost"] == pytest.approx(usd / 1e6, abs=1e-9)
    assert [record["cached_tokens"] > 0 for record in records] == [False, True, False, True]


def test_a_cache_point_reaches_anthropics_class(claude, predictor):
    messages = [ChatMessage(blocks=[TextBlock(text="Hi."), CachePoint(cache_control=CacheControl(type="ephemeral"))])]
    routed(anthropic(claude), predictor).chat(messages)
    assert marks_of(claude.bodies[-1]) == [("message 0", "5m")]


def test_a_request_without_the_setting_is_left_alone():
    assert asking(Expert(model="anthropic:claude-sonnet-4-5", name="x"), None, {"a": 1}) == {"a": 1}
