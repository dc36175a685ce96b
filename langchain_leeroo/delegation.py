"""One request through the router: a chain run, and beneath it one LLM run per attempt, made by the expert itself.

Going through the expert's own public methods, instead of through `_generate` of ours, keeps everything that it does
(its callbacks, cache, tokens of a stream, content blocks) and counts its usage once.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.runnables import RunnableConfig

from langchain_leeroo.endings import answered, lost, settle
from langchain_leeroo.received import Received
from langchain_leeroo.requests import Host, Request
from langchain_leeroo.runs import astart, atapped, child_of, overhear, start, tapped
from leeroo.endpoints.closing import aclosing
from leeroo.routing.call import Call


def invoke(host: Host, request: Request, config: RunnableConfig) -> Any:
    """Have one expert answer, as a chain run."""
    config = host._configure(config)
    call, run, config = start(host, request, config)
    try:
        with call:
            output = _invoke(host, request, call, run, config)
    except BaseException as error:
        run.on_chain_error(error)
        raise
    run.on_chain_end(output)
    return output


def _invoke(host: Host, request: Request, call: Call, run: CallbackManagerForChainRun, config: RunnableConfig) -> Any:
    for attempt in host._attempts(call):
        try:
            runnable, kwargs = host._target(request, attempt)
            child = child_of(config, run, attempt, call, expert_listens=host._listens(attempt))
            if host.rate_limiter is not None:
                host.rate_limiter.acquire(blocking=True)
            output = runnable.invoke(request.prompt, child, **kwargs)
        except BaseException as error:
            lost(attempt, error, request)
            continue
        return answered(call, attempt, request, output)
    raise call.exhausted()


async def ainvoke(host: Host, request: Request, config: RunnableConfig) -> Any:
    """Have one expert answer, as a chain run, asynchronously."""
    config = host._configure(config)
    call, run, config = await astart(host, request, config)
    try:
        with call:
            output = await _ainvoke(host, request, call, run, config)
    except BaseException as error:
        await run.on_chain_error(error)
        raise
    await run.on_chain_end(output)
    return output


async def _ainvoke(
    host: Host, request: Request, call: Call, run: AsyncCallbackManagerForChainRun, config: RunnableConfig
) -> Any:
    async for attempt in host._aattempts(call):
        try:
            runnable, kwargs = host._target(request, attempt)
            child = child_of(config, run, attempt, call, expert_listens=host._listens(attempt))
            if host.rate_limiter is not None:
                await host.rate_limiter.aacquire(blocking=True)
            async with asyncio.timeout(request.seconds(attempt)):
                output = await runnable.ainvoke(request.prompt, child, **kwargs)
        except BaseException as error:
            lost(attempt, error, request)
            continue
        return answered(call, attempt, request, output)
    raise call.exhausted()


def stream(host: Host, request: Request, config: RunnableConfig) -> Generator[Any, None, None]:
    """Stream one expert's answer, as a chain run."""
    config = host._configure(config)
    call, run, config = start(host, request, config)
    received = Received(structured=request.structured is not None)
    try:
        with call, closing(_stream(host, request, call, run, config, received)) as pieces:
            yield from tapped(run, pieces)
    except GeneratorExit:
        run.on_chain_end(received.whole())
        raise
    except BaseException as error:
        run.on_chain_error(error)
        raise
    run.on_chain_end(received.whole())


def _stream(
    host: Host,
    request: Request,
    call: Call,
    run: CallbackManagerForChainRun,
    config: RunnableConfig,
    received: Received,
) -> Generator[Any, None, None]:
    for attempt in host._attempts(call):
        try:
            runnable, kwargs = host._target(request, attempt)
            child = child_of(config, run, attempt, call, expert_listens=host._listens(attempt))
            overheard = overhear(request, child)
            if host.rate_limiter is not None:
                host.rate_limiter.acquire(blocking=True)
            for piece in runnable.stream(request.prompt, child, **kwargs):
                attempt.first_token()
                yield from received.take(piece)
        except BaseException as error:
            lost(attempt, error, request, received)
            received.forget()
            continue
        settle(attempt, request, overheard.message if overheard else received.whole_message())
        for piece in received.last(call.finish()):
            yield piece
        return
    raise call.exhausted()


async def astream(host: Host, request: Request, config: RunnableConfig) -> AsyncGenerator[Any, None]:
    """Stream one expert's answer, as a chain run, asynchronously."""
    config = host._configure(config)
    call, run, config = await astart(host, request, config)
    received = Received(structured=request.structured is not None)
    try:
        with call:
            async with aclosing(_astream(host, request, call, run, config, received)) as pieces:
                async for piece in atapped(run, pieces):
                    yield piece
    except (GeneratorExit, asyncio.CancelledError):
        await run.on_chain_end(received.whole())
        raise
    except BaseException as error:
        await run.on_chain_error(error)
        raise
    await run.on_chain_end(received.whole())


async def _astream(
    host: Host,
    request: Request,
    call: Call,
    run: AsyncCallbackManagerForChainRun,
    config: RunnableConfig,
    received: Received,
) -> AsyncGenerator[Any, None]:
    async for attempt in host._aattempts(call):
        try:
            runnable, kwargs = host._target(request, attempt)
            child = child_of(config, run, attempt, call, expert_listens=host._listens(attempt))
            overheard = overhear(request, child)
            if host.rate_limiter is not None:
                await host.rate_limiter.aacquire(blocking=True)
            ends = asyncio.get_running_loop().time() + request.seconds(attempt)
            async with aclosing(aiter(runnable.astream(request.prompt, child, **kwargs))) as iterator:
                while True:
                    try:
                        # The limit lies around the waiting only: around a yield it would cancel the caller's own code.
                        async with asyncio.timeout_at(ends):
                            piece = await anext(iterator)
                    except StopAsyncIteration:
                        break
                    attempt.first_token()
                    for given in received.take(piece):
                        yield given
        except BaseException as error:
            lost(attempt, error, request, received)
            received.forget()
            continue
        settle(attempt, request, overheard.message if overheard else received.whole_message())
        for piece in received.last(call.finish()):
            yield piece
        return
    raise call.exhausted()
