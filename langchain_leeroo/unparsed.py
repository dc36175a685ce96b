"""Structured answers that did not take their schema's form: told apart from an expert's other failures, and paid."""

from typing import Any

from langchain_leeroo.requests import Request
from langchain_leeroo.runs import Overheard
from langchain_leeroo.usage import usage_of
from leeroo.endpoints import chat_format
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.attempt import Attempt, Usage

FORM = (
    "The answer does not have the schema's form. Give another method (method='json_schema'), or see the message with "
    "include_raw=True."
)
_PARSING = frozenset({"OutputParserException", "ValidationError"})


def unparsable() -> UselessAnswer:
    """The failure of a structured answer without its form. No text of the answer is in it."""
    return UselessAnswer("unparsable", FORM)


def unparsed(
    error: BaseException, request: Request, attempt: Attempt, overheard: Overheard | None
) -> tuple[UselessAnswer, Usage | None] | None:
    """What an error says where the expert has answered and its parser has failed: as a failure, and what was used.

    Args:
        error: What the expert's chain raised.
        request: What was asked.
        attempt: Whom.
        overheard: The expert's run, where it was listened to.

    Returns:
        None where the error is none of a parser. The usage is None where nobody knows it.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if request.structured is None or "ModelRefusalError" in names:
        return None
    is_after = overheard is not None and overheard.is_whole  # what fails then is a parser
    if not (is_after or names & _PARSING or _is_sdks(error)):
        return None
    message = overheard.message if overheard is not None else None
    if message is None:
        return unparsable(), _reported(error, request, attempt)
    return unparsable(), usage_of(message, request.query, attempt)


def _is_sdks(error: BaseException) -> bool:
    """Whether the openai SDK's own reading of JSON has failed, of which a stream says no more than `ValueError`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return type(error) is ValueError and place.startswith("openai.lib.streaming")


def _reported(error: BaseException, request: Request, attempt: Attempt) -> Usage | None:
    """What the answer that langchain-openai hangs on a parser's error says to have used."""
    response: Any = getattr(error, "response", None)
    try:
        body = response.json()
        choice = body["choices"][0]["message"]
    except Exception:  # no answer of OpenAI's form: then nobody knows
        return None
    sent = f"{request.query.prompt}\n{request.query.rest}"
    upper = attempt.candidate.input_upper
    return chat_format.usage_of(body.get("usage"), sent, chat_format.text_of(choice), attempt.expert, sent=upper)
