"""What costs beside an expert's price per token, given in kwargs: refused under a cap in every way of both adapters."""

import asyncio

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_openai import ChatOpenAI
from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from langchain_leeroo import ChatLeeroo
from leeroo import Expert, InvalidRequest, NoEligibleExpert, Router
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.attacks.conftest import PRICE

ASKS = {
    "a tier without a price": {"service_tier": "priority"},
    "an unknown tier": {"service_tier": "unheard-of"},
    "a tier that is no text": {"service_tier": ["priority"]},
    "a tier in the extra body": {"extra_body": {"service_tier": "priority"}},
    "a search of Anthropic's": {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]},
    "a search of OpenAI's": {"tools": [{"type": "web_search"}]},
    "a search in the extra body": {"extra_body": {"tools": [{"type": "web_search"}]}},
    "an interpreter": {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
    "a gateway's own tool": {"tools": [{"type": "openrouter:web_search"}]},
    "a search of Google's": {"tools": [{"google_search": {}}]},
    "options of a search": {"web_search_options": {}},
    "plugins": {"extra_body": {"plugins": [{"id": "web"}]}},
    "other models to fall back to": {"extra_body": {"models": ["dear"]}},
    "another model": {"extra_body": {"model": "dear"}},
    "several answers": {"n": 3},
    "the best of several": {"best_of": 3},
}


def langchain(expert):
    llm = ChatLeeroo(experts={"m": expert}, predictor=ConstantPredictor({"m": 0.9}, output_tokens=10))
    messages = [HumanMessage("hi")]

    async def astream(**kwargs):
        return [one async for one in llm.astream(messages, **kwargs)]

    async def abatch(**kwargs):
        return await llm.abatch([messages, messages], **kwargs)

    return {
        "invoke": lambda **kwargs: llm.invoke(messages, **kwargs),
        "bound": lambda max_cost, **kwargs: llm.bind(**kwargs).invoke(messages, max_cost=max_cost),
        "stream": lambda **kwargs: list(llm.stream(messages, **kwargs)),
        "batch": lambda **kwargs: llm.batch([messages, messages], **kwargs),
        "ainvoke": lambda **kwargs: asyncio.run(llm.ainvoke(messages, **kwargs)),
        "astream": lambda **kwargs: asyncio.run(astream(**kwargs)),
        "abatch": lambda **kwargs: asyncio.run(abatch(**kwargs)),
        "consulted": lambda **kwargs: llm.invoke(messages, consult=True, **kwargs),
    }


def llamaindex(expert):
    llm = Leeroo(experts={"m": expert}, predictor=ConstantPredictor({"m": 0.9}, output_tokens=10))
    messages = [ChatMessage(content="hi")]

    async def astream(**kwargs):
        return [one async for one in await llm.astream_chat(messages, **kwargs)]

    return {
        "chat": lambda **kwargs: llm.chat(messages, **kwargs),
        "complete": lambda **kwargs: llm.complete("hi", **kwargs),
        "stream_chat": lambda **kwargs: list(llm.stream_chat(messages, **kwargs)),
        "stream_complete": lambda **kwargs: list(llm.stream_complete("hi", **kwargs)),
        "achat": lambda **kwargs: asyncio.run(llm.achat(messages, **kwargs)),
        "astream_chat": lambda **kwargs: asyncio.run(astream(**kwargs)),
        "consulted": lambda **kwargs: llm.chat(messages, consult=True, **kwargs),
    }


WAYS = [
    *[(langchain, way) for way in ("invoke", "bound", "stream", "batch", "ainvoke", "astream", "abatch", "consulted")],
    *[(llamaindex, way) for way in ("chat", "complete", "stream_chat", "stream_complete", "achat", "astream_chat",
                                    "consulted")],
]  # fmt: skip


def expert_of(adapter, liar, *, own):
    """The liar's model, named, or as the framework's own object."""
    if not own:
        return Expert(model="openai:model", base_url=liar.url, price=PRICE, max_output_tokens=100)
    model = (
        ChatOpenAI(model="model", base_url=liar.url, api_key="x", max_retries=0)
        if adapter is langchain
        else OpenAILike(model="model", api_base=liar.url, api_key="x", is_chat_model=True, max_retries=0)
    )
    return Expert(model=model, price=PRICE, max_output_tokens=100)


@pytest.mark.parametrize("own", [False, True], ids=["named", "an object"])
@pytest.mark.parametrize(("adapter", "way"), WAYS, ids=[f"{adapter.__name__}-{way}" for adapter, way in WAYS])
def test_no_kwarg_passes_the_cap(liar, adapter, way, own):
    ask = adapter(expert_of(adapter, liar, own=own))[way]
    for name, kwargs in ASKS.items():
        with pytest.raises((NoEligibleExpert, InvalidRequest)) as caught:
            ask(max_cost=1.0, **kwargs)
        given = kwargs.get("extra_body", kwargs)
        named = next(iter(given)).removesuffix("s").removesuffix("_option")  # "the tool 'web_search'"
        assert named in str(caught.value) or "search" in str(caught.value), (name, str(caught.value))
        assert not liar.requests, name
    assert ask(max_cost=1.0, service_tier="default")  # what costs nothing beside is let through
    assert liar.requests


@pytest.mark.parametrize("own", [False, True], ids=["named", "an object"])
@pytest.mark.parametrize(("adapter", "way"), WAYS, ids=[f"{adapter.__name__}-{way}" for adapter, way in WAYS])
def test_no_hidden_output_cap_passes_the_budgets(liar, adapter, way, own):
    """What stands in `extra_body` wins at the endpoint, over whatever stands beside it."""
    ask = adapter(expert_of(adapter, liar, own=own))[way]
    pays_for = 60  # tokens, the input's included
    names = ("max_tokens", "max_completion_tokens")
    ask(max_cost=pays_for * PRICE.output / 1e6, extra_body={**dict.fromkeys(names, 5_000), "top_k": 3})
    assert liar.bodies()
    for body in liar.bodies():
        caps = [body[name] for name in names if name in body]
        assert caps, body
        assert max(caps) < pays_for
        assert body["top_k"] == 3


@pytest.mark.parametrize("consult", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_while_the_rate_limiter_waits_pays_nothing(liar, ledger, stream, consult):
    """Its expert was not asked yet."""
    experts = {name: expert_of(langchain, liar, own=False) for name in "ab"}
    router = Router(experts, predictor=ConstantPredictor(dict.fromkeys(experts, 0.7), output_tokens=10), ledger=ledger)
    waiting = asyncio.Event()

    class Never(BaseRateLimiter):
        def acquire(self, *, blocking=True):
            raise NotImplementedError

        async def aacquire(self, *, blocking=True):
            waiting.set()
            await asyncio.Event().wait()

    llm = ChatLeeroo(router=router, rate_limiter=Never())

    async def ask():
        if stream:
            async for _ in llm.astream("hi", consult=consult):
                pass
        else:
            await llm.ainvoke("hi", consult=consult)

    async def leave():
        task = asyncio.create_task(ask())
        await asyncio.wait_for(waiting.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert not liar.requests
    assert not ledger.open_reservations()
    assert sum(row["cost"] for row in ledger.spend("expert")) == 0
