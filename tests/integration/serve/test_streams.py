"""Many streams at once, clients that hang up, and another framework's client."""

import asyncio
import threading
import time

import httpx
import openai
from langchain_openai import ChatOpenAI

from leeroo.ledger.limits import LedgerError, Limit
from leeroo.ledger.opening import open_ledger
from tests.integration.serve.conftest import router_over, running

ASK = [{"role": "user", "content": "Tell me something long about the sea and the wind."}]


async def test_many_streams_at_once_all_end_and_their_money_adds_up(experts, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    experts.behave("small-model", {"pace": 0.005})
    with running(router_over(experts, ledger=ledger)) as url:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:

            async def one(number):
                ask = [{"role": "user", "content": f"Number {number}, please."}]
                stream = await client.chat.completions.create(model="leeroo", messages=ask, stream=True)
                pieces = [piece async for piece in stream]
                text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
                assert text.endswith(f"Number {number}, please.")  # no piece went to another stream
                return pieces[-1].model_extra["leeroo"]["cost"]

            costs = await asyncio.gather(*(one(number) for number in range(40)))
    assert sum(row["cost"] for row in ledger.spend("day")) == round(sum(costs) * 1e9)
    assert sum(row["calls"] for row in ledger.spend("day")) == 40
    assert not ledger.open_reservations()


def test_a_client_that_hangs_up_pays_the_worst_case_and_leaves_nothing_reserved(experts, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    experts.behave("small-model", {"pace": 0.05})
    router = router_over(experts, ledger=ledger)
    records = []
    router._on_close = records.append
    with running(router) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        for _ in range(3):
            stream = client.chat.completions.create(model="leeroo", messages=ASK, stream=True)
            for piece in stream:
                if piece.choices[0].delta.content:
                    break
            stream.close()
        until = time.monotonic() + 20
        while len(records) < 3 and time.monotonic() < until:
            time.sleep(0.02)
    assert [record["attempts"][-1]["error"] for record in records] == ["cancelled"] * 3
    worst = records[0]["candidates"][0]["worst_cost"]
    assert all(record["cost"] == worst for record in records)  # what was thought behind the pieces nobody knows
    assert not ledger.open_reservations()


def test_a_server_that_ends_settles_its_streams(experts, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with running(router_over(experts, ledger=ledger)) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        next(iter(client.chat.completions.create(model="leeroo", messages=ASK, stream=True)))
        client.close()
    assert not ledger.open_reservations()
    assert sum(row["calls"] for row in ledger.spend("day")) == 1


def test_langchains_client(url):
    budget = {"leeroo": {"max_cost": 0.01}}
    llm = ChatOpenAI(base_url=f"{url}/v1", api_key="none", model="leeroo", extra_body=budget, stream_usage=True)
    answer = llm.invoke("What is the capital of France?")
    assert answer.usage_metadata["input_tokens"] > 0
    whole = None
    for piece in llm.stream("What is the capital of France?"):
        whole = piece if whole is None else whole + piece
    assert whole.content == answer.content
    assert whole.usage_metadata["total_tokens"] == answer.usage_metadata["total_tokens"]

    def get_weather(city: str) -> str:
        """The weather of a city."""
        return "fine"

    called = llm.bind_tools([get_weather]).invoke("What is the weather in 'Paris'?")
    assert called.tool_calls[0]["args"] == {"city": "Paris"}


def test_a_streams_refusal_reads_the_ledger_beside_the_event_loop_and_survives_its_failure(experts, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.set_limit(Limit.of("a", "day", "calls", 0))
    threads = []

    def limits(scope=None):
        threads.append(threading.current_thread().name)
        raise LedgerError("it is down") if len(threads) > 1 else ValueError("something else")

    ledger.limits = limits
    body = {"model": "leeroo", "messages": ASK, "stream": True, "leeroo": {"scope": "a"}}
    with running(router_over(experts, ledger=ledger)) as url:
        for _ in range(2):
            answer = httpx.post(f"{url}/v1/chat/completions", json=body)
            assert answer.status_code == 500
            assert "server's log says where" in answer.json()["error"]["message"]
    assert len(threads) == 2
    assert all(name.startswith("leeroo-serve") for name in threads)
