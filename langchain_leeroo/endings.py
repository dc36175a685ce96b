"""How an attempt ends: its answer settled and given its record, its failure classified, the caller's own respected."""

import asyncio
from contextlib import suppress
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from langchain_leeroo.errors import as_langchain
from langchain_leeroo.messages import RECORD_KEY, tool_call_ids
from langchain_leeroo.received import Received
from langchain_leeroo.requests import Request
from langchain_leeroo.runs import Overheard
from langchain_leeroo.unparsed import unparsed
from langchain_leeroo.usage import usage_of
from langchain_leeroo.worth import wrong_with
from leeroo.errors import ConfigError, ExpertsFailed, InvalidRequest, MissingDependency
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call


def taken(call: Call, attempt: Attempt, request: Request, output: Any) -> Any:
    """Settle an answer that came whole, with its record on its message; None where the next expert is to be asked."""
    message = message_of(output)
    usage = usage_of(message, request.query, attempt)
    wrong = wrong_with(output, structured=request.structured is not None)
    found = _nothing(request, wrong) or call.acceptance.rejects(attempt, wrong, usage, content=output)
    if found is not None:
        attempt.failed(found, used=usage)
        return None
    attempt.succeeded(usage, tool_call_ids=tool_call_ids(message))
    return recorded(call, request, output)


def streamed(
    call: Call, attempt: Attempt, request: Request, received: Received, message: BaseMessage | None
) -> dict[str, Any] | None:
    """Settle a stream that has ended, and close the call; None where the next expert is to be asked.

    Raises:
        ExpertsFailed: It was broken off after it had begun to reach the caller.
    """
    usage = received.written.usage(attempt) if received.was_cut else usage_of(message, request.query, attempt)
    wrong = wrong_with(received.as_output(message), structured=request.structured is not None)
    if received.started:
        if wrong is not None and wrong.is_none:
            lost(attempt, wrong, request, received)
    elif (found := _nothing(request, wrong) or call.acceptance.rejects(attempt, wrong)) is not None:
        attempt.failed(found, used=usage)
        return None
    attempt.succeeded(usage, tool_call_ids=tool_call_ids(message))
    return call.finish()


def _nothing(request: Request, wrong: UselessAnswer | None) -> UselessAnswer | None:
    """What is wrong, where the caller wants an object and there is none to hand on."""
    return wrong if request.bare else None


def recorded(call: Call, request: Request, output: Any) -> Any:
    """Close the call, and put the record on its answer's message."""
    if request.structured is None:
        return with_record(output, call.finish())
    return {**output, "raw": with_record(output.get("raw"), call.finish())}


def with_record(message: Any, record: dict[str, Any]) -> Any:
    """The message with the record on it: a copy, for the expert's cache and tracers hold the original."""
    if not isinstance(message, BaseMessage):
        return message
    return message.model_copy(update={"response_metadata": {**message.response_metadata, RECORD_KEY: record}})


def message_of(output: Any) -> Any:
    """The message in what an expert returned."""
    return output.get("raw") if isinstance(output, dict) else output


def lost(
    attempt: Attempt,
    error: BaseException,
    request: Request,
    received: Received | None = None,
    overheard: Overheard | None = None,
) -> None:
    """Settle a failed attempt. Returns where the next expert may try, raises where not; `overheard`: its run."""
    usage: Usage | None = None
    whole: AIMessage | None = None
    if received is not None and received.started:
        whole = received.whole_message()
        usage = usage_of(whole, request.query, attempt)
    if not isinstance(error, Exception) or isinstance(error, asyncio.CancelledError) or by_callback(error):
        # The caller gave up, or a callback of theirs did: nobody's failure, and nobody else is tried.
        attempt.cancelled(usage)
        raise error
    if isinstance(error, (ConfigError, MissingDependency, InvalidRequest)):
        # The expert was not asked at all: no key, no package. The message says what to do.
        with suppress(ExpertsFailed):
            attempt.failed(error)
        raise error
    parsers = unparsed(error, request, attempt, overheard)
    failure, used = (error, None) if parsers is None else parsers
    try:
        attempt.failed(failure, received=usage, used=used)
    except ExpertsFailed as failed:
        failed.received = whole
        raise as_langchain(failed) from failure


def by_callback(error: BaseException) -> bool:
    """Whether a callback handler of the caller (with `raise_error`) raised it, not the expert."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name in {"handle_event", "_ahandle_event_for_handler"} and "callbacks" in code.co_filename:
            return True
        trace = trace.tb_next
    return False
