"""Asking for log-probabilities beside an answer, of whoever does not refuse them: as steps, and to be awaited."""

import types
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, TypeVar

from leeroo.consult.logprobs import LogProbs
from leeroo.endpoints.parameters import taken
from leeroo.pool.experts import Expert
from leeroo.routing.failures import classify
from leeroo.routing.health import key_of

T = TypeVar("T")
_ASK = {"logprobs": True}


def asked_with_logprobs(
    kept: LogProbs | None, expert: Expert, ask: Callable[[Mapping[str, Any]], Generator[Any, Any, T]]
) -> Generator[Any, Any, T]:
    """Ask an expert for its answer, with log-probabilities where it gives them. What `ask` waits for is handed on.

    A refused request is repeated without: nothing was generated, so nothing is charged, and the attempt goes on within
    its time. Who answers then is not asked for them again.

    Args:
        kept: Who refuses them; None: nobody is asked for them.
        expert: Who is asked.
        ask: Asks it, with more parameters of a chat request.

    Raises:
        Exception: What the expert met.
    """
    key = key_of(expert)
    # Who is known to refuse a parameter is not sent it: a refusal is then about something else.
    if kept is None or kept.refuses(key) or not taken(expert, _ASK, expert.base_url):
        return (yield from ask({}))
    try:
        return (yield from ask(_ASK))
    except Exception as error:
        met = classify(error)
        if met.status is None or met.kind not in ("bad_request", "unsupported"):
            raise
    answer = yield from ask({})
    kept.refused(key)
    return answer


@types.coroutine
def with_logprobs(
    kept: LogProbs | None, expert: Expert, ask: Callable[[Mapping[str, Any]], Awaitable[T]]
) -> Generator[Any, Any, T]:
    """As `asked_with_logprobs`, to be awaited."""
    return (yield from asked_with_logprobs(kept, expert, lambda more: ask(more).__await__()))
