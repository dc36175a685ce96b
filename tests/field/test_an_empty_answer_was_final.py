"""An answer with nothing in it is paid for, and the next expert is asked; in the core and in `serve`, too.

Met in vercel/ai#8237 and covan-ai/covan#112 (a cap that is used up by thought), and wherever a provider withholds.
"""

import json

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from langchain_leeroo import ChatLeeroo
from leeroo import ConfigError, Expert, Price, Router
from leeroo.cli import app
from leeroo.endpoints.openai_compatible import ask
from leeroo.endpoints.streamed import Streamed
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.integration.serve.conftest import running
from tests.openai_server import OpenAIServer

ENDS = {
    "empty": {"text": ""},
    "filtered": {"text": "", "finish": "content_filter"},
    "truncated": {"text": "", "finish": "length"},
}


@pytest.fixture
def server():
    with OpenAIServer() as server:
        yield server


PREDICTOR = ConstantPredictor({"best": 0.9, "next": 0.5}, output_tokens=20)


def router(server, *names, **kwargs):
    experts = {name: Expert(model=name, base_url=server.url, price=Price(input=1, output=2)) for name in names}
    return Router(experts, predictor=PREDICTOR, **kwargs)


def pool_of(server, **keys):
    """A pool file of the same experts."""
    experts = {n: {"model": n, "base_url": server.url, "price": {"input": 1, "output": 2}} for n in ("best", "next")}
    return {"experts": experts, **keys}


def answered(way, chooses):
    """The text and the record."""
    messages = [{"role": "user", "content": "Hello"}]
    if way == "core":
        said = ask(chooses, "Hello")
        return said.text, said.record
    if way == "core, streamed":
        given = Streamed(chooses, messages)
        return "".join(given), given.record
    with running(chooses) as url:
        body = {"model": "leeroo", "messages": messages, "stream": way == "serve, streamed"}
        text = httpx.post(f"{url}/v1/chat/completions", json=body).text
    if way == "serve":
        return json.loads(text)["choices"][0]["message"]["content"], json.loads(text)["leeroo"]
    pieces = [json.loads(piece[6:]) for piece in text.split("\n\n")[:-2]]
    return "".join(p["choices"][0]["delta"].get("content") or "" for p in pieces), pieces[-1]["leeroo"]


WAYS = ["core", "core, streamed", "serve", "serve, streamed"]


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("way", WAYS)
def test_the_next_expert_answers_and_the_first_is_paid(way, kind, server):
    server.behave("best", ENDS[kind])
    text, record = answered(way, router(server, "best", "next"))
    assert "answer of next" in text
    first = record["attempts"][0]
    assert (first["expert"], first["error"], record["expert"]) == ("best", kind, "next")
    assert record["cost_is_estimate"] is False


@pytest.mark.parametrize("way", WAYS)
def test_where_nobody_is_left_it_is_handed_on_as_it_is(way, server):
    server.behave("best", ENDS["empty"])
    text, record = answered(way, router(server, "best"))
    assert text == ""
    assert record["attempts"][0]["error"] is None


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_call_is_an_answer(way, server):
    server.behave("best", {"tool_calls": (("add", {"a": 1}),)})
    _, record = answered(way, router(server, "best", "next"))
    assert record["expert"] == "best"


@pytest.mark.parametrize("way", WAYS)
def test_who_takes_every_answer_as_it_is_says_so_to_the_router(way, server):
    server.behave("best", ENDS["filtered"])
    text, record = answered(way, router(server, "best", "next", on_empty="accept"))
    assert text == ""
    assert (record["expert"], record["attempts"][0]["error"]) == ("best", None)


def test_an_answer_broken_off_behind_its_endpoint_is_none_all_the_same(server):
    server.behave("best", {"text": "", "finish": "error"})
    _, record = answered("core", router(server, "best", "next", on_empty="accept"))
    assert record["expert"] == "next"


def test_the_pool_file_says_it_for_the_router_serve_and_the_frameworks(server):
    server.behave("best", ENDS["empty"])
    file = pool_of(server, on_empty="accept")
    assert ask(Router.from_pool(file, predictor=PREDICTOR), "Hello").record["expert"] == "best"
    assert answered("serve", Router.from_pool(file, predictor=PREDICTOR))[1]["expert"] == "best"
    chat, llm = ChatLeeroo.from_pool(file, predictor=PREDICTOR), Leeroo.from_pool(file, predictor=PREDICTOR)
    assert chat.invoke("Hello").response_metadata["leeroo"]["expert"] == "best"
    assert llm.complete("Hello").additional_kwargs["leeroo"]["expert"] == "best"


def test_what_is_nearer_wins_over_the_pool_file(server):
    server.behave("best", ENDS["empty"])
    file, own = pool_of(server, on_empty="accept"), {"predictor": PREDICTOR, "on_empty": "next"}
    assert ask(Router.from_pool(file, **own), "Hello").record["expert"] == "next"
    said = ChatLeeroo.from_pool(file, **own).invoke("Hello")
    assert said.response_metadata["leeroo"]["expert"] == "next"
    assert Leeroo.from_pool(file, **own).complete("Hello").additional_kwargs["leeroo"]["expert"] == "next"


def test_another_word_is_refused_with_its_place(server):
    with pytest.raises(ConfigError, match=r"pool: on_empty is 'accpt'.*Did you mean 'accept'"):
        Router.from_pool(pool_of(server, on_empty="accpt"))
    with pytest.raises(ConfigError, match="on_empty"):
        router(server, "best", on_empty="guess")


def test_serves_option_wins_over_the_pools(server, tmp_path, monkeypatch):
    path, seen = tmp_path / "pool.yaml", []
    path.write_text(yaml.safe_dump(pool_of(server, on_empty="next")))
    monkeypatch.setattr("leeroo.serve.running.serve", lambda router, **_: seen.append(router.on_empty))
    for given in ([], ["--on-empty", "accept"]):
        assert CliRunner().invoke(app, ["serve", str(path), *given]).exit_code == 0
    assert seen == ["next", "accept"]
    assert CliRunner().invoke(app, ["serve", str(path), "--on-empty", "never"]).exit_code != 0
