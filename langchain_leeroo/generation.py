"""The older form of a call, `generate`: its configs and its result."""

import uuid
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult, RunInfo
from langchain_core.runnables import RunnableConfig


def configs_of(
    count: int,
    callbacks: Callbacks,
    tags: list[str] | None,
    metadata: dict[str, Any] | None,
    run_name: str | None,
    run_id: uuid.UUID | None,
) -> list[RunnableConfig]:
    """A config for each list of messages; the first one gets the run id that was asked for."""
    configs = []
    for index in range(count):
        config = RunnableConfig(callbacks=callbacks, tags=tags or [], metadata=metadata or {})
        config["run_id"] = run_id if index == 0 and run_id is not None else uuid.uuid4()
        if run_name is not None:
            config["run_name"] = run_name
        configs.append(config)
    return configs


def result_of(answers: Sequence[AIMessage], configs: Sequence[RunnableConfig]) -> LLMResult:
    """The answers as LangChain's older result."""
    runs = [RunInfo(run_id=run_id) for config in configs if (run_id := config.get("run_id")) is not None]
    return LLMResult(
        generations=[[ChatGeneration(message=answer)] for answer in answers], llm_output={}, run=runs or None
    )
