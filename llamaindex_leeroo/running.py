"""One request through its attempts, in LlamaIndex's four ways: sync or async, whole or streamed.

Each way asks the router first and then delegates the whole call to one public method of the chosen expert's LLM. The
bodies are written once, as steps.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

from leeroo import Attempt, Call, LeerooError
from leeroo.routing.aside import unasked
from llamaindex_leeroo.answers import says_something
from llamaindex_leeroo.attempt import NOTHING, Request, Try
from llamaindex_leeroo.base import RoutedLLM
from llamaindex_leeroo.consulting import Nothing, consulted
from llamaindex_leeroo.events import tell
from llamaindex_leeroo.messages import signed
from llamaindex_leeroo.steps import (
    END,
    Admit,
    Ask,
    Close,
    Give,
    Open,
    Pause,
    Piece,
    Steps,
    Work,
    adrive,
    afollow,
    drive,
    follow,
    settled,
)

T = TypeVar("T")


class Answered(NamedTuple):
    """An expert has answered, or begun to.

    Attributes:
        call: The call.
        current: The expert's try.
        answer: What the expert gave: a whole answer, or a `Begun` stream.
    """

    call: Call
    current: Try
    answer: Any


class Begun(NamedTuple):
    """A stream whose first piece is there.

    Attributes:
        held: The pieces so far.
        source: Where the others come from.
    """

    held: list[Any]
    source: Any


def run(owner: RoutedLLM, request: Request[T]) -> T:
    """Ask, wait, answer."""
    return drive(_whole(owner, request))


async def arun(owner: RoutedLLM, request: Request[T]) -> T:
    """Ask, await, answer."""
    return await adrive(_whole(owner, request))


def stream(owner: RoutedLLM, request: Request[T]) -> Generator[T, None, None]:
    """Decide now, and commit to an expert once its first piece is there."""
    rest = follow(_rest(owner, drive(_attempts(owner, request, _begin))))
    next(rest)  # up to the piece that is none: closing it settles the call even if nobody ever reads
    return rest


async def astream(owner: RoutedLLM, request: Request[T]) -> AsyncGenerator[T, None]:
    """Decide now, and commit to an expert once its first piece is there."""
    rest = afollow(_rest(owner, await adrive(_attempts(owner, request, _begin))))
    await anext(rest)
    return rest


def _whole(owner: RoutedLLM, request: Request[T]) -> Steps[T]:
    done = yield from _attempts(owner, request, _ask)
    answer: T = _attach(done.answer, (yield from _finish(owner, done.call)))
    return answer


def _attempts(owner: RoutedLLM, request: Request[Any], ask: Callable[[Try], Steps[Any]]) -> Steps[Answered]:
    """Ask one expert after the other until one has answered."""
    limiter = getattr(owner, "rate_limiter", None)  # LlamaIndex has it from 0.14.16 on
    if limiter is not None:
        yield Admit(limiter)
    call = yield Work(partial(_open, owner, request), owner.router.waits or not owner.made)
    last: Exception | None = None
    try:
        begun = partial(_begun, owner, request, call)
        accepted = yield from consulted(owner, request, call, begun, streamed=ask is not _ask)
        if accepted is not None:
            current, pieces = accepted
            return Answered(call, current, pieces[-1] if ask is _ask else Begun(pieces, Nothing()))
        tries = call.steps()
        while (attempt := (yield Work(partial(next, tries, None), call.waits, unasked))) is not None:
            if isinstance(attempt, float):
                yield Pause(attempt)
                continue
            current = begun(attempt)
            try:
                return Answered(call, current, (yield from ask(current)))
            except BaseException as error:
                # Raises where nobody else is to be asked.
                yield from settled(partial(current.failed, error), call.waits, error)
                if not isinstance(error, Exception):
                    raise
                last = error
        kept: tuple[Try, Any] | None = call.last_resort()
        if kept is not None:
            return Answered(call, *kept)
        exhausted = yield Work(call.exhausted, call.waits)
        raise exhausted from exhausted.__cause__ or last
    except BaseException as error:
        record = yield from settled(call.finish, call.waits, error)
        tell(record, owner.role, error)
        raise


def _ask(current: Try) -> Steps[Any]:
    """A whole answer."""
    answer = yield Ask(current.invoke, current.attempt.timeout)
    yield Work(partial(current.take, answer), current.waits)
    yield Work(current.answered, current.waits)
    return answer


def _begin(current: Try) -> Steps[Begun]:
    """A stream up to the first piece that says something."""
    source = yield from current.waited(Open(current.invoke, current.seconds))
    held: list[Any] = []
    while (item := (yield from current.waited(Piece(source, current.seconds)))) is not END:
        held.append(current.see(item))
        if says_something(item):
            break
        if current.passes(item):
            yield Close(source)
            yield Work(partial(current.check, held), current.waits)
            source = Nothing()
            break
    else:
        yield Work(partial(current.check, held), current.waits)
    current.attempt.first_token()
    return Begun(held, source)


def _rest(owner: RoutedLLM, begun: Answered) -> Steps[None]:
    """A stream's pieces, those that are there and those to come; the call ends with them, or when nobody reads on."""
    call, current, (held, source) = begun
    record = _live_record(current, call)
    error: BaseException | None = None
    try:
        yield Give(None)
        for item in held:
            yield Give(_attach(item, record))
        past = current.passes(held[-1]) if held else False
        while not past and (item := (yield from current.waited(Piece(source, current.seconds)))) is not END:
            held = [current.see(item)]
            yield Give(_attach(item, record))
            past = current.passes(item)
        if past:
            yield Close(source)
        yield Work(partial(current.ended, held[-1]), current.waits)
    except BaseException as caught:
        error = caught
        if isinstance(caught, (GeneratorExit, TimeoutError)):
            yield Close(source)
        yield Work(partial(current.failed, caught, begun=True), current.waits)
        raise
    finally:
        record.update((yield from _finish(owner, call, error)))


def _open(owner: RoutedLLM, request: Request[Any]) -> Call:
    """Route; a refusal is told as an event, and raised."""
    try:
        call = owner.router.open(request.query, request.budget, owner.defaults, owner.on_empty)
    except LeerooError as error:
        record = getattr(error, "record", None)
        if record is not None:
            tell(record, owner.role, error)
        raise
    if not owner.made:  # the first client is slow to make; here no event loop waits for it
        with suppress(LeerooError):  # told when its turn comes
            owner.llm_of(call.decision.expert.name)
    return call


def _begun(owner: RoutedLLM, request: Request[Any], call: Call, attempt: Attempt) -> Try:
    """A try; one whose LLM cannot even be made costs nothing."""
    try:
        return Try(owner, request, call, attempt)
    except LeerooError:
        attempt.cancelled(NOTHING)  # a missing key, an unknown provider: nothing was sent
        raise


def _finish(owner: RoutedLLM, call: Call, error: BaseException | None = None) -> Steps[dict[str, Any]]:
    """Close the call, and tell of it."""
    record: dict[str, Any] = yield Work(call.finish, call.waits)
    tell(record, owner.role, error)
    return record


def _attach(item: T, record: dict[str, Any]) -> T:
    if isinstance(item, (ChatResponse, CompletionResponse)):
        item.additional_kwargs["leeroo"] = record
    if isinstance(item, ChatResponse):
        signed(item.message, str(record["expert"]))
    return item


def _live_record(current: Try, call: Call) -> dict[str, Any]:
    """What the pieces of a stream carry: who answers at once, the whole record when the stream has ended."""
    return {"call_id": call.id, "expert": current.name, "model": current.attempt.expert.model_id}
