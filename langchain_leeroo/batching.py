"""Joint batches: experts chosen for all inputs together, under one total that is never passed."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list

from langchain_leeroo.base import RoutedChatModel
from langchain_leeroo.requests import Planned, Request
from leeroo.budget import Budget
from leeroo.budget import budget as ambient_budget
from leeroo.errors import BudgetExceeded
from leeroo.money import to_nano, to_usd
from leeroo.routing.decision import least_output
from leeroo.selection.selector import Candidate

WHY = "its place in a joint batch"


def plan(
    llm: RoutedChatModel,
    inputs: Sequence[Any],
    configs: Sequence[RunnableConfig],
    max_total_cost: float,
    kwargs: Mapping[str, Any],
) -> list[Request]:
    """One request per input, each with its expert and its share of the total.

    The shares are hard caps of the calls and add up to the total, so the total holds whatever the experts do. Each
    covers what its expert is expected to write; what is left over is dealt out in proportion, as longer answers.

    Args:
        llm: The router.
        inputs: The inputs.
        configs: A config per input.
        max_total_cost: USD.
        kwargs: Call kwargs of every input.

    Raises:
        BudgetExceeded: Even the cheapest experts pass the total. Nothing was spent.
        NoEligibleExpert: No expert can take one of the inputs. Nothing was spent.
    """
    import numpy as np  # here, so that importing the adapter stays cheap

    from leeroo.selection.batch import assign

    total = to_nano(max_total_cost)
    asked = [llm._request(input, config, kwargs) for input, config in zip(inputs, configs, strict=True)]
    judged = []
    for request, _ in asked:
        cap = max_total_cost if request.budget.max_cost is None else min(max_total_cost, request.budget.max_cost)
        judged.append(llm._open(replace(request, budget=replace(request.budget, max_cost=cap))).decision.candidates)
    quality = np.array([[c.quality if c.ineligible is None else -np.inf for c in row] for row in judged])
    cost = np.array([[_least(c) for c in row] for row in judged], dtype=np.float64)
    try:
        chosen = assign(quality, cost, float(total)).experts
    except BudgetExceeded:
        least = sum(min(_least(c) for c in row if c.ineligible is None) for row in judged)
        raise BudgetExceeded(
            f"max_total_cost={max_total_cost} USD: even the cheapest experts may cost {to_usd(least):.9f} USD for "
            f"these {len(inputs)} inputs. Raise it, or shorten the prompts or max_tokens."
        ) from None
    least_costs = [_least(row[index]) for row, index in zip(judged, chosen, strict=True)]
    spare = total - sum(least_costs)
    planned = []
    for (request, _), row, index, least in zip(asked, judged, chosen, least_costs, strict=True):
        share = least + spare * least // max(1, sum(least_costs))
        most = request.budget.max_cost
        share = share if most is None else min(share, to_nano(most))
        query = replace(request.query, sticky=row[index].expert.name, sticky_reason=WHY)
        budget = Budget(max_cost=to_usd(share)).over(request.budget)
        planned.append(replace(request, query=query, budget=budget))
    return planned


def _least(candidate: Candidate) -> int:
    """Nano-dollars below which the expert is not worth asking."""
    price = candidate.expert.price
    assert price is not None  # noqa: S101 - a pool holds priced experts only
    return max(1, price.cost(candidate.input_upper, least_output(candidate)))


class JointBatches(RoutedChatModel):
    """The batch methods, with `max_total_cost`."""

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answer many inputs at once, in their order.

        Args:
            inputs: The inputs.
            config: One config, or one per input; `max_concurrency` limits the threads.
            return_exceptions: Return an input's exception in its place instead of raising it.
            max_total_cost: USD for all inputs together: experts are chosen jointly, and the total is never passed.
            **kwargs: As in `invoke`.
        """
        inputs, config = self._planned(inputs, config, max_total_cost, kwargs)
        with ambient_budget(max_total_cost=max_total_cost):
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """As `batch`, asynchronously."""
        inputs, config = await self._apart(self._planned, inputs, config, max_total_cost, kwargs)
        with ambient_budget(max_total_cost=max_total_cost):
            return await super().abatch(inputs, config, return_exceptions=return_exceptions, **kwargs)

    def batch_as_completed(  # type: ignore[override]
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> Iterator[tuple[int, AIMessage | Exception]]:
        """As `batch`, with (index, answer) as each is there."""
        inputs, config = self._planned(inputs, config, max_total_cost, kwargs)
        yield from super().batch_as_completed(inputs, config, return_exceptions=return_exceptions, **kwargs)  # type: ignore[call-overload]

    async def abatch_as_completed(  # type: ignore[override]
        self,
        inputs: Sequence[LanguageModelInput],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_total_cost: float | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, AIMessage | Exception]]:
        """As `batch_as_completed`, asynchronously."""
        inputs, config = await self._apart(self._planned, inputs, config, max_total_cost, kwargs)
        async for pair in super().abatch_as_completed(  # type: ignore[call-overload]
            inputs, config, return_exceptions=return_exceptions, **kwargs
        ):
            yield pair

    def _planned(self, inputs: Sequence[Any], config: Any, max_total_cost: float | None, kwargs: Any) -> Any:
        """The inputs with their experts and shares, where a total is given."""
        with ambient_budget(max_total_cost=max_total_cost):
            pass  # a bad value is refused before anything else
        if max_total_cost is None or not inputs:
            return inputs, config
        configs = get_config_list(config, len(inputs))
        return [Planned(request) for request in plan(self, inputs, configs, max_total_cost, kwargs)], configs
