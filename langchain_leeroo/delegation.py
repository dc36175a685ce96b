"""One request through the router: a chain run, and beneath it one LLM run per attempt, made by the expert itself.

Going through the expert's own public methods, instead of through `_generate` of ours, keeps everything that it does
(its callbacks, cache, tokens of a stream, content blocks) and counts its usage once.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForChainRun,
)
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import patch_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from langchain_leeroo.messages import RECORD_KEY, tool_call_ids, usage_of
from langchain_leeroo.received import Received
from leeroo.budget import Budget
from leeroo.errors import ExpertsFailed, LeerooError
from leeroo.query import Query
from leeroo.routing.call import Attempt, Call, Decision, Usage

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One request, ready to be routed.

    Attributes:
        messages: What the expert reads.
        query: What the router sees of it.
        budget: What was said about money, quality and time nearer than the ambient budget.
        kwargs: What is meant for the expert.
        structured: Arguments of the expert's `with_structured_output`, None for a plain message.
        raw: Whether the expert is asked for its raw message beside the structured output. Streams of the output alone
            are finer without; their usage is overheard instead.
        timeout: The caller's own limit of one attempt, in seconds.
    """

    messages: list[BaseMessage]
    query: Query
    budget: Budget
    kwargs: dict[str, Any] = field(default_factory=dict)
    structured: dict[str, Any] | None = None
    raw: bool = True
    timeout: float | None = None

    def seconds(self, attempt: Attempt) -> float:
        """How long an attempt may take."""
        return attempt.timeout if self.timeout is None else min(attempt.timeout, self.timeout)


@dataclass(frozen=True)
class Planned:
    """An input whose request is made already; LangChain's own batching hands it to `invoke`."""

    request: Request


class Host(Protocol):
    """What delegation needs of the chat model: how to open a call, and what to ask an attempt's expert."""

    def _open(self, request: Request) -> Call: ...

    async def _apart(self, work: Callable[..., T], *args: Any) -> T: ...

    def _attempts(self, call: Call) -> Iterator[Attempt]: ...

    @property
    def rate_limiter(self) -> BaseRateLimiter | None:
        """Asked before every attempt."""
        ...

    def _target(self, request: Request, attempt: Attempt) -> tuple[Runnable[Any, Any], dict[str, Any]]: ...

    def _configure(self, config: RunnableConfig) -> RunnableConfig: ...

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """The runnable's name, after which its run is named."""
        ...


def summary(decision: Decision, call_id: str) -> dict[str, Any]:
    """The decision for a run's metadata, JSON-safe."""
    chosen = decision.chosen
    return {
        "call_id": call_id,
        "expert": chosen.expert.name,
        "model": chosen.expert.model_id,
        "predicted_quality": round(chosen.quality, 4),
        "adequate": decision.selection.adequate,
        "rule": decision.selection.rule,
        "order": [candidate.expert.name for candidate in decision.selection.order],
        "budget": decision.budget.to_dict(),
        "router_latency": round(decision.seconds, 6),
    }


def invoke(host: Host, request: Request, config: RunnableConfig) -> Any:
    """Have one expert answer, as a chain run."""
    config = host._configure(config)
    call, run, config = _start(host, request, config)
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
            child = _child(config, run, attempt, call)
            if host.rate_limiter is not None:
                host.rate_limiter.acquire(blocking=True)
            output = runnable.invoke(request.messages, child, **kwargs)
        except BaseException as error:
            _lost(attempt, error, request)
            continue
        return _answered(call, attempt, request, output)
    raise call.exhausted()


async def ainvoke(host: Host, request: Request, config: RunnableConfig) -> Any:
    """Have one expert answer, as a chain run, asynchronously."""
    config = host._configure(config)
    call, run, config = await _astart(host, request, config)
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
    for attempt in host._attempts(call):
        try:
            runnable, kwargs = host._target(request, attempt)
            child = _child(config, run, attempt, call)
            if host.rate_limiter is not None:
                await host.rate_limiter.aacquire(blocking=True)
            async with asyncio.timeout(request.seconds(attempt)):
                output = await runnable.ainvoke(request.messages, child, **kwargs)
        except BaseException as error:
            _lost(attempt, error, request)
            continue
        return _answered(call, attempt, request, output)
    raise call.exhausted()


