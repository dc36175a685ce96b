"""Sync and async from one body: the two ways to take a call's steps, `SYNC` and `ASYNC`; `driving` has their drivers.

A call is written once, as a generator of steps: `answer = yield way.ask(...)`. With `SYNC` the step has been taken when
it is yielded, and the driver hands its result back; with `ASYNC` it is something to be awaited, and the driver hands
back what came of it, or throws what it raised. A `Piece` is for the caller of a stream.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    CallbackManager,
    CallbackManagerForChainRun,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import Runnable, RunnableConfig
from typing_extensions import override

from langchain_leeroo.driving import Apart, Steps, adrive, drive
from leeroo.endpoints.closing import aclosing
from leeroo.endpoints.rounds import AsyncRound, SyncRound
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call

Run = CallbackManagerForChainRun | AsyncCallbackManagerForChainRun
Model = Runnable[Any, Any]

END: Final = object()
"""What `pull` gives after the last item."""


class Way(ABC):
    """What a call does that may have to be awaited.

    The results of `manager`, `attempts`, `pieces` and `round` are there at once; all others are to be yielded.
    """

    unheard: Any
    """A run of nobody's interest: what it is told is lost at no cost."""

    @abstractmethod
    def manager(self, config: RunnableConfig) -> CallbackManager | AsyncCallbackManager:
        """The callback manager of a config."""

    @abstractmethod
    def attempts(self, call: Call, most: int | None) -> Any:
        """The call's attempts, at most so many, to be pulled."""

    @abstractmethod
    def pieces(self, model: Model, prompt: PromptValue, config: RunnableConfig, kwargs: dict[str, Any]) -> Any:
        """The stream of a model, to be pulled and closed."""

    def start(self, manager: Any, **given: Any) -> Any:
        """Open the chain run."""
        return manager.on_chain_start(None, **given)

    def end(self, run: Any, output: Any) -> Any:
        """Close a run that ended well."""
        return run.on_chain_end(output)

    def fail(self, run: Any, error: BaseException) -> Any:
        """Close a run that failed."""
        return run.on_chain_error(error)

    def news(self, run: Any, name: str, told: dict[str, Any]) -> Any:
        """Tell a run's listeners of a custom event."""
        return run.get_child().on_custom_event(name, told, run_id=run.run_id)

    @abstractmethod
    def apart(
        self, work: Callable[..., Any], *args: Any, brief: bool, undo: Callable[[Any], object] | None = None
    ) -> Any:
        """Do what takes milliseconds, or waits for a database, where it holds nobody up; `brief` work does neither."""

    @abstractmethod
    def acquire(self, limiter: BaseRateLimiter) -> Any:
        """Wait for the rate limiter."""

    @abstractmethod
    def ask(
        self, model: Model, prompt: PromptValue, config: RunnableConfig, kwargs: dict[str, Any], seconds: float
    ) -> Any:
        """Invoke a model."""

    @abstractmethod
    def pull(self, iterator: Any, seconds: float | None = None) -> Any:
        """The next item, or `END`; where that can be interrupted, in so many seconds."""

    @abstractmethod
    def close(self, pieces: Any) -> Any:
        """Close a stream."""

    @abstractmethod
    def round(self, asks: Mapping[Attempt, Steps[Any]]) -> Any:
        """Ask several experts at once; the results of the round's methods are to be yielded."""


class Sync(Way):
    """Steps are taken at once. Time limits are the transports' own: nothing here can interrupt a thread."""

    unheard = CallbackManagerForChainRun.get_noop_manager()

    @override
    def manager(self, config: RunnableConfig) -> CallbackManager:
        return CallbackManager.configure(
            config.get("callbacks"), inheritable_tags=config.get("tags"), inheritable_metadata=config.get("metadata")
        )

    @override
    def attempts(self, call: Call, most: int | None) -> Any:
        return call.attempts(most)

    @override
    def pieces(self, model: Model, prompt: PromptValue, config: RunnableConfig, kwargs: dict[str, Any]) -> Any:
        return iter(model.stream(prompt, config, **kwargs))

    @override
    def apart(
        self, work: Callable[..., Any], *args: Any, brief: bool, undo: Callable[[Any], object] | None = None
    ) -> Any:
        return work(*args)

    @override
    def acquire(self, limiter: BaseRateLimiter) -> Any:
        return limiter.acquire(blocking=True)

    @override
    def ask(
        self, model: Model, prompt: PromptValue, config: RunnableConfig, kwargs: dict[str, Any], seconds: float
    ) -> Any:
        return model.invoke(prompt, config, **kwargs)

    @override
    def pull(self, iterator: Any, seconds: float | None = None) -> Any:
        return next(iterator, END)

    @override
    def close(self, pieces: Any) -> Any:
        close = getattr(pieces, "close", None)
        return close() if close is not None else None

    @override
    def round(self, asks: Mapping[Attempt, Steps[Any]]) -> SyncRound:
        return SyncRound({attempt: partial(drive, ask) for attempt, ask in asks.items()})


class Async(Way):
    """Steps are coroutines; attempts and streams are given up when their time is over."""

    unheard = AsyncCallbackManagerForChainRun.get_noop_manager()

    @override
    def manager(self, config: RunnableConfig) -> AsyncCallbackManager:
        return AsyncCallbackManager.configure(
            config.get("callbacks"), inheritable_tags=config.get("tags"), inheritable_metadata=config.get("metadata")
        )

    @override
    def attempts(self, call: Call, most: int | None) -> Any:
        return call.aattempts(most)

    @override
    def pieces(self, model: Model, prompt: PromptValue, config: RunnableConfig, kwargs: dict[str, Any]) -> Any:
        return aclosing(aiter(model.astream(prompt, config, **kwargs)))

    @override
    def apart(
        self, work: Callable[..., Any], *args: Any, brief: bool, undo: Callable[[Any], object] | None = None
    ) -> Apart:
        return Apart(partial(work, *args), brief, undo)

    @override
    def acquire(self, limiter: BaseRateLimiter) -> Any:
        return limiter.aacquire(blocking=True)

    @override
    async def ask(
        self, model: Model, prompt: PromptValue, config: RunnableConfig, kwargs: dict[str, Any], seconds: float
    ) -> Any:
        async with asyncio.timeout(seconds):
            return await model.ainvoke(prompt, config, **kwargs)

    @override
    async def pull(self, iterator: Any, seconds: float | None = None) -> Any:
        # The limit lies around the waiting only: around a yield it would cancel the caller's own code.
        async with asyncio.timeout(seconds):
            return await anext(iterator, END)

    @override
    def close(self, pieces: Any) -> Any:
        return pieces.__aexit__()

    @override
    def round(self, asks: Mapping[Attempt, Steps[Any]]) -> AsyncRound:
        return AsyncRound({attempt: adrive(ask) for attempt, ask in asks.items()})


SYNC: Final = Sync()
ASYNC: Final = Async()
