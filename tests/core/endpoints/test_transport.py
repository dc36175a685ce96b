import asyncio
import gc
import sys
from weakref import WeakKeyDictionary

import pytest

from leeroo.endpoints.http import http_library
from leeroo.endpoints.transport import AiohttpPool, PerLoopTransport, _without_cookies, async_client, sync_client
from leeroo.routing.failures import classify

openai = pytest.importorskip("openai")
httpx = http_library()  # httpx2, where the SDK is built on it


@pytest.fixture(params=["aiohttp", "httpx"])
def client(request, server, monkeypatch):
    if request.param == "aiohttp":
        pytest.importorskip("httpx_aiohttp")
    else:
        monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)
    http = async_client(5.0)
    return openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, http_client=http)


def transport_of(client):
    return client._client._transport


async def ask(client, **more):
    answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], **more)
    return answer.choices[0].message.content


async def pieces_of(client):
    stream = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
    return [chunk async for chunk in stream]


def test_one_client_works_in_every_event_loop(client):
    answers = {asyncio.run(ask(client)) for _ in range(3)}
    assert len(answers) == 1


def test_connections_are_kept_within_a_loop(client):
    async def several():
        for _ in range(3):
            await ask(client)
        return len(transport_of(client)._pools)

    assert asyncio.run(several()) == 1


def test_many_calls_at_once(client):
    async def many():
        return await asyncio.gather(*(ask(client) for _ in range(40)))

    assert len(asyncio.run(many())) == 40


def test_a_stream_comes_in_pieces(client):
    assert len(asyncio.run(pieces_of(client))) > 3


@pytest.mark.parametrize(
    ("how", "kind"), [({"drop": True}, "connection"), ({"hang": 2.0}, "timeout"), ({"status": 503}, "server")]
)
def test_failures_are_told_apart(client, server, how, kind):
    server.behave("m", how)
    with pytest.raises(openai.APIError) as caught:
        asyncio.run(ask(client, timeout=0.3))
    assert classify(caught.value).kind == kind


def test_a_stream_that_breaks_is_no_end(client, server):
    server.behave("m", {"die_after": 2})

    with pytest.raises((openai.APIError, httpx.TransportError)) as caught:
        asyncio.run(pieces_of(client))
    assert classify(caught.value).kind == "connection"


def test_nobody_listens(client, server):
    client.base_url = "http://127.0.0.1:9/v1"
    with pytest.raises(openai.APIConnectionError) as caught:
        asyncio.run(ask(client))
    assert classify(caught.value).kind == "connection"


def test_asyncio_run_closes_its_connections(client):
    async def one():
        await ask(client)
        return next(iter(transport_of(client)._pools.values()))

    pool = asyncio.run(one())
    if isinstance(pool, AiohttpPool):
        assert pool._transport.client.closed


@pytest.mark.parametrize("closed", [True, False])
def test_connections_of_other_loops_are_let_go_without_complaint(server, caplog, closed):
    pytest.importorskip("httpx_aiohttp")
    client = openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, http_client=async_client(5.0))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask(client))
    pool = transport_of(client)._pools[loop]
    if closed:
        loop.close()
    pool.abandon()
    assert pool._transport.client.closed
    pool.abandon()  # once more is no harm
    del pool
    asyncio.run(ask(client))
    loop.close()
    del loop
    gc.collect()
    assert not caplog.records


def test_pools_of_closed_loops_are_forgotten(client):
    for _ in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask(client))
        loop.close()
    assert len(transport_of(client)._pools) <= 1


def test_another_thread_may_forget_a_pool_first(client):
    gone = asyncio.new_event_loop()
    gone.close()

    class Raced(WeakKeyDictionary):
        def __iter__(self):
            return iter([gone])

    transport_of(client)._pools = Raced()
    assert asyncio.run(ask(client))


def test_httpx2_has_a_bridge_too(server):
    httpx2 = pytest.importorskip("httpx2")
    pytest.importorskip("httpx_aiohttp.httpx2")

    async def get():
        async with httpx2.AsyncClient(transport=PerLoopTransport(httpx2)) as http:
            return (await http.get(server.root + "/health")).status_code

    assert asyncio.run(get()) in (200, 404)


def keeps_a_session(request):
    return httpx.Response(200, headers={"set-cookie": "session=1"}, text=request.headers.get("cookie", "none"))


def test_no_cookies_are_kept():
    http = _without_cookies(openai.DefaultHttpxClient)(transport=httpx.MockTransport(keeps_a_session))
    assert [http.get("http://host/").text for _ in range(2)] == ["none", "none"]


async def test_no_cookies_are_kept_async():
    http = _without_cookies(openai.DefaultAsyncHttpxClient)(transport=httpx.MockTransport(keeps_a_session))
    assert [(await http.get("http://host/")).text for _ in range(2)] == ["none", "none"]


def test_experts_have_such_clients(server):
    for http in (sync_client(5.0), async_client(5.0)):
        assert not http.cookies
        assert http.timeout == httpx.Timeout(5.0)
