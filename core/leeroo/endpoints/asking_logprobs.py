"""Asking for log-probabilities beside an answer, of whoever does not refuse them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from leeroo.consult.logprobs import LogProbs
from leeroo.endpoints.parameters import taken
from leeroo.pool.experts import Expert
from leeroo.routing.failures import classify
from leeroo.routing.health import key_of

T = TypeVar("T")
_ASK = {"logprobs": True}


async def with_logprobs(kept: LogProbs | None, expert: Expert, ask: Callable[[Mapping[str, Any]], Awaitable[T]]) -> T:
    """Ask an expert for its answer, with log-probabilities where it gives them.

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
        return await ask({})
    try:
        return await ask(_ASK)
    except Exception as error:
        met = classify(error)
        if met.status is None or met.kind not in ("bad_request", "unsupported"):
            raise
    answer = await ask({})
    kept.refused(key)
    return answer