def stream(host: Host, request: Request, config: RunnableConfig) -> Generator[Any, None, None]:
    """Stream one expert's answer, as a chain run."""
    config = host._configure(config)
    call, run, config = _start(host, request, config)
    received = Received(structured=request.structured is not None)
    try:
        with call, closing(_stream(host, request, call, run, config, received)) as pieces:
            yield from _tapped(run, pieces)
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
            child = _child(config, run, attempt, call)
            overheard = _overhear(request, child)
            if host.rate_limiter is not None:
                host.rate_limiter.acquire(blocking=True)
            for piece in runnable.stream(request.messages, child, **kwargs):
                attempt.first_token()
                yield from received.take(piece)
        except BaseException as error:
            _lost(attempt, error, request, received)
            received.forget()
            continue
        _settle(attempt, request, overheard.message if overheard else received.whole_message())
        for piece in received.last(call.finish()):
            yield piece
        return
    raise call.exhausted()


async def astream(host: Host, request: Request, config: RunnableConfig) -> AsyncGenerator[Any, None]:
    """Stream one expert's answer, as a chain run, asynchronously."""
    config = host._configure(config)
    call, run, config = await _astart(host, request, config)
    received = Received(structured=request.structured is not None)
    try:
        with call:
            async with aclosing(_astream(host, request, call, run, config, received)) as pieces:
                async for piece in _atapped(run, pieces):
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
    for attempt in host._attempts(call):
        try:
            runnable, kwargs = host._target(request, attempt)
            child = _child(config, run, attempt, call)
            overheard = _overhear(request, child)
            if host.rate_limiter is not None:
                await host.rate_limiter.aacquire(blocking=True)
            ends = asyncio.get_running_loop().time() + request.seconds(attempt)
            iterator = aiter(runnable.astream(request.messages, child, **kwargs))
            try:
                while True:
                    # The limit lies around the waiting only: around a yield it would cancel the caller's own code.
                    async with asyncio.timeout_at(ends):
                        piece = await anext(iterator)
                    attempt.first_token()
                    for given in received.take(piece):
                        yield given
            except StopAsyncIteration:
                pass
            finally:
                close = getattr(iterator, "aclose", None)
                if close is not None:
                    await close()
        except BaseException as error:
            _lost(attempt, error, request, received)
            received.forget()
            continue
        _settle(attempt, request, overheard.message if overheard else received.whole_message())
        for piece in received.last(call.finish()):
            yield piece
        return
    raise call.exhausted()


def _start(
    host: Host, request: Request, config: RunnableConfig
) -> tuple[Call, CallbackManagerForChainRun, RunnableConfig]:
    """Decide, and open the chain run with the decision in its metadata; a refusal is a run too, ended by its error."""
    call, refused = _open(host, request)
    manager = CallbackManager.configure(
        config.get("callbacks"),
        inheritable_tags=config.get("tags"),
        inheritable_metadata=config.get("metadata"),
        local_metadata={RECORD_KEY: summary(call.decision, call.id)} if call else None,
    )
    name = config.get("run_name") or host.get_name()
    run = manager.on_chain_start(None, request.messages, name=name, run_id=config.pop("run_id", None))
    if call is None:
        assert refused is not None  # noqa: S101 - one of the two
        run.on_chain_error(refused)
        raise refused
    return call, run, config


async def _astart(
    host: Host, request: Request, config: RunnableConfig
) -> tuple[Call, AsyncCallbackManagerForChainRun, RunnableConfig]:
    call, refused = await host._apart(_open, host, request)
    manager = AsyncCallbackManager.configure(
        config.get("callbacks"),
        inheritable_tags=config.get("tags"),
        inheritable_metadata=config.get("metadata"),
        local_metadata={RECORD_KEY: summary(call.decision, call.id)} if call else None,
    )
    name = config.get("run_name") or host.get_name()
    run = await manager.on_chain_start(None, request.messages, name=name, run_id=config.pop("run_id", None))
    if call is None:
        assert refused is not None  # noqa: S101 - one of the two
        await run.on_chain_error(refused)
        raise refused
    return call, run, config


