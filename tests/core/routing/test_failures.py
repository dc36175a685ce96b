import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import openai
import pydantic
import pytest

from leeroo import ConfigError
from leeroo.errors import InvalidRequest
from leeroo.routing.failures import classify
from leeroo.routing.retry_after import LONGEST_WAIT

REQUEST = httpx.Request("POST", "https://host/v1/chat/completions")


def status_error(status, message="it failed", headers=None, body=None):
    """What the openai SDK raises for that response."""
    response = httpx.Response(status, headers=headers, request=REQUEST)
    client = openai.OpenAI(api_key="none")
    return client._make_status_error(f"Error code: {status} - {message}", body=body, response=response)


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("status", "kind", "fatal", "billable"),
    [
        (400, "bad_request", False, False),
        (401, "auth", False, False),
        (402, "credit", False, False),
        (403, "auth", False, False),
        (404, "not_found", False, False),
        (408, "timeout", False, True),
        (409, "server", False, False),
        (413, "context_overflow", False, False),
        (422, "bad_request", False, False),
        (429, "rate_limit", False, False),
        (500, "server", False, False),
        (503, "server", False, False),
        (504, "timeout", False, True),
        (524, "timeout", False, True),
        (529, "server", False, False),
        (418, "bad_request", False, False),
    ],
)
def test_openai_statuses(status, kind, fatal, billable):
    failure = classify(status_error(status))
    assert (failure.kind, failure.fatal, failure.billable, failure.status) == (kind, fatal, billable, status)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "This model's maximum context length is 8192 tokens", "context_overflow"),
        (400, "{'code': 'context_length_exceeded'}", "context_overflow"),
        (500, "exceed_context_size_error", "context_overflow"),
        (400, "Invalid prompt: content_filter", "content_filter"),
        (400, "The response was filtered due to the content management policy", "content_filter"),
        (429, "Too many tokens, please wait before trying again.", "rate_limit"),
        (429, "Request exceeds the context window quota of this minute", "rate_limit"),
    ],
)
def test_messages_tell_overflow_and_filters_but_a_rate_limit_stays_one(status, message, kind):
    assert classify(status_error(status, message)).kind == kind


def test_retry_after_in_seconds_and_as_a_date():
    assert classify(status_error(429, headers={"Retry-After": "12.5"})).retry_after == 12.5
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < classify(status_error(503, headers={"retry-after": date})).retry_after <= 60
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=60), usegmt=True)
    assert classify(status_error(503, headers={"retry-after": past})).retry_after == 0


def test_retry_after_in_milliseconds_is_finer_and_garbage_in_it_is_passed_over():
    both = {"retry-after-ms": "250", "retry-after": "1"}
    assert classify(status_error(429, headers=both)).retry_after == 0.25
    assert classify(status_error(429, headers={**both, "retry-after-ms": "soon"})).retry_after == 1


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (status_error(429), True),
        (status_error(503), True),
        (ConnectionRefusedError(), True),
        (caused(openai.APITimeoutError(REQUEST), httpx.ConnectTimeout("slow")), True),
        (caused(openai.APITimeoutError(REQUEST), httpx.ReadTimeout("slow")), False),
        (status_error(400), False),
        (status_error(400, "maximum context length"), False),
        (json.JSONDecodeError("torn", "{", 0), False),
    ],
)
def test_what_a_wait_may_mend_is_told_from_what_it_cannot(error, again):
    assert classify(error).again is again


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("soon", None), ("", None), ("nan", None), ("-5", 0), ("inf", LONGEST_WAIT), ("1e9", LONGEST_WAIT)],
)
def test_odd_retry_after_values_do_no_harm(value, seconds):
    assert classify(status_error(429, headers={"retry-after": value})).retry_after == seconds


def test_timeouts():
    read = classify(caused(openai.APITimeoutError(REQUEST), httpx.ReadTimeout("slow")))
    assert (read.kind, read.billable) == ("timeout", True)
    connect = classify(caused(openai.APITimeoutError(REQUEST), httpx.ConnectTimeout("slow")))
    assert (connect.kind, connect.sent, connect.billable) == ("timeout", False, False)


