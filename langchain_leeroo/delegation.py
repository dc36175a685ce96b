"""One request through the router: a chain run, and beneath it one LLM run per attempt, made by the expert itself.

Going through the expert's own public methods, instead of through `_generate` of ours, keeps everything that it does
(its callbacks, cache, tokens of a stream, content blocks) and counts its usage once.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableConfig

from langchain_leeroo.consulting import consulted
from langchain_leeroo.driving import Left, Piece, Steps, adrive, aemit, drive, emit
from langchain_leeroo.endings import lost, recorded, streamed, taken
from langchain_leeroo.errors import as_langchain
from langchain_leeroo.received import Received, pieces_of
from langchain_leeroo.requests import Host, Request
from langchain_leeroo.runs import Opened, Overheard, atapped, child_of, opening, overhear, tapped
from langchain_leeroo.ways import ASYNC, END, SYNC, Way
from leeroo.endpoints.closing import aclosing
from leeroo.routing.aside import unasked
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call

T = TypeVar("T")


def invoke(host: Host, request: Request, config: RunnableConfig) -> Any:
    """Have one expert answer, as a chain run."""
    return drive(_invoking(SYNC, host, request, config))


async def ainvoke(host: Host, request: Request, config: RunnableConfig) -> Any:
    """Have one expert answer, as a chain run, asynchronously."""
    return await adrive(_invoking(ASYNC, host, request, config))


def stream(host: Host, request: Request, config: RunnableConfig) -> Generator[Any, None, None]:
    """Stream one expert's answer, as a chain run."""
    opened = drive(opening(SYNC, host, request, config))
    with closing(emit(_streaming(SYNC, host, request, opened))) as pieces:
        yield from tapped(opened.run, pieces)


async def astream(host: Host, request: Request, config: RunnableConfig) -> AsyncGenerator[Any, None]:
    """Stream one expert's answer, as a chain run, asynchronously."""
    opened = await adrive(opening(ASYNC, host, request, config))
    async with aclosing(aemit(_streaming(ASYNC, host, request, opened))) as pieces:
        async for piece in atapped(opened.run, pieces):
            yield piece


def _invoking(way: Way, host: Host, request: Request, config: RunnableConfig) -> Steps[Any]:
    """The chain run of an answer that comes whole."""
    opened = yield from opening(way, host, request, config)
    try:
        output = yield from _closed(way, opened.call, _answer(way, host, request, opened))
    except BaseException as error:
        yield way.fail(opened.run, error)
        raise
    yield way.end(opened.run, output)
    return output


def _answer(way: Way, host: Host, request: Request, opened: Opened) -> Steps[Any]:
    call, brief = opened.call, not opened.call.waits
    accepted = yield from consulted(way, host, request, opened, partial(_ready, way, host))
    if accepted is not None:
        return (yield way.apart(recorded, call, request, accepted, brief=brief))
    attempts = way.attempts(call, host.most_attempts)
    while (attempt := (yield way.pull(attempts))) is not END:
        try:
            model, kwargs, child, _ = yield from _ready(way, host, request, opened, attempt)
            output = yield way.ask(model, host.prompt(request, attempt), child, kwargs, request.seconds(attempt))
        except BaseException as error:
            yield way.apart(lost, attempt, error, request, brief=brief)
            continue
        answer = yield way.apart(taken, call, attempt, request, output, brief=brief)
        if answer is not None:
            return answer
    kept = call.last_resort()
    if kept is not None:
        return (yield way.apart(recorded, call, request, kept, brief=brief))
    raise as_langchain((yield way.apart(call.exhausted, brief=brief)))


def _closed(way: Way, call: Call, body: Steps[T]) -> Steps[T]:
    """The body of a call, which is closed however it ends."""
    with call:  # without waiting, should nothing be awaited any more
        try:
            return (yield from body)
        except GeneratorExit:
            raise
        except BaseException:
            yield way.apart(call.finish, brief=not call.waits)
            raise


def _streaming(way: Way, host: Host, request: Request, opened: Opened) -> Steps[None]:
    """The chain run of an answer that comes in pieces."""
    received = Received(structured=request.structured is not None)
    try:
        yield from _closed(way, opened.call, _pieces(way, host, request, opened, received))
    except (Left, asyncio.CancelledError):
        yield way.end(opened.run, received.whole())
        raise
    except BaseException as error:
        yield way.fail(opened.run, error)
        raise
    yield way.end(opened.run, received.whole())


def _pieces(way: Way, host: Host, request: Request, opened: Opened, received: Received) -> Steps[None]:
    call, brief = opened.call, not opened.call.waits
    whole = replace(request, raw=True)  # objects are compared whole, whatever the caller wants to see of them
    accepted = yield from consulted(way, host, whole, opened, partial(_ready, way, host))
    if accepted is not None:  # held back until now
        begun = [given for piece in pieces_of(accepted, request) for given in received.take(piece)]
        for given in (*begun, *received.last((yield way.apart(call.finish, brief=brief)))):
            yield Piece(given)
        return
    attempts = way.attempts(call, host.most_attempts)
    while (attempt := (yield way.pull(attempts))) is not END:
        overheard: Overheard | None = None
        try:
            model, kwargs, child, overheard = yield from _ready(way, host, request, opened, attempt)
            pieces = way.pieces(model, host.prompt(request, attempt), child, kwargs)
            yield from _handed_on(way, pieces, attempt, received, request.seconds(attempt))
        except BaseException as error:
            yield way.apart(lost, attempt, error, request, received, overheard, brief=brief)
            received.forget()
            continue
        message = overheard.message if overheard else received.whole_message()
        record = yield way.apart(streamed, call, attempt, request, received, message, brief=brief)
        if record is None:
            received.forget()
            continue
        for given in received.last(record):
            yield Piece(given)
        return
    raise as_langchain((yield way.apart(call.exhausted, brief=brief)))


def _handed_on(way: Way, pieces: Any, attempt: Attempt, received: Received, seconds: float) -> Steps[None]:
    """The pieces of one expert's stream go to the caller, while its time and its output cap last."""
    try:
        while True:
            began = time.perf_counter()
            piece = yield way.pull(pieces, seconds)
            if piece is END:
                return
            seconds -= time.perf_counter() - began  # what the reader takes in between is not the expert's
            if seconds <= 0:
                raise TimeoutError
            attempt.first_token()
            for given in received.take(piece):
                yield Piece(given)
            if received.passes(attempt):
                received.cut()
                return
    finally:
        yield way.close(pieces)


def _ready(
    way: Way, host: Host, request: Request, opened: Opened, attempt: Attempt
) -> Steps[tuple[Runnable[Any, Any], dict[str, Any], RunnableConfig, Overheard | None]]:
    """What to call for an attempt, with which kwargs and which config, once the rate limiter lets it go."""
    model, kwargs = host.target(request, attempt)
    named = request.structured is None  # else it is the name of the expert's chain of model and parser
    child = child_of(opened, attempt, named=named, expert_listens=host.listens(attempt))
    overheard = overhear(request, child)
    if host.rate_limiter is not None:
        try:
            yield way.acquire(host.rate_limiter)
        except (Left, asyncio.CancelledError, KeyboardInterrupt):  # the caller has left, and nobody was asked
            yield way.apart(unasked, attempt, brief=not opened.call.waits)
            raise
    return model, kwargs, child, overheard
