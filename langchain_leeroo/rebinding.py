"""Call kwargs for the model inside what `with_structured_output` returned."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import Runnable, RunnableParallel, RunnableSequence


def rebind(runnable: Runnable[Any, Any], kwargs: Mapping[str, Any]) -> Runnable[Any, Any]:
    """Bind kwargs to the model inside what `with_structured_output` returned.

    LangChain's chain of model and parser passes call kwargs to its first step, but a map of steps (`include_raw=True`)
    passes none: an output cap would be lost there.
    """
    if not kwargs:
        return runnable
    if isinstance(runnable, RunnableSequence):
        first: Any = rebind(runnable.first, kwargs)
        return RunnableSequence(first, *runnable.middle, runnable.last, name=runnable.name)
    if isinstance(runnable, RunnableParallel):
        steps: Any = {key: rebind(step, kwargs) if key == "raw" else step for key, step in runnable.steps__.items()}
        return RunnableParallel(steps)
    return runnable.bind(**kwargs)
