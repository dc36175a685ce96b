"""A call that asks several experts, where its budget says `consult`: the rounds, as steps for sync and async alike."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.messages import AIMessage, convert_to_messages
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.runnables import RunnableConfig

from langchain_leeroo import logprobs
from langchain_leeroo.driving import Steps
from langchain_leeroo.endings import by_callback, message_of
from langchain_leeroo.errors import as_langchain
from langchain_leeroo.holding import held_back
from langchain_leeroo.messages import tool_call_ids
from langchain_leeroo.rebinding import rebind
from langchain_leeroo.requests import Host, Request
from langchain_leeroo.runs import Opened
from langchain_leeroo.unparsed import unparsed
from langchain_leeroo.usage import usage_of
from langchain_leeroo.ways import Way
from langchain_leeroo.worth import wrong_with
from leeroo.consult.logprobs import logprob_of
from leeroo.endpoints.asking_logprobs import asked_with_logprobs
from leeroo.errors import ConfigError, ExpertsFailed, InvalidRequest, MissingDependency
from leeroo.routing.aside import unasked
from leeroo.routing.attempt import Attempt, Usage

if TYPE_CHECKING:
    from leeroo.routing.consulting import Consultation

CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
"""Why an answer ended that the output cap has cut off, in providers' words."""
EVENT = "leeroo_consult"
"""Name of the custom events that tell each ask, answer and stop."""
Ready = Callable[[Request, Opened, Attempt], Steps[Any]]


class _Course(NamedTuple):
    """A consultation with all that its steps need.

    Attributes:
        way: Sync or async.
        host: The chat model's settings.
        request: The request.
        opened: Its call, open.
        ready: What to call for a request's attempt: the model, its kwargs, its config, and what overhears it.
        several: The consultation.
    """

    way: Way
    host: Host
    request: Request
    opened: Opened
    ready: Ready
    several: "Consultation[Any]"

    def apart(self, work: Callable[..., Any], *args: Any, brief: bool = True, undo: Any = None) -> Any:
        """As `Way.apart`; `brief` is what the work is but for the ledger."""
        return self.way.apart(work, *args, brief=brief and not self.opened.call.waits, undo=undo)


def consulted(way: Way, host: Host, request: Request, opened: Opened, ready: Ready) -> Steps[Any]:
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
    from leeroo.routing.consulting import consultation

    structured = request.structured is not None
    # The first one reads the model of answers from a file.
    begin = partial(consultation, opened.call, host.consulting, structured=structured, bound=host.bound)
    several: Consultation[Any] | None = yield way.apart(begin, brief=False)
    if several is None:
        return None
    course = _Course(way, host, request, opened, ready, several)
    while attempts := (yield course.apart(several.round, undo=unasked)):
        yield from _told(course)
        running = way.round((yield from _asks(course, attempts)))
        try:
            while ended := (yield running.next()):
                for attempt, output in ended:
                    yield from _settled(course, attempt, output)
        except GeneratorExit:
            raise
        except BaseException:
            for attempt, output in (yield running.give_up()) or ():
                if not isinstance(output, BaseException):  # it has come all the same, and is charged as it is
                    yield course.apart(attempt.cancelled, usage_of(message_of(output), request.query, attempt))
            raise
        yield from _compared(course)
        yield from _told(course)
    yield from _told(course)
    return several.accepted


def _asks(course: _Course, attempts: Sequence[Attempt]) -> Steps[dict[Attempt, Steps[Any]]]:
    """What asks the experts of a round; who cannot even be asked is out."""
    asks: dict[Attempt, Steps[Any]] = {}
    try:
        for attempt in attempts:
            try:
                model, kwargs, child, _ = yield from course.ready(course.request, course.opened, attempt)
            except BaseException as error:
                yield course.apart(_lost, course, attempt, error)
                continue
            kept = course.several.logprobs.known if course.host.may_ask_logprobs(course.request, attempt) else None
            ends = time.monotonic() + course.request.seconds(attempt)
            one = partial(_ask, course, attempt, model, kwargs, held_back(child), ends)
            asks[attempt] = asked_with_logprobs(kept, attempt.expert, one)
    except GeneratorExit:
        raise
    except BaseException:
        yield course.apart(unasked, attempts)  # nobody of this round has been asked anything
        raise
    return asks


