"""Scripted experts on the loopback server, and a predictor small enough to be made in no time."""

import re

import pytest

import leeroo
from leeroo.learning.selfplay.domains import Domain, Domains
from tests.openai_server import OpenAIServer

SETTINGS = {"rounds": 2, "queries": 12, "held_out": 16, "max_tokens": 16, "share": 0.75}


def answer(body):
    """`clever` is right about sums, `dull` says 0; both know where the last letter of a word is."""
    text, model = body["messages"][-1]["content"], body["model"]
    found = re.fullmatch(r"What is (.*)\?", text)
    if model == "clever" and found and re.fullmatch(r"[\d+*/ ()-]+", found[1]):
        return str(int(eval(found[1])))
    letter = re.search(r"(first|last) letter of the word '(\w+)'", text)
    if letter:
        return letter[2][0 if letter[1] == "first" else -1]
    return "0"


@pytest.fixture
def server():
    with OpenAIServer(("clever", "dull"), answer=answer) as running:
        yield running


@pytest.fixture
def pool(server):
    return leeroo.Pool(
        {
            name: leeroo.Expert(
                model=f"openai:{name}", base_url=server.url, price=leeroo.Price(input=price, output=price), timeout=5
            )
            for name, price in (("dull", 1.0), ("clever", 10.0))
        }
    )


@pytest.fixture
def domains():
    names = ("arithmetic", "strings")
    return Domains(domains={name: Domain(family=name) for name in names})


@pytest.fixture(autouse=True)
def _offline_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
