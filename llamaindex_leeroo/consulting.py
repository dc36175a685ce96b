"""A call that asks several experts, where its budget says `consult`: the rounds, as steps for sync and async alike."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel

from leeroo import Attempt, Call
from leeroo.consult.logprobs import logprob_of
from leeroo.endpoints.asking_logprobs import asked_with_logprobs
from leeroo.routing.aside import unasked
from leeroo.routing.draws import nothing_asked
from llamaindex_leeroo import logprobs
from llamaindex_leeroo.answers import finish_reason
from llamaindex_leeroo.attempt import Request, Try
from llamaindex_leeroo.base import RoutedLLM
from llamaindex_leeroo.events import tell_news
from llamaindex_leeroo.rounds import Begin, Wait
from llamaindex_leeroo.steps import END, Ask, Close, Open, Piece, Steps, Work, settled

if TYPE_CHECKING:
    from leeroo.routing.consulting import Consultation

CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
"""Why an answer ended that the output cap has cut off, in providers' words."""


class Nothing:
    """A stream that has ended, for sync and async readers."""

    def __next__(self) -> Any:
        raise StopIteration

    async def __anext__(self) -> Any:
        raise StopAsyncIteration


def consulted(
    owner: RoutedLLM, request: Request[Any], call: Call, begun: Callable[[Attempt], Try], *, streamed: bool
) -> Steps[tuple[Try, list[Any]] | None]:
    """Ask whom the consultation says until it accepts an answer.

    Args:
        owner: The LLM.
        request: What is asked.
        call: Its call, open.
        begun: Makes a try of an attempt.
        streamed: Whether experts answer in pieces; all of them are awaited.

    Returns:
        The accepted try and the pieces of its answer (one where it is whole); None where one expert answers alone, or
        nobody has answered.

    Raises:
        ExpertsFailed: The request itself is at fault.
    """
    if not call.decision.budget.consults:
        return None
    if request.overhear and request.output_cls is None:  # what is overheard and no object runs tools
        call.extra["consult"] = nothing_asked("the tools of an answer are run, and that is done once")
        return None
    # Brings numpy along, which a call that asks one expert may not need.
    from leeroo.routing.consulting import Consultation, consultation

    structured = request.output_cls is not None
    # The first one reads the model of answers from a file.
    several: Consultation[tuple[Try, list[Any]]] | None = yield Work(
        partial(consultation, call, owner.consulting, structured=structured), True
    )
    if several is None:
        return None
    while attempts := (yield Work(several.round, call.waits, unasked)):
        yield from _round(owner, call, several, attempts, begun, streamed)
        yield from _compared(owner, request, call, several)
    tell_news(several.news(), owner.role)
    return several.accepted


def _round(
    owner: RoutedLLM,
    call: Call,
    several: "Consultation[Any]",
    attempts: Sequence[Attempt],
    begun: Callable[[Attempt], Try],
    streamed: bool,
) -> Steps[None]:
    """Ask the experts of a round at once, and take what each gives or meets into the books."""
    running = None
    tell_news(several.news(), owner.role)
    try:
        asked = {attempt: begun(attempt) for attempt in attempts}
        running = yield Begin({attempt: _pieces(several, current, streamed) for attempt, current in asked.items()})
        while ended := (yield Wait(running.next)):
            for attempt, outcome in ended:
                yield from _booked(owner, call, several, asked.pop(attempt), outcome)
                tell_news(several.news(), owner.role)
    except BaseException as error:
        if running is None:
            yield from settled(partial(unasked, attempts), call.waits, error)
        else:
            yield from _given_up(call, running, asked, error)
        raise


def _pieces(several: "Consultation[Any]", current: Try, streamed: bool) -> Steps[list[Any]]:
    """Ask an expert, for log-probabilities, too, where it may be."""
    kept = several.logprobs.known if current.may_ask_logprobs else None
    ask = partial(_drained if streamed else _asked, current)
    return asked_with_logprobs(kept, current.attempt.expert, ask)


def _booked(
    owner: RoutedLLM, call: Call, several: "Consultation[Any]", current: Try, outcome: list[Any] | BaseException
) -> Steps[None]:
    """Take what an expert has given or raised into the books."""
    attempt = current.attempt
    if isinstance(outcome, BaseException):
        yield Work(partial(current.failed, outcome, others=several.has_answers), call.waits)
        if not isinstance(outcome, Exception):
            raise outcome
        several.failed(attempt, current.met(outcome))  # it is settled
        return
    yield Work(current.answered, call.waits)
    reply = reply_of(outcome, current, call.query.text)
    shown = [logprobs.without(piece) for piece in outcome] if current.may_ask_logprobs else outcome
    settle = partial(several.answered, attempt, (current, shown), reply, current.usage)
    yield Work(settle, call.waits or owner.consulting is not None)  # the caller's own check may take its time


