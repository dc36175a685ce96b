"""The choice alone, as a Runnable: messages in, the decision's record out, no expert called."""

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config

from langchain_leeroo.requests import Routed
from langchain_leeroo.runs import summary


class Selector(Runnable[Any, dict[str, Any]]):
    """Decides as the chat model would, and returns the decision.

    Args:
        llm: The router.
        kwargs: Budget kwargs, `tools` and `max_tokens`, as in a call.

    Example:
        ```python
        decision = llm.selector(min_quality=0.8).invoke("Prove that sqrt(2) is irrational.")
        decision["expert"], decision["predicted_quality"], decision["candidates"]
        ```
    """

    def __init__(self, llm: Routed, **kwargs: Any) -> None:
        self.llm = llm
        self.kwargs = kwargs
        self.name = f"{llm._host.name}Selector"

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        """The decision for one input, JSON-safe: `expert`, `predicted_quality`, `rule`, `order`, `candidates`...

        Raises:
            BudgetExceeded: No expert's worst case fits the money.
            NoEligibleExpert: No expert can take the request.
        """
        given = {**self.kwargs, **kwargs}
        config = ensure_config(config)
        return self._call_with_config(lambda one: self._decide(one, config, given), input, config)

    def _decide(self, input: Any, config: RunnableConfig, kwargs: dict[str, Any]) -> dict[str, Any]:
        host = self.llm._host
        request, _ = host.request(input, config, kwargs)
        call = host.open(request)  # never finished: nothing was asked, nothing is written
        return {
            **summary(call.decision, call.id),
            "novelty": round(call.decision.novelty, 4),
            "candidates": [candidate.to_dict() for candidate in call.decision.candidates],
        }
