"""One request through its attempts, in LlamaIndex's four ways: sync or async, whole or streamed.

Each way asks the router first and then delegates the whole call to one public method of the chosen expert's LLM.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse, ToolCallBlock

from leeroo import Attempt, Budget, Call, InvalidRequest, LeerooError, Query, Usage
from llamaindex_leeroo.events import tell
from llamaindex_leeroo.experts import Loan, cap_field
from llamaindex_leeroo.usage import Listener, Tally

if TYPE_CHECKING:
    from llamaindex_leeroo.llm import Leeroo

T = TypeVar("T")
NOTHING = Usage(0, 0)
NOT_TAKEN = re.compile(r"unexpected keyword argument '(\w+)'")


class BadAnswer(LeerooError):
    """The expert's answer is none."""


@dataclass
class Request(Generic[T]):
    """One request, ready to be tried.

    Attributes:
        query: As the router sees it.
        budget: The call's own budget.
        invoke: Calls the expert's method: gets the LLM, the expert's name, fresh kwargs, and the running try.
        kwargs: What goes to the expert beside.
        overhear: Whether usage must be learned from the LLM's events, because the result does not tell it.
        lend_prompt: Whether the expert is to add the router's system prompt, since nobody has done it before.
    """

    query: Query
    budget: Budget
    invoke: Callable[["Try"], Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    overhear: bool = False
    lend_prompt: bool = False


class Try:
    """One attempt with everything it holds: the lent LLM, the tally of its tokens, its end.

    Args:
        owner: The router's LLM.
        request: What is asked.
        call: The call.
        attempt: The core's attempt.
    """

    def __init__(self, owner: "Leeroo", request: Request[Any], call: Call, attempt: Attempt) -> None:
        self.name = attempt.expert.name
        self.attempt = attempt
        self.tally = Tally(attempt.expert, attempt.candidate.input_tokens)
        self.listener: Listener | None = None
        self.settled = False
        self._call = call
        self._owner = owner
        llm = owner.llm_of(self.name)
        manager = owner.callback_manager if owner.callback_manager.handlers else None
        if request.overhear:
            manager = self.listener = Listener(manager or llm.callback_manager)
        kwargs = dict(request.kwargs)
        asked = [name for name in ("max_tokens", "max_completion_tokens") if name in kwargs]
        cap = attempt.max_tokens
        if asked and cap is not None:
            if cap_field(type(llm)) is not None:
                for name in asked:
                    del kwargs[name]
            else:
                kwargs[asked[0]] = cap
        self.kwargs = kwargs
        prompt = owner.system_prompt if request.lend_prompt else None
        self._loan = Loan(llm, manager=manager, system_prompt=prompt, max_tokens=cap, timeout=attempt.timeout)
        self.llm = self._loan.llm

    def see(self, item: Any) -> Any:
        """Count an answer or a piece of one."""
        self.tally.see(item)
        return item

    def take(self, answer: Any) -> Any:
        """Count a whole answer.

        Raises:
            Exception: What the LLM met, where a method of LlamaIndex's has put words in place of the failure.
        """
        if self.listener is not None and self.listener.error is not None and not self.listener.answers:
            raise self.listener.error
        return self.see(answer)

    def answered(self) -> None:
        """The expert has done its part; may be said more than once."""
        self.settled = True
        overheard = self.listener.usage if self.listener else None
        self.attempt.succeeded(self.tally.usage(overheard), tool_call_ids=self.tally.tool_call_ids)
        self._loan.close()

    def failed(self, error: BaseException, *, begun: bool = False) -> None:
        """The expert failed; raises where no other should be tried."""
        self._loan.close()
        if self.settled:  # what failed is a tool, after the expert had answered
            raise error
        if not isinstance(error, Exception):
            self.attempt.cancelled(self.tally.usage() if begun else None)
            return
        found = NOT_TAKEN.search(str(error)) if isinstance(error, TypeError) else None
        if found is not None:
            self.attempt.cancelled(NOTHING)
            raise InvalidRequest(
                f"Expert {self.name!r} does not take the argument {found[1]!r}; leave it out, or set it on that "
                "expert's LLM itself."
            ) from error
        heard = self.listener.usage if self.listener else None
        if begun:
            self.attempt.failed(error, received=self.tally.usage(heard))
        else:
            self.attempt.failed(error, used=heard)


def _finish(owner: "Leeroo", call: Call, error: BaseException | None = None) -> dict[str, Any]:
    record = call.finish()
    tell(record, owner.role, error)
    return record


def _attach(item: T, record: dict[str, Any]) -> T:
    if isinstance(item, (ChatResponse, CompletionResponse)):
        item.additional_kwargs["leeroo"] = record
    return item


def _open(owner: "Leeroo", request: Request[Any]) -> Call:
    try:
        return owner.router.open(request.query, request.budget, owner.defaults)
    except LeerooError as error:
        record = getattr(error, "record", None)
        if record is not None:
            tell(record, owner.role, error)
        raise


def _begun(owner: "Leeroo", request: Request[Any], call: Call, attempt: Attempt) -> Try:
    """A try; one whose LLM cannot even be made costs nothing."""
    try:
        return Try(owner, request, call, attempt)
    except LeerooError:
        attempt.cancelled(NOTHING)  # a missing key, an unknown provider: nothing was sent
        raise


def run(owner: "Leeroo", request: Request[T]) -> T:
    """Ask, wait, answer."""
    if owner.rate_limiter is not None:
        owner.rate_limiter.acquire()
    call = _open(owner, request)
    last: Exception | None = None
    try:
        for attempt in call.attempts():
            current = _begun(owner, request, call, attempt)
            try:
                answer = current.take(request.invoke(current))
            except BaseException as error:
                current.failed(error)
                if not isinstance(error, Exception):
                    raise
                last = error
                continue
            current.answered()
            result: T = _attach(answer, _finish(owner, call))
            return result
        raise call.exhausted() from last
    except BaseException as error:
        _finish(owner, call, error)
        raise


async def arun(owner: "Leeroo", request: Request[T]) -> T:
    """Ask, await, answer."""
    if owner.rate_limiter is not None:
        await owner.rate_limiter.async_acquire()
    call = _open(owner, request)
    last: Exception | None = None
    try:
        async for attempt in call.aattempts():
            current = _begun(owner, request, call, attempt)
            try:
                async with asyncio.timeout(current.attempt.timeout):
                    answer = current.take(await request.invoke(current))
            except BaseException as error:
                current.failed(error)
                if not isinstance(error, Exception):
                    raise
                last = error
                continue
            current.answered()
            result: T = _attach(answer, _finish(owner, call))
            return result
        raise call.exhausted() from last
    except BaseException as error:
        _finish(owner, call, error)
        raise


def stream(owner: "Leeroo", request: Request[T]) -> Generator[T, None, None]:
    """Decide now, and commit to an expert once its first piece is there."""
    if owner.rate_limiter is not None:
        owner.rate_limiter.acquire()
    call = _open(owner, request)
    last: Exception | None = None
    try:
        for attempt in call.attempts():
            current = _begun(owner, request, call, attempt)
            held: list[Any] = []
            try:
                source = iter(request.invoke(current))
                for item in source:
                    held.append(current.see(item))
                    if _says_something(item):
                        break
                if not held:
                    raise BadAnswer(f"Expert {current.name!r} streamed nothing.")
            except BaseException as error:
                current.failed(error)
                if not isinstance(error, Exception):
                    raise
                last = error
                continue
            current.attempt.first_token()
            rest = _follow(owner, call, current, held, source)
            next(rest)  # up to its bare yield: closing it settles the call even if nobody ever reads
            return rest
        raise call.exhausted() from last
    except BaseException as error:
        _finish(owner, call, error)
        raise


def _follow(owner: "Leeroo", call: Call, current: Try, held: list[Any], source: Any) -> Generator[Any, None, None]:
    record = _live_record(current, call)
    error: BaseException | None = None
    try:
        yield None
        for item in held:
            yield _attach(item, record)
        for item in source:
            yield _attach(current.see(item), record)
        current.answered()
    except BaseException as caught:
        error = caught
        if isinstance(caught, GeneratorExit):
            getattr(source, "close", lambda: None)()
        current.failed(caught, begun=True)
        raise
    finally:
        record.update(_finish(owner, call, error))


async def astream(owner: "Leeroo", request: Request[T]) -> AsyncGenerator[T, None]:
    """Decide now, and commit to an expert once its first piece is there."""
    if owner.rate_limiter is not None:
        await owner.rate_limiter.async_acquire()
    call = _open(owner, request)
    last: Exception | None = None
    try:
        async for attempt in call.aattempts():
            current = _begun(owner, request, call, attempt)
            held: list[Any] = []
            limit = current.attempt.timeout
            try:
                async with asyncio.timeout(limit):
                    source = aiter(await request.invoke(current))
                    async for item in source:
                        held.append(current.see(item))
                        if _says_something(item):
                            break
                if not held:
                    raise BadAnswer(f"Expert {current.name!r} streamed nothing.")
            except BaseException as error:
                current.failed(error)
                if not isinstance(error, Exception):
                    raise
                last = error
                continue
            current.attempt.first_token()
            rest = _afollow(owner, call, current, held, source)
            await anext(rest)
            return rest
        raise call.exhausted() from last
    except BaseException as error:
        _finish(owner, call, error)
        raise


async def _afollow(
    owner: "Leeroo", call: Call, current: Try, held: list[Any], source: Any
) -> AsyncGenerator[Any, None]:
    record = _live_record(current, call)
    error: BaseException | None = None
    try:
        yield None
        for item in held:
            yield _attach(item, record)
        while True:
            try:
                async with asyncio.timeout(current.attempt.timeout):
                    item = await anext(source)
            except StopAsyncIteration:
                break
            yield _attach(current.see(item), record)
        current.answered()
    except BaseException as caught:
        error = caught
        if isinstance(caught, GeneratorExit) and hasattr(source, "aclose"):
            await source.aclose()
        current.failed(caught, begun=True)
        raise
    finally:
        record.update(_finish(owner, call, error))


def _live_record(current: Try, call: Call) -> dict[str, Any]:
    """What the pieces of a stream carry: who answers at once, the whole record when the stream has ended."""
    return {"call_id": call.id, "expert": current.name, "model": current.attempt.expert.model_id}


def _says_something(item: Any) -> bool:
    if isinstance(item, ChatResponse):
        return bool(
            item.delta or item.message.content or any(isinstance(b, ToolCallBlock) for b in item.message.blocks)
        )
    if isinstance(item, CompletionResponse):
        return bool(item.delta or item.text)
    return True