def _ask(
    course: _Course,
    attempt: Attempt,
    model: Any,
    kwargs: dict[str, Any],
    child: RunnableConfig,
    ends: float,
    more: Mapping[str, Any],
) -> Steps[Any]:
    """Ask one expert, with more kwargs of a chat request, until its time ends (by `time.monotonic`)."""
    if course.request.structured is None:
        kwargs = {**kwargs, **more}
    else:
        model = rebind(model, more)
    prompt = course.host.prompt(course.request, attempt)
    return (yield course.way.ask(model, prompt, child, kwargs, ends - time.monotonic()))


def _settled(course: _Course, attempt: Attempt, output: Any) -> Steps[None]:
    """Take what an expert has given or raised into the books."""
    request, several = course.request, course.several
    if isinstance(output, BaseException):
        yield course.apart(_lost, course, attempt, output)
        return
    usage = usage_of(message_of(output), request.query, attempt)
    wrong = wrong_with(output, structured=request.structured is not None)
    if wrong is not None and (wrong.is_none or request.bare):  # there is nothing to hand on
        yield course.apart(_lost, course, attempt, wrong, usage)
        return
    reply = _reply(output, course.opened.call.query.text, useless=wrong is not None)
    given = logprobs.without(output) if course.host.may_ask_logprobs(request, attempt) else output
    # The caller's own check may take its time.
    yield course.apart(several.answered, attempt, given, reply, usage, brief=course.host.consulting is None)


def _compared(course: _Course) -> Steps[None]:
    """Ask the judge about what no rule can compare, one pair after the other."""
    opened, several = course.opened, course.several
    while (comparison := (yield course.apart(several.comparison, undo=unasked))) is not None:
        attempt, prompt = comparison.attempt, ChatPromptValue(messages=convert_to_messages(comparison.messages))
        request = Request(prompt, prompt.to_messages(), comparison.query, opened.call.decision.budget)
        try:
            model, kwargs, child, _ = yield from course.ready(request, opened, attempt)
            message = yield course.way.ask(model, prompt, held_back(child), kwargs, attempt.timeout)
            usage = usage_of(message, comparison.query, attempt)
        except Exception as error:
            if by_callback(error):
                attempt.cancelled()
                raise
            yield course.apart(several.unjudged, comparison, error)
        else:
            yield course.apart(several.judged, comparison, str(message.text), usage)


def _told(course: _Course) -> Steps[None]:
    """Tell the listeners of the call's run what has happened, as custom events."""
    for stage, told in course.several.news():
        if course.opened.run.handlers:
            yield course.way.news(course.opened.run, EVENT, {"stage": stage, **told})


def _reply(output: Any, question: str, *, useless: bool) -> Any:
    from leeroo.consult.equivalence import Reply

    message = message_of(output)
    if not isinstance(message, AIMessage):
        return Reply(str(output))
    reason = message.response_metadata.get("finish_reason") or message.response_metadata.get("stop_reason")
    text = str(message.text)
    logprob = logprob_of(message.response_metadata, text, question)
    if isinstance(output, dict):
        return Reply.of_object(output.get("parsed"), logprob=logprob)
    return Reply(
        text=text,
        tool_calls=tuple((call["name"], call["args"]) for call in message.tool_calls),
        truncated=str(reason).lower() in CUT_OFF or useless,
        tool_call_ids=tool_call_ids(message),
        logprob=logprob,
    )


def _lost(course: _Course, attempt: Attempt, error: BaseException, used: Usage | None = None) -> None:
    """As `endings.lost`, for an attempt whose failure others may make up for; `used`: by an answer that is none."""
    if not isinstance(error, Exception) or isinstance(error, asyncio.CancelledError) or by_callback(error):
        attempt.cancelled()
        raise error
    error, used = unparsed(error, course.request, attempt, None) or (error, used)
    try:
        course.several.failed(attempt, error, used=used)
    except ExpertsFailed as failed:
        if isinstance(error, (ConfigError, MissingDependency, InvalidRequest)):
            raise error from None
        raise as_langchain(failed) from error
