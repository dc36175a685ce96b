"""How an attempt ends: its answer settled and given its record, its failure classified, the caller's own respected."""

import asyncio
from contextlib import suppress
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from langchain_leeroo.errors import as_langchain
from langchain_leeroo.messages import RECORD_KEY, tool_call_ids
from langchain_leeroo.received import Received
from langchain_leeroo.requests import Request
from langchain_leeroo.usage import usage_of
from leeroo.errors import ConfigError, ExpertsFailed, InvalidRequest, MissingDependency
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call


def answered(call: Call, attempt: Attempt, request: Request, output: Any) -> Any:
    """Settle an answer, and put the record on its message."""
    settled(call, attempt, request, output if request.structured is None else output.get("raw"))
    return recorded(call, request, output)


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


def settled(
    call: Call, attempt: Attempt, request: Request, message: BaseMessage | None, cut: Usage | None = None
) -> dict[str, Any]:
    """Settle an answer with its usage, reported or estimated, and close the call; `cut`: of one that was ended here."""
    usage = cut or usage_of(message, request.query, attempt)
    attempt.succeeded(usage, tool_call_ids=tool_call_ids(message))
    return call.finish()


def message_of(output: Any) -> Any:
    """The message in what an expert returned."""
    return output.get("raw") if isinstance(output, dict) else output


def in_vain(
    attempt: Attempt, wrong: UselessAnswer, request: Request, message: BaseMessage | None, cut: Usage | None = None
) -> None:
    """Settle an answer of no use: charged as it is, and the next expert is tried."""
    attempt.failed(wrong, used=cut or usage_of(message, request.query, attempt))


def lost(attempt: Attempt, error: BaseException, request: Request, received: Received | None = None) -> None:
    """Settle a failed attempt. Returns where the next expert may try, raises where not."""
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
    try:
        attempt.failed(error, received=usage)
    except ExpertsFailed as failed:
        failed.received = whole
        raise as_langchain(failed) from error


def by_callback(error: BaseException) -> bool:
    """Whether a callback handler of the caller (with `raise_error`) raised it, not the expert."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name in {"handle_event", "_ahandle_event_for_handler"} and "callbacks" in code.co_filename:
            return True
        trace = trace.tb_next
    return False
