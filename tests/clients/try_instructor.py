"""Instructor: models of pydantic, by tools, by schemas, in pieces."""

import instructor
import openai
from checks import ASK, ASK_CITY, KEY, URL, expect, report
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    name: str
    people: int


def client(mode):
    """An openai client that gives models."""
    return instructor.from_openai(openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0), mode=mode)


def said(text):
    """A request."""
    return {"model": "leeroo", "messages": [{"role": "user", "content": text}]}


def chat():
    """A plain answer."""
    answer = client(instructor.Mode.TOOLS).create(response_model=None, **said(ASK))
    expect(answer.choices[0].message.content, "capital")


def streaming():
    """A model that fills up."""
    pieces = list(client(instructor.Mode.TOOLS).create_partial(response_model=City, **said(ASK_CITY)))
    assert pieces[-1].people == 2_000_000


def tools():
    """A model by a tool."""
    assert client(instructor.Mode.TOOLS).create(response_model=City, **said(ASK_CITY)).name == "Paris"


def structured():
    """A model by a schema, and by responses."""
    assert client(instructor.Mode.JSON_SCHEMA).create(response_model=City, **said(ASK_CITY)).people == 2_000_000
    assert client(instructor.Mode.RESPONSES_TOOLS).create(response_model=City, **said(ASK_CITY)).people == 2_000_000


report("instructor", {"chat": chat, "streaming": streaming, "tools": tools, "structured": structured})
