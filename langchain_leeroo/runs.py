"""The chain run of a request and the configs of the runs beneath it; what listens to them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForChainRun,
)
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from langchain_leeroo.messages import RECORD_KEY
from langchain_leeroo.requests import Host, Request
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


# What a run of nobody's interest is told is lost at no cost.
_UNHEARD = CallbackManagerForChainRun.get_noop_manager()
_AUNHEARD = AsyncCallbackManagerForChainRun.get_noop_manager()


def start(
    host: Host, request: Request, config: RunnableConfig
) -> tuple[Call, CallbackManagerForChainRun, RunnableConfig]:
    """Decide, and open the chain run with the decision in its metadata; a refusal is a run too, ended by its error."""
    call, refused = _open(host, request)
    manager = CallbackManager.configure(
        config.get("callbacks"), inheritable_tags=config.get("tags"), inheritable_metadata=config.get("metadata")
    )
    run_id, run = config.pop("run_id", None), _UNHEARD
    if manager.handlers:
        _introduce(manager, call)
        run = manager.on_chain_start(None, request.messages, name=_name(host, config), run_id=run_id)
    if call is None:
        assert refused is not None  # noqa: S101 - one of the two
        run.on_chain_error(refused)
        raise refused
    return call, run, config


async def astart(
    host: Host, request: Request, config: RunnableConfig
) -> tuple[Call, AsyncCallbackManagerForChainRun, RunnableConfig]:
    """As `start`, asynchronously."""
    call, refused = await host._apart(_open, host, request)
    manager = AsyncCallbackManager.configure(
        config.get("callbacks"), inheritable_tags=config.get("tags"), inheritable_metadata=config.get("metadata")
    )
    run_id, run = config.pop("run_id", None), _AUNHEARD
    if manager.handlers:
        _introduce(manager, call)
        run = await manager.on_chain_start(None, request.messages, name=_name(host, config), run_id=run_id)
    if call is None:
        assert refused is not None  # noqa: S101 - one of the two
        await run.on_chain_error(refused)
        raise refused
    return call, run, config


def _introduce(manager: BaseCallbackManager, call: Call | None) -> None:
    if call is not None:
        manager.add_metadata({RECORD_KEY: summary(call.decision, call.id)}, inherit=False)


def _name(host: Host, config: RunnableConfig) -> str:
    return config.get("run_name") or host.get_name()


def _open(host: Host, request: Request) -> tuple[Call | None, LeerooError | None]:
    try:
        return host._open(request), None
    except LeerooError as error:
        return None, error


def child_of(
    config: RunnableConfig,
    run: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
    attempt: Attempt,
    call: Call,
    *,
    expert_listens: bool,
) -> RunnableConfig:
    """The config of an attempt's own run, which says whose attempt it is."""
    if run.handlers:
        child = patch_config(config, callbacks=run.get_child())
    else:
        child = config.copy()
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
        self.message: BaseMessage | None = None

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Note the message."""
        self.message = getattr(response.generations[0][0], "message", None)


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


def tapped(run: CallbackManagerForChainRun, pieces: Iterator[Any]) -> Iterator[Any]:
    """Show the pieces to `stream_events`, where it listens."""
    for handler in run.handlers:
        if isinstance(handler, _StreamingCallbackHandler):
            return handler.tap_output_iter(run.run_id, pieces)
    return pieces


def atapped(run: AsyncCallbackManagerForChainRun, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """As `tapped`, asynchronously."""
    for handler in run.handlers:
        if isinstance(handler, _StreamingCallbackHandler):
            return handler.tap_output_aiter(run.run_id, pieces)
    return pieces
