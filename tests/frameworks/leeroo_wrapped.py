"""A pytest plugin for a framework's own tests: notes what came out, and puts a Leeroo between agent and model.

Loaded with `-p leeroo_wrapped` in an environment without this project's tests. `LEEROO_OUTCOMES` names the file that
the outcomes go to, one JSON object; with `LEEROO_WRAP=1` every chat model that is given to an agent is wrapped. Then
two messages are equal where only the record of the call tells them apart: Leeroo adds it to every answer, and what else
a test that compares whole messages finds is not hidden by it.
"""

import functools
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

OUTCOMES: dict[str, str] = {}


def pytest_configure() -> None:
    """Wrap before the tests import what makes agents."""
    if os.environ.get("LEEROO_WRAP") == "1":
        _wrap("langchain.agents.factory", "create_agent", "langchain.agents")
        _wrap("langgraph.prebuilt.chat_agent_executor", "create_react_agent", "langgraph.prebuilt")
        _look_past_the_record()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the worst of a test's three phases."""
    if report.failed or report.nodeid not in OUTCOMES:
        OUTCOMES[report.nodeid] = report.outcome
    elif report.skipped:
        OUTCOMES[report.nodeid] = "skipped"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what came out, once for all workers."""
    if hasattr(session.config, "workerinput"):
        return
    with open(os.environ["LEEROO_OUTCOMES"], "w", encoding="utf-8") as file:
        json.dump(OUTCOMES, file)


def _wrap(module_name: str, name: str, shown_in: str) -> None:
    from importlib import import_module

    try:
        module, shown = import_module(module_name), import_module(shown_in)
    except ImportError:
        return  # this suite has no such framework
    plain = getattr(module, name)

    @functools.wraps(plain)
    def wrapped(model: Any = None, *args: Any, **kwargs: Any) -> Any:
        return plain(_behind(model), *args, **kwargs)

    for place in (module, shown):
        setattr(place, name, wrapped)


def _look_past_the_record() -> None:
    from langchain_core.messages import AIMessage

    plain = AIMessage.__eq__

    def without(message: Any) -> Any:
        if not isinstance(message, AIMessage) or "leeroo" not in message.response_metadata:
            return message
        rest = {key: value for key, value in message.response_metadata.items() if key != "leeroo"}
        return message.model_copy(update={"response_metadata": rest})

    AIMessage.__eq__ = lambda self, other: plain(without(self), without(other))  # type: ignore[method-assign]


def _behind(model: Any) -> Any:
    """The model as the only expert of a Leeroo; what is no chat model stays as it is."""
    from langchain_core.language_models import BaseChatModel

    from langchain_leeroo import ChatLeeroo
    from leeroo import Expert, Price

    if isinstance(model, BaseChatModel) and not isinstance(model, ChatLeeroo):
        return ChatLeeroo(experts={"one": Expert(model=model, price=Price(input=1.0, output=1.0))})
    if callable(model) and not isinstance(model, type):  # an agent may choose its model at each step
        return _choosing(model)
    return model


def _choosing(choose: Callable[..., Any]) -> Callable[..., Any]:
    import inspect

    if inspect.iscoroutinefunction(choose):

        @functools.wraps(choose)
        async def later(*args: Any, **kwargs: Any) -> Any:
            return _behind(await choose(*args, **kwargs))

        return later

    @functools.wraps(choose)
    def at_once(*args: Any, **kwargs: Any) -> Any:
        return _behind(choose(*args, **kwargs))

    return at_once