def _given_up(call: Call, running: Any, asked: Mapping[Attempt, Try], error: BaseException) -> Steps[None]:
    """Stop what is on its way. An answer that has come all the same is charged as it is."""
    came = {} if isinstance(error, GeneratorExit) else dict((yield Wait(running.give_up)))
    for attempt, current in asked.items():
        whole = isinstance(came.get(attempt), list)
        yield from settled(partial(current.failed, asyncio.CancelledError(), begun=whole), call.waits, error)


class _Judged(NamedTuple):
    """Ask the judge.

    Attributes:
        current: Its try.
        messages: What it is asked.
    """

    current: Try
    messages: list[ChatMessage]

    def take(self) -> ChatResponse:
        """Its reply."""
        return self.current.llm.chat(self.messages, **self.current.kwargs)

    async def atake(self) -> ChatResponse:
        """Its reply."""
        async with asyncio.timeout(self.current.attempt.timeout):
            return await self.current.llm.achat(self.messages, **self.current.kwargs)


def _compared(owner: RoutedLLM, request: Request[Any], call: Call, several: "Consultation[Any]") -> Steps[None]:
    """Ask the judge about what no rule can compare, one pair after the other."""
    while (comparison := (yield Work(several.comparison, call.waits, unasked))) is not None:
        asked = Request[Any](comparison.query, request.budget, lambda _: None)
        messages = [ChatMessage(content=one["content"], role=one["role"]) for one in comparison.messages]
        current = None
        try:
            current = Try(owner, asked, call, comparison.attempt)
            answer = current.see((yield _Judged(current, messages)))
            yield Work(current.answered, call.waits)
        except BaseException as error:
            if current is not None:
                yield from settled(partial(current.failed, error, others=True), call.waits, error)
            if not isinstance(error, Exception):  # the caller has left: nothing is said of the two answers
                yield from settled(comparison.attempt.cancelled, call.waits, error)
                raise
            yield from settled(partial(several.unjudged, comparison, error), call.waits, error)
        else:
            yield Work(partial(several.judged, comparison, answer.message.content or "", current.usage), call.waits)


def reply_of(pieces: Sequence[Any], current: Try, question: str) -> Any:
    """An answer as it is compared.

    Args:
        pieces: Its pieces, one where it is whole.
        current: Its try.
        question: What was asked.
    """
    from leeroo.consult.equivalence import Reply

    answer = pieces[-1]
    cut = (
        current.tally.cut is not None
        or str(finish_reason(getattr(answer, "raw", None))).lower().rpartition(".")[2] in CUT_OFF
        or current.fault(pieces) is not None
    )
    # An object does not show them; the LLM's own answer was overheard.
    given = {logprobs.NAME: logprobs.tokens_of([current.heard] if current.heard is not None else pieces)}
    if isinstance(answer, ChatResponse):
        calls = [block for block in answer.message.blocks if isinstance(block, ToolCallBlock)]
        text = answer.message.content or ""
        return Reply(
            text=text,
            tool_calls=tuple((block.tool_name, block.tool_kwargs) for block in calls),
            truncated=cut,
            tool_call_ids=current.tally.tool_call_ids,
            logprob=logprob_of(given, text, question),
        )
    if isinstance(answer, CompletionResponse):
        return Reply(answer.text, truncated=cut, logprob=logprob_of(given, answer.text, question))
    if isinstance(answer, BaseModel):
        return Reply.of_object(answer, logprob=logprob_of(given, "", question))
    return Reply(str(answer))


def _asked(current: Try, more: Mapping[str, Any]) -> Steps[list[Any]]:
    """A whole answer, asked for with more parameters of a chat request."""
    current.more, began = more, time.monotonic()
    try:
        answer = yield Ask(current.invoke, current.seconds)
    finally:
        current.seconds -= time.monotonic() - began
    yield Work(partial(current.take, answer, compared=True), current.waits)
    return [answer]


def _drained(current: Try, more: Mapping[str, Any]) -> Steps[list[Any]]:
    """All pieces of a stream, asked for with more parameters of a chat request."""
    current.more = more
    source = yield from current.waited(Open(current.invoke, current.seconds))
    pieces: list[Any] = []
    while (item := (yield from current.waited(Piece(source, current.seconds)))) is not END:
        current.attempt.first_token()
        pieces.append(current.see(item))
        if current.passes(item):
            yield Close(source)
            break
    yield Work(partial(current.check, pieces, compared=True), current.waits)
    return pieces
