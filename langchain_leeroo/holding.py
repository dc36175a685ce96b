"""Runs of which nobody sees a token: a consultation's asks, whose answers are held back until one is accepted."""

from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers._streaming import _StreamingCallbackHandler

NO_STREAM = "nostream"
"""LangGraph's tag of a model whose messages are not to be streamed."""


class Whole:
    """A handler that streams, told of a run's beginning and its end, and of no piece.

    It does not pass for one that streams, so that models answer it in one piece.

    Args:
        handler: The handler.
    """

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def __getattr__(self, name: str) -> Any:
        if name.startswith("tap_output"):
            raise AttributeError(name)
        return getattr(self._handler, name)

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    def on_stream_event(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""


def held_back(child: RunnableConfig) -> RunnableConfig:
    """The config of an expert's run so that nobody is shown its pieces, nor, in LangGraph, its message.

    Whose answer is accepted is seen on the chat model's own run; in LangGraph at the end of its node.

    Args:
        child: The config.
    """
    manager = child.get("callbacks")
    if not isinstance(manager, BaseCallbackManager) or not any(map(_streams, manager.handlers)):
        return child
    manager = manager.copy()
    manager.handlers = [_whole(one) for one in manager.handlers]
    manager.inheritable_handlers = [_whole(one) for one in manager.inheritable_handlers]
    return {**child, "callbacks": manager, "tags": [*(child.get("tags") or ()), NO_STREAM]}


def _streams(handler: Any) -> bool:
    return isinstance(handler, _StreamingCallbackHandler)


def _whole(handler: Any) -> Any:
    return Whole(handler) if _streams(handler) else handler