def _open(host: Host, request: Request) -> tuple[Call | None, LeerooError | None]:
    try:
        return host._open(request), None
    except LeerooError as error:
        return None, error


def _child(
    config: RunnableConfig,
    run: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
    attempt: Attempt,
    call: Call,
) -> RunnableConfig:
    """The config of an attempt's own run, which says whose attempt it is."""
    child = patch_config(config, callbacks=run.get_child())
    child["metadata"] = {
        **(config.get("metadata") or {}),
        "leeroo_call_id": call.id,
        "leeroo_expert": attempt.expert.name,
    }
    return child


class Overheard(BaseCallbackHandler):
    """The message at the end of an expert's run, where its stream gives the parsed output only."""

    run_inline = True

    def __init__(self) -> None:
        self.message: BaseMessage | None = None

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Note the message."""
        self.message = getattr(response.generations[0][0], "message", None)


def _overhear(request: Request, child: RunnableConfig) -> Overheard | None:
    if request.structured is None or request.raw:
        return None
    overheard = Overheard()
    manager = child.get("callbacks")
    assert isinstance(manager, BaseCallbackManager)  # noqa: S101 - the run's own, made by `_child`
    manager.add_handler(overheard, inherit=True)
    return overheard


def _answered(call: Call, attempt: Attempt, request: Request, output: Any) -> Any:
    """Settle an answer, and put the record on its message."""
    if request.structured is None:
        _settle(attempt, request, output)
        return with_record(output, call.finish())
    message = output.get("raw")
    _settle(attempt, request, message)
    return {**output, "raw": with_record(message, call.finish())}


def with_record(message: Any, record: dict[str, Any]) -> Any:
    """The message with the record on it: a copy, for the expert's cache and tracers hold the original."""
    if not isinstance(message, BaseMessage):
        return message
    return message.model_copy(update={"response_metadata": {**message.response_metadata, RECORD_KEY: record}})


def _settle(attempt: Attempt, request: Request, message: BaseMessage | None) -> None:
    usage = usage_of(message, request.query.prompt, attempt.expert)
    attempt.succeeded(usage, tool_call_ids=tool_call_ids(message))


def _lost(attempt: Attempt, error: BaseException, request: Request, received: Received | None = None) -> None:
    """Settle a failed attempt. Returns where the next expert may try, raises where not."""
    usage: Usage | None = None
    whole: AIMessage | None = None
    if received is not None and received.started:
        whole = received.whole_message()
        usage = usage_of(whole, request.query.prompt, attempt.expert)
    if not isinstance(error, Exception) or isinstance(error, asyncio.CancelledError) or _by_callback(error):
        # The caller gave up, or a callback of theirs did: nobody's failure, and nobody else is tried.
        attempt.cancelled(usage)
        raise error
    if isinstance(error, LeerooError):
        # The expert was not asked at all: no key, no package. The message says what to do.
        with suppress(ExpertsFailed):
            attempt.failed(error)
        raise error
    try:
        attempt.failed(error, received=usage)
    except ExpertsFailed as failed:
        failed.received = whole
        raise


def _by_callback(error: BaseException) -> bool:
    """Whether a callback handler of the caller (with `raise_error`) raised it, not the expert."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name in {"handle_event", "_ahandle_event_for_handler"} and "callbacks" in code.co_filename:
            return True
        trace = trace.tb_next
    return False


def _tapped(run: CallbackManagerForChainRun, pieces: Iterator[Any]) -> Iterator[Any]:
    """Show the pieces to `stream_events`, where it listens."""
    for handler in run.handlers:
        if isinstance(handler, _StreamingCallbackHandler):
            return handler.tap_output_iter(run.run_id, pieces)
    return pieces


def _atapped(run: AsyncCallbackManagerForChainRun, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
    for handler in run.handlers:
        if isinstance(handler, _StreamingCallbackHandler):
            return handler.tap_output_aiter(run.run_id, pieces)
    return pieces
