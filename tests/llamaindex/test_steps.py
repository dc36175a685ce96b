"""One body for sync and async: the drivers take its steps, and a body sees what happens to it whoever drives."""

import inspect

import pytest
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from llamaindex_leeroo import Leeroo
from llamaindex_leeroo.steps import END, Ask, Close, Give, Open, Pause, Piece, adrive, afollow, drive, follow


def later(value):
    async def answer():
        if isinstance(value, Exception):
            raise value
        return value

    return answer


def now(value):
    def answer():
        if isinstance(value, Exception):
            raise value
        return value

    return answer


async def driven(asynchronous, body):
    return await adrive(body(later)) if asynchronous else drive(body(now))


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_body_gets_what_its_steps_give_and_what_they_meet(asynchronous):
    def body(answer):
        got = [(yield Ask(answer(1), 5.0)), (yield Pause(0.0))]
        try:
            yield Ask(answer(OSError("down")), 5.0)
        except OSError as error:
            got.append(str(error))
        return got

    assert await driven(asynchronous, body) == [1, None, "down"]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_a_body_does_not_catch_comes_out_as_it_was(asynchronous):
    down = OSError("down")

    def body(answer):
        yield Ask(answer(down), 5.0)

    with pytest.raises(OSError, match="down") as caught:
        await driven(asynchronous, body)
    assert caught.value is down
    assert caught.value.__context__ is None


async def numbers():
    for number in range(3):
        yield number


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_reader_that_stops_early_is_seen_by_the_body(asynchronous):
    seen = []

    def body(answer):
        source = yield Open(answer(numbers() if asynchronous else iter(range(3))), 5.0)
        try:
            while (item := (yield Piece(source, 5.0))) is not END:
                yield Give(item)
        except GeneratorExit:
            seen.append("closed")
            yield Close(source)  # a step may still be taken
            seen.append("and the source")
            raise

    if asynchronous:
        assert [item async for item in afollow(body(later))] == [0, 1, 2]
        stream = afollow(body(later))
        await anext(stream)
        await stream.aclose()
    else:
        assert list(follow(body(now))) == [0, 1, 2]
        stream = follow(body(now))
        next(stream)
        stream.close()
    assert seen == ["closed", "and the source"]


async def test_an_async_step_keeps_its_time():
    import asyncio

    def body():
        yield Ask(lambda: asyncio.sleep(60), 0.001)

    with pytest.raises(TimeoutError):
        await adrive(body())


@pytest.mark.parametrize(
    "method",
    [
        *("chat", "complete", "structured_predict", "stream_structured_predict", "predict_and_call"),
        *("chat_with_tools", "achat_with_tools", "stream_chat_with_tools", "astream_chat_with_tools"),
    ],
)
def test_the_signatures_are_llamaindexs(method):
    def parameters(cls):
        return [(p.name, p.kind, p.default) for p in inspect.signature(getattr(cls, method)).parameters.values()]

    base = FunctionCallingLLM if "call" in method or "tools" in method else LLM
    if method == "complete":
        assert [p[0] for p in parameters(Leeroo)] == ["self", "prompt", "formatted", "kwargs"]
    else:
        assert parameters(Leeroo) == parameters(base)