def test_connections_that_were_never_made_cost_nothing():
    refused = classify(caused(openai.APIConnectionError(request=REQUEST), httpx.ConnectError("refused")))
    assert (refused.kind, refused.billable) == ("connection", False)
    broken = classify(caused(openai.APIConnectionError(request=REQUEST), httpx.RemoteProtocolError("cut")))
    assert (broken.kind, broken.billable) == ("connection", True)
    assert classify(ConnectionRefusedError()).billable is False


async def test_a_timeout_of_asyncio_is_no_cancellation():
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(1)
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert classify(caught.value).kind == "timeout"
    assert classify(caused(openai.APITimeoutError(REQUEST), caught.value)).kind == "timeout"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt()])
def test_a_caller_that_gives_up(error):
    failure = classify(error)
    assert (failure.kind, failure.fatal, failure.billable) == ("cancelled", True, True)


def raise_while_handling(error, handled):
    try:
        raise handled
    except type(handled):
        raise error  # noqa: B904 - the context is what this is about


def test_an_error_that_the_caller_is_handling_does_not_count():
    with pytest.raises(openai.AuthenticationError) as caught:
        raise_while_handling(status_error(401), TimeoutError("the caller's own"))
    assert isinstance(caught.value.__context__, TimeoutError)
    assert classify(caught.value).kind == "auth"


def test_an_unknown_wrapper_is_told_by_what_it_wraps():
    class Wrapped(Exception):
        pass

    assert classify(caused(Wrapped(), status_error(503))).kind == "server"
    with pytest.raises(Wrapped) as caught:
        raise_while_handling(Wrapped(), httpx.ReadTimeout("a wrapper that forgets `from`"))
    assert classify(caught.value).kind == "timeout"


def test_other_sdks():
    response = httpx.Response(429, headers={"retry-after": "3"}, request=REQUEST)
    plain = classify(httpx.HTTPStatusError("429", request=REQUEST, response=response))
    assert (plain.kind, plain.retry_after) == ("rate_limit", 3)

    class ThrottlingException(Exception):
        pass

    class Unavailable(Exception):
        code = 503

    assert classify(ThrottlingException("Too many tokens, please wait")).kind == "rate_limit"
    assert classify(Unavailable()).kind == "server"


def test_garbage_is_a_bad_answer():
    ok = httpx.Response(200, request=REQUEST)
    garbage = classify(openai.APIResponseValidationError(response=ok, body=None))
    assert (garbage.kind, garbage.fatal, garbage.billable) == ("bad_answer", False, True)
    with pytest.raises(json.JSONDecodeError) as torn:
        json.loads("{")
    assert classify(torn.value).kind == "bad_answer"
    with pytest.raises(pydantic.ValidationError) as wrong:
        pydantic.TypeAdapter(int).validate_python("x")
    assert classify(wrong.value).kind == "bad_answer"


def test_our_own_errors_cost_nothing():
    failure = classify(ConfigError("no key"))
    assert (failure.kind, failure.fatal, failure.billable) == ("config", False, False)
    failure = classify(InvalidRequest("empty"))
    assert (failure.kind, failure.fatal, failure.billable) == ("bad_request", True, False)


def test_what_nobody_knows_may_have_cost_money():
    failure = classify(RuntimeError("?"))
    assert (failure.kind, failure.fatal, failure.billable) == ("other", False, True)


def test_aiohttp_s_own_code_for_a_broken_answer_is_no_status():
    aiohttp = pytest.importorskip("aiohttp")
    broken = aiohttp.ClientPayloadError("Response payload is not completed")
    cut = aiohttp.http_exceptions.TransferEncodingError("Not enough data")
    assert cut.code == 400
    assert classify(caused(broken, cut)).kind == "connection"
    assert classify(aiohttp.ServerDisconnectedError()).kind == "connection"
    assert classify(aiohttp.ServerTimeoutError()).kind == "timeout"
