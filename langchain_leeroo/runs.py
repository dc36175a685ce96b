"""The chain run of a request and the configs of the runs beneath it; what listens to them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, CallbackManager
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from langchain_leeroo.driving import Steps
from langchain_leeroo.errors import as_langchain
from langchain_leeroo.messages import RECORD_KEY
from langchain_leeroo.requests import Host, Request
from langchain_leeroo.usage import running_total
from langchain_leeroo.ways import Run, Way
from leeroo.errors import LeerooError
from leeroo.routing.attempt import Attempt
from leeroo.routing.call import Call
from leeroo.routing.decision import Decision


def summary(decision: Decision, call_id: str) -> dict[str, Any]:
    """The decision for a run's metadata, JSON-safe."""
    chosen = decision.chosen
    return {
        "call_id": call_id,
        "expert": chosen.expert.name,
        "model": chosen.expert.model_id,
        "predicted_quality": round(chosen.quality, 4),
        "adequate": decision.selection.adequate,
        "rule": decision.selection.rule,
        "order": [candidate.expert.name for candidate in decision.selection.order],
        "budget": decision.budget.to_dict(),
        "router_latency": round(decision.seconds, 6),
    }


class Opened(NamedTuple):
    """A call with its chain run and the config of the runs beneath it."""

    call: Call
    run: Run
    config: RunnableConfig


def opening(way: Way, host: Host, request: Request, config: RunnableConfig) -> Steps[Opened]:
    """Decide, and open the chain run with the decision in its metadata; a refusal is a run too, ended by its error."""
    config = host.configure(config)
    call, refused = yield way.apart(_open, host, request, brief=host.brief)
    manager = way.manager(config)
    run_id, run = config.pop("run_id", None), way.unheard
    if manager.handlers:
        if call is not None:
            manager.add_metadata({RECORD_KEY: summary(call.decision, call.id)}, inherit=False)
        name = config.get("run_name") or host.name
        run = yield way.start(manager, inputs=request.messages, name=name, run_id=run_id)
    if refused is not None:
        yield way.fail(run, refused)
        raise refused
    return Opened(call, run, config)


def _open(host: Host, request: Request) -> tuple[Call | None, LeerooError | None]:
    try:
        return host.open(request), None
    except LeerooError as error:
        return None, as_langchain(error)


def child_of(opened: Opened, attempt: Attempt, *, named: bool, expert_listens: bool) -> RunnableConfig:
    """The config of an attempt's own run, which says whose attempt it is.

    Args:
        opened: The call.
        attempt: The attempt.
        named: Whether the caller's `run_name` is the model's run's as well: whoever looks for a model's events by that
            name would find none on the chain run.
        expert_listens: Whether the expert's model has callbacks of its own.
    """
    call, run, config = opened
    name = config.get("run_name")
    if run.handlers:
        child = patch_config(config, callbacks=run.get_child(), run_name=name if named else None)
    else:
        child = config.copy()
        if not named:
            child.pop("run_name", None)
        if not expert_listens:
            return child
    child["metadata"] = {
        **(config.get("metadata") or {}),
        "leeroo_call_id": call.id,
        "leeroo_expert": attempt.expert.name,
    }
    return child


class Overheard(BaseCallbackHandler):
    """The message at the end of an expert's run, where its stream gives the parsed output only."""

    run_inline = True

    def __init__(self) -> None:
        self._whole: BaseMessage | None = None
        self._pieces: list[AIMessageChunk] = []

    @property
    def message(self) -> BaseMessage | None:
        """The message; where the run has broken off, what had come."""
        if self._whole is None and self._pieces:
            return add_ai_message_chunks(self._pieces[0], *self._pieces[1:])
        return self._whole

    @property
    def is_whole(self) -> bool:
        """Whether the run has ended, so that what fails after it is a parser."""
        return self._whole is not None

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """Note a piece."""
        piece = getattr(kwargs.get("chunk"), "message", None)
        if isinstance(piece, AIMessageChunk):
            self._pieces.append(piece)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Note the message."""
        self._whole = getattr(response.generations[0][0], "message", None)
        running = running_total(piece.usage_metadata for piece in self._pieces)
        if self._whole is not None and running is not None:
            self._whole = self._whole.model_copy(update={"usage_metadata": running})


def overhear(request: Request, child: RunnableConfig) -> Overheard | None:
    """Listen to the expert's run, where its output will not have the message."""
    if request.structured is None or request.raw:
        return None
    overheard = Overheard()
    given = child.get("callbacks")
    manager = given.copy() if isinstance(given, BaseCallbackManager) else CallbackManager(handlers=list(given or ()))
    manager.add_handler(overheard, inherit=True)
    child["callbacks"] = manager
    return overheard


def tapped(run: Run, pieces: Iterator[Any]) -> Iterator[Any]:
    """Show the pieces to `stream_events`, where it listens."""
    for handler in run.handlers:
        if isinstance(handler, _StreamingCallbackHandler):
            return handler.tap_output_iter(run.run_id, pieces)
    return pieces


def atapped(run: Run, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """As `tapped`, asynchronously."""
    for handler in run.handlers:
        if isinstance(handler, _StreamingCallbackHandler):
            return handler.tap_output_aiter(run.run_id, pieces)
    return pieces
