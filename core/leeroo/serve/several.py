"""A request that several experts may answer: the accepted answer, whole, and as the pieces of a stream."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from leeroo.consult.equivalence import Reply
from leeroo.consult.logprobs import logprob_of
from leeroo.consult.readings import as_json
from leeroo.endpoints.asking_logprobs import with_logprobs
from leeroo.endpoints.chat_format import text_of, tool_call_ids, tool_calls
from leeroo.endpoints.consulted import consulted
from leeroo.endpoints.worth import wrong_with
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call
from leeroo.routing.consulting import Consultation, consultation
from leeroo.routing.judged import Comparison
from leeroo.serve.aside import Aside
from leeroo.serve.requests import Job

Json = dict[str, Any]
Answered = tuple[Attempt, Json]


async def accepted(
    call: Call, job: Job, complete: Callable[[Job, Attempt], Awaitable[tuple[Json, Usage]]], aside: Aside
) -> Answered | None:
    """Consult on a request; None where its budget lets one expert answer alone, or where nobody has answered.

    Args:
        call: The request's call.
        job: The request.
        complete: Asks an expert; gives its chat completion and what it used.
        aside: Where blocking work is done.

    Raises:
        ExpertsFailed: The request itself is at fault.
    """
    form = job.body.get("response_format") or {}
    structured = form.get("type") in ("json_object", "json_schema")
    # Aside: the first one reads the model of answers from a file.
    several: Consultation[Answered] | None = await aside(partial(consultation, call, structured=structured))
    if several is None:
        return None

    wanted = bool(job.body.get("logprobs"))
    whole = replace(job, body={key: value for key, value in job.body.items() if key != "stream"})

    async def ask(attempt: Attempt) -> tuple[Answered, Usage]:
        def one(more: Mapping[str, Any]) -> Awaitable[tuple[Json, Usage]]:
            return complete(replace(whole, body={**whole.body, **more}), attempt)

        # Who asked for them gets them, and is told of a refusal as ever.
        answer, usage = await with_logprobs(None if wanted else several.logprobs.known, attempt.expert, one)
        return (attempt, answer), usage

    async def judge(comparison: Comparison) -> tuple[str, Usage]:
        body = {"messages": list(comparison.messages)}
        answer, usage = await complete(replace(job, body=body, query=comparison.query), comparison.attempt)
        return text_of(answer["choices"][0]["message"]), usage

    found = await consulted(
        several, ask, partial(_reply, question=call.query.text, structured=structured), judge=judge, aside=aside
    )
    return found if found is None or wanted else (found[0], _without_logprobs(found[1]))


def pieces_of(answer: Json, head: Json) -> Iterator[Json]:
    """A whole answer as two pieces of a stream: what it says, and why it ended."""
    choice = answer["choices"][0]
    message = choice["message"]
    delta = {key: value for key, value in message.items() if value is not None and key != "tool_calls"}
    calls = tool_calls(message)
    if calls:
        delta["tool_calls"] = [{"index": place, **one} for place, one in enumerate(calls)]
    yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None, "logprobs": choice.get("logprobs")}]}
    end = choice.get("finish_reason") or "stop"
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": end, "logprobs": None}]}


def _without_logprobs(answer: Json) -> Json:
    """An answer without what its client has not asked for."""
    first, *others = answer["choices"]
    return {**answer, "choices": [{**first, "logprobs": None}, *others]} if "logprobs" in first else answer


def _reply(answered: Answered, question: str, structured: bool) -> Reply:
    attempt, choice = answered[0], answered[1]["choices"][0]
    message = choice["message"]
    called = [one.get("function") for one in tool_calls(message)]
    functions = [one for one in called if isinstance(one, Mapping)]
    text = text_of(message)
    return Reply(
        text=text,
        tool_calls=tuple((str(f.get("name")), f.get("arguments")) for f in functions),
        parsed=as_json(text) if structured else None,
        truncated=choice.get("finish_reason") == "length" or wrong_with(choice, attempt.expert.name) is not None,
        tool_call_ids=tool_call_ids([message]),
        logprob=logprob_of(choice, text, question),
    )
