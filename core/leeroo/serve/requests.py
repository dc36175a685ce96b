"""From an HTTP request to what the router needs: `Job`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leeroo.budget import FIELDS, Budget
from leeroo.endpoints.chat_format import to_query
from leeroo.errors import ConfigError, did_you_mean
from leeroo.query import Query
from leeroo.routing.router import Router
from leeroo.serve.aside import rest
from leeroo.serve.errors import Refusal
from leeroo.serve.keys import Key
from leeroo.serve.schemas import ChatRequest

ROUTED = "leeroo"
"""The model that leaves the choice to the router."""
HEADER = "x-leeroo-"
_OURS = ("leeroo", "model", "n", "stream_options")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?([eE][-+]?[0-9]{1,2})?", re.ASCII)
"""Python's `float` takes more: `1_0`, `inf`, digits of other scripts, blanks around."""


@dataclass(frozen=True)
class Job:
    """One request, ready to be routed.

    Attributes:
        body: What is meant for the expert.
        query: What the router sees of it.
        budget: What the client said about money, quality and time.
        include_usage: Whether a stream ends with a piece that has the usage.
    """

    body: dict[str, Any]
    query: Query
    budget: Budget
    include_usage: bool = False


def job_of(request: ChatRequest, headers: Mapping[str, str], key: Key | None, router: Router) -> Job:
    """Sort a request.

    Args:
        request: Its body.
        headers: Its headers, by their names in lower case.
        key: Whose it is; None where the server has no keys.
        router: Whose pool has the experts.

    Raises:
        Refusal: An unknown model, more than one answer, or a scope that is not the key's.
        ConfigError: A budget that is not usable.
        InvalidRequest: Messages that are not usable.
    """
    if request.n not in (None, 1):
        raise Refusal(400, f"n is {request.n}: Leeroo gives one answer per call; send {request.n} requests.", param="n")
    budget = Budget.of(request.leeroo or {}).over(_from_headers(headers))
    budget = _pinned(request.model, budget, router)
    budget = Budget(scope=_scope(budget.scope, key)).over(budget)
    # Messages keep what only their expert understands; what was not given is not sent.
    body = request.model_dump(exclude_unset=True)
    body = {name: value for name, value in body.items() if name not in _OURS and value is not None}
    rest()
    usage = request.stream_options is not None and request.stream_options.include_usage
    return Job(body, to_query(body, router), budget, usage)


def _from_headers(headers: Mapping[str, str]) -> Budget:
    given: dict[str, Any] = {}
    for name, text in headers.items():
        if not name.startswith(HEADER):
            continue
        key = name.removeprefix(HEADER).replace("-", "_")
        if key not in FIELDS:
            raise ConfigError(f"Unknown header {name!r}.{did_you_mean(key, FIELDS)}")
        given[key] = _value(name, text, FIELDS[key].type)
    return Budget(**given)


def _value(name: str, text: str, kind: type) -> Any:
    """A header's text as a budget field's type."""
    if kind is str:
        return text
    if kind is bool:
        flag = _FLAGS.get(text.strip().lower())
        if flag is None:
            raise ConfigError(f"Header {name!r} is neither true nor false.")
        return flag
    if not _NUMBER.fullmatch(text) or (kind is int and not text.isdigit()):
        raise ConfigError(f"Header {name!r} is no {'whole number as 2' if kind is int else 'number as 0.01'} is.")
    return kind(text)


def _pinned(model: str, budget: Budget, router: Router) -> Budget:
    """The budget with the expert that is named as the model."""
    if budget.expert is not None:
        budget = Budget(expert=router.pool[budget.expert].name).over(budget)
    if model == ROUTED:
        return budget
    try:
        name = router.pool[model].name
    except ConfigError:
        known = ", ".join((ROUTED, *router.pool.names))
        message = f"The model {model!r} does not exist here. Known: {known}."
        raise Refusal(404, message, code="model_not_found", param="model") from None
    if budget.expert not in (None, name):
        raise Refusal(400, f"model {model!r} and expert {budget.expert!r} contradict each other; give one of them.")
    return Budget(expert=name).over(budget)


def _scope(asked: str | None, key: Key | None) -> str | None:
    """The account that is charged: the key's own, or the one beneath it that the client names."""
    if key is None:
        return asked
    if asked is None:
        return key.scope
    if not key.covers(asked):
        message = f"This key is bound to the scope {key.scope!r}; calls of {asked!r} need a key of theirs."
        raise Refusal(403, message, "permission_error", "scope_not_allowed")
    return asked
