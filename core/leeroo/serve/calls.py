"""One request through the router, whole or streamed: decide, try the experts, settle, and answer with the record."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

from leeroo.endpoints.chat_format import text_of, tool_call_ids, usage_of
from leeroo.endpoints.worth import wrong_with
from leeroo.routing.answers import UselessAnswer
from leeroo.routing.aside import unasked
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call
from leeroo.routing.router import Router
from leeroo.serve.aside import Aside
from leeroo.serve.experts import Experts
from leeroo.serve.leaving import WhileThere
from leeroo.serve.received import Received
from leeroo.serve.requests import Job
from leeroo.serve.several import Answered, accepted, pieces_of

Json = dict[str, Any]


class Calls:
    """The way of a request through a router, without blocking the event loop.

    Args:
        router: The router.
        experts: How its experts are asked.
        aside: Where blocking work is done.
    """

    def __init__(self, router: Router, experts: Experts, aside: Aside) -> None:
        self._router = router
        self._experts = experts
        self._aside = aside

    async def whole(self, job: Job, while_there: WhileThere[Answered | None] | None = None) -> Json:
        """The answer as one chat completion.

        Args:
            job: The request.
            while_there: Gives up what is awaited where the client leaves: nobody else is consulted for it. One expert
                alone answers to its end all the same, so that what it cost is known.

        Raises:
            LeerooError: No expert may or can answer; the record is on the error where there was a call.
            ClientLeft: The client has left.
        """
        async with self._open(job) as call:
            consulting = accepted(call, job, self._complete, self._aside)
            if while_there is not None and call.decision.budget.consults:
                taken = await while_there(consulting)
            else:
                taken = await consulting
            if taken is not None:
                attempt, answer = taken
                return {**answer, **_head(call, attempt, "chat.completion"), "leeroo": await self._aside(call.finish)}
            async for attempt in self._attempts(call):
                try:
                    answer, usage = await self._complete(job, attempt)
                except Exception as error:
                    await self._aside(attempt.failed, error)
                    continue
                wrong = wrong_with(answer["choices"][0], attempt.expert.name)
                kept = {**answer, **_head(call, attempt, "chat.completion")}
                if await self._in_vain(call, attempt, wrong, usage, kept):
                    continue
                ids = tool_call_ids([answer["choices"][0]["message"]])
                await self._aside(partial(attempt.succeeded, usage, tool_call_ids=ids))
                return {**kept, "leeroo": await self._aside(call.finish)}
            last: Json | None = call.last_resort()
            if last is not None:
                return {**last, "leeroo": await self._aside(call.finish)}
            raise await self._aside(call.exhausted)

    async def pieces(self, job: Job) -> AsyncGenerator[Json, None]:
        """The answer as pieces of a chat completion; the last one has the record. Closed early, it settles what came.

        Where several experts may answer, nothing is given before an answer is accepted.

        Raises:
            LeerooError: As `whole`. Once a piece was given, an expert's failure is final.
        """
        async with self._open(job) as call:
            taken = await accepted(call, job, self._complete, self._aside)
            if taken is not None:
                for piece in await self._held_back(call, job, *taken):
                    yield piece
                return
            async for attempt in self._attempts(call):
                received = Received()
                # OpenAI's pieces before the last one have a null usage; other experts' may have running sums.
                head = {**_head(call, attempt, "chat.completion.chunk"), "usage": None}
                try:
                    async with aclosing(self._experts.stream(attempt, job.body)) as pieces:
                        async for piece in pieces:
                            attempt.first_token()
                            for given in received.take(piece):
                                yield {**given, **head}
                            if received.passes(attempt):
                                received.cut()
                                break
                    received.check(attempt.expert.name)
                except Exception as error:
                    used = partial(self._usage, received, job, attempt)
                    so_far = await self._aside(used) if received.started else None
                    await self._aside(partial(attempt.failed, error, received=so_far))
                    continue
                except BaseException:  # the client has gone
                    await self._aside(self._given_up, received, job, attempt)
                    raise
                usage = await self._aside(self._usage, received, job, attempt)
                if await self._in_vain(call, attempt, received.wrong, usage):
                    continue
                await self._aside(partial(attempt.succeeded, usage, tool_call_ids=received.tool_call_ids))
                for piece in _ending(received, usage, head, job, await self._aside(call.finish)):
                    yield piece
                return
            raise await self._aside(call.exhausted)

    async def _in_vain(
        self, call: Call, attempt: Attempt, wrong: UselessAnswer | None, usage: Usage, whole: Json | None = None
    ) -> bool:
        """Settle an answer of no use where there is another expert to ask; else it is handed on as it is."""
        read = None if whole is None else usage  # else pieces have gone to the client
        if call.acceptance.fault(attempt, wrong, read) is None:
            return False
        found = await self._aside(partial(call.acceptance.rejects, attempt, wrong, read, content=whole))
        if found is not None:
            await self._aside(partial(attempt.failed, found, used=usage))
        return found is not None

    async def _held_back(self, call: Call, job: Job, attempt: Attempt, answer: Json) -> list[Json]:
        """An accepted answer as a stream's pieces."""
        given = list(pieces_of(answer, {**_head(call, attempt, "chat.completion.chunk"), "usage": None}))
        if job.include_usage:
            given.append({**given[-1], "choices": [], "usage": answer["usage"]})
        given[-1]["leeroo"] = await self._aside(call.finish)
        return given

    async def _complete(self, job: Job, attempt: Attempt) -> tuple[Json, Usage]:
        """An expert's whole answer, its usage filled in, and what it used."""
        answer = await self._experts.complete(attempt, job.body)
        wrong_with(answer["choices"][0], attempt.expert.name)
        message = answer["choices"][0]["message"]
        reported, service = answer.get("usage"), answer.get("service_tier")
        usage = await self._aside(self._used, reported, text_of(message), job, attempt, service)
        if usage.estimated:
            answer["usage"] = _usage_body(usage)
        return answer, usage

    @asynccontextmanager
    async def _open(self, job: Job) -> AsyncIterator[Call]:
        call = await self._aside(self._router.open, job.query, job.budget)
        try:
            yield call
        finally:
            await self._aside(call.finish)

    async def _attempts(self, call: Call) -> AsyncIterator[Attempt]:
        """The call's tries. Each is reserved in the ledger, aside; a wait between them must hold no thread of that."""
        steps = call.steps()
        while (step := await self._aside(next, steps, None, undo=unasked)) is not None:
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    def _given_up(self, received: Received, job: Job, attempt: Attempt) -> None:
        attempt.cancelled(self._usage(received, job, attempt))

    def _usage(self, received: Received, job: Job, attempt: Attempt) -> Usage:
        if received.was_cut:
            return received.written.usage(attempt)
        reported = received.usage if received.finished else None
        return self._used(reported, received.text, job, attempt, received.service)

    @staticmethod
    def _used(reported: Any, text: str, job: Job, attempt: Attempt, service: Any = None) -> Usage:
        prompt = f"{job.query.prompt}\n{job.query.rest}"
        return usage_of(reported, prompt, text, attempt.expert, service, sent=attempt.candidate.input_upper)


def _head(call: Call, attempt: Attempt, kind: str) -> Json:
    """What an answer says of itself: the expert's name as its model, which pins that expert when it is sent back."""
    return {"id": f"chatcmpl-{call.id}", "object": kind, "created": int(time.time()), "model": attempt.expert.name}


def _ending(received: Received, usage: Usage, head: Json, job: Job, record: Any) -> list[Json]:
    """The last pieces: the end of the answer, what was used where that was asked for, and the record."""
    found = [{**piece, **head} for piece in received.last()]
    if job.include_usage:
        found.append({**head, "choices": [], "usage": _usage_body(usage) if usage.estimated else received.usage})
    found[-1]["leeroo"] = record
    return found


def _usage_body(usage: Usage) -> Json:
    return {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": usage.tokens}
