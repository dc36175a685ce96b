"""A call that asks several experts, where its budget says `consult`: the rounds, as steps for sync and async alike."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, convert_to_messages
from langchain_core.prompt_values import ChatPromptValue

from langchain_leeroo.driving import Steps
from langchain_leeroo.endings import by_callback
from langchain_leeroo.errors import as_langchain
from langchain_leeroo.messages import tool_call_ids
from langchain_leeroo.requests import Host, Request
from langchain_leeroo.runs import Opened
from langchain_leeroo.usage import usage_of
from langchain_leeroo.ways import Sync, Way
from leeroo.errors import ConfigError, ExpertsFailed, InvalidRequest, MissingDependency
from leeroo.routing.aside import unasked
from leeroo.routing.attempt import Attempt

CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
"""Why an answer ended that the output cap has cut off, in providers' words."""
EVENT = "leeroo_consult"
"""Name of the custom events that tell each ask, answer and stop."""


def consulted(
    way: Way, host: Host, request: Request, opened: Opened, ready: Callable[[Request, Opened, Attempt], Steps[Any]]
) -> Steps[Any]:
    """Ask whom the consultation says until it accepts an answer.

    Args:
        way: Sync or async.
        host: The chat model's settings.
        request: The request.
        opened: Its call, open.
        ready: What to call for a request's attempt: the model, its kwargs, its config, and what overhears it.

    Returns:
        The accepted output; None where the budget lets one expert answer alone, or nobody has answered.

    Raises:
        ExpertsFailed: The request itself is at fault.
    """
    if not opened.call.decision.budget.consults:
        return None
    # Brings numpy along, which a call that asks one expert may not need.
    from leeroo.routing.consulting import Consultation, consultation

    structured = request.structured is not None
    # The first one reads the model of answers from a file.
    begin = partial(consultation, opened.call, host.consulting, structured=structured, bound=host.bound)
    several: Consultation[Any] | None = yield way.apart(begin, brief=False)
    if several is None:
        return None
    brief = not opened.call.waits
    while attempts := (yield way.apart(several.round, brief=brief, undo=unasked)):
        yield from _told(way, opened, several)
        asks = []
        for attempt in list(attempts):
            try:
                model, kwargs, child, _ = yield from ready(request, opened, attempt)
            except BaseException as error:
                yield way.apart(_lost, several, attempt, error, brief=brief)
                attempts.remove(attempt)
                continue
            asks.append(partial(way.ask, model, host.prompt(request, attempt), child, kwargs, request.seconds(attempt)))
        outputs = yield (_at_once(asks) if isinstance(way, Sync) else _aat_once(asks))
        for attempt, output in zip(attempts, outputs, strict=True):
            if isinstance(output, BaseException):
                yield way.apart(_lost, several, attempt, output, brief=brief)
                continue
            message = output if request.structured is None else output.get("raw")
            usage = usage_of(message, request.query, attempt)
            reply = _reply(output, message)
            # The caller's own check may take its time.
            yield way.apart(several.answered, attempt, output, reply, usage, brief=brief and host.consulting is None)
        yield from _compared(way, host, opened, several, ready)
        yield from _told(way, opened, several)
    yield from _told(way, opened, several)
    return several.accepted


def _compared(
    way: Way, host: Host, opened: Opened, several: Any, ready: Callable[[Request, Opened, Attempt], Steps[Any]]
) -> Steps[None]:
    """Ask the judge about what no rule can compare, one pair after the other."""
    brief = not opened.call.waits
    while (comparison := (yield way.apart(several.comparison, brief=brief))) is not None:
        attempt, prompt = comparison.attempt, ChatPromptValue(messages=convert_to_messages(comparison.messages))
        request = Request(prompt, prompt.to_messages(), comparison.query, opened.call.decision.budget)
        try:
            model, kwargs, child, _ = yield from ready(request, opened, attempt)
            message = yield way.ask(model, prompt, child, kwargs, attempt.timeout)
            usage = usage_of(message, comparison.query, attempt)
        except Exception as error:
            if by_callback(error):
                attempt.cancelled()
                raise
            yield way.apart(several.unjudged, comparison, error, brief=brief)
        else:
            yield way.apart(several.judged, comparison, str(message.text), usage, brief=brief)


def _told(way: Way, opened: Opened, several: Any) -> Steps[None]:
    """Tell the listeners of the call's run what has happened, as custom events."""
    for stage, told in several.news():
        if opened.run.handlers:
            yield way.news(opened.run, EVENT, {"stage": stage, **told})


def _at_once(asks: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each ask gives or raises; two are in threads, each in a copy of the caller's context."""
    if len(asks) == 1:
        return [_outcome(asks[0])]
    with ThreadPoolExecutor(len(asks) or 1) as threads:
        running = [threads.submit(copy_context().run, _outcome, ask) for ask in asks]
        return [one.result() for one in running]


async def _aat_once(asks: Sequence[Callable[[], Any]]) -> list[Any]:
    return await asyncio.gather(*(ask() for ask in asks), return_exceptions=True)


def _outcome(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Exception as error:
        return error


def _reply(output: Any, message: Any) -> Any:
    from leeroo.consult.equivalence import Reply

    if not isinstance(message, AIMessage):
        return Reply(str(output))
    reason = message.response_metadata.get("finish_reason") or message.response_metadata.get("stop_reason")
    if isinstance(output, dict):
        return Reply("", parsed=output.get("parsed"))
    return Reply(
        text=str(message.text),
        tool_calls=tuple((call["name"], call["args"]) for call in message.tool_calls),
        truncated=str(reason).lower() in CUT_OFF,
        tool_call_ids=tool_call_ids(message),
    )


def _lost(several: Any, attempt: Attempt, error: BaseException) -> None:
    """As `endings.lost`, for an attempt whose failure others may make up for."""
    if not isinstance(error, Exception) or isinstance(error, asyncio.CancelledError) or by_callback(error):
        attempt.cancelled()
        raise error
    try:
        several.failed(attempt, error)
    except ExpertsFailed as failed:
        if isinstance(error, (ConfigError, MissingDependency, InvalidRequest)):
            raise error from None
        raise as_langchain(failed) from error
