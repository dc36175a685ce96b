"""Joint batches: experts chosen for all inputs together, under one total that is never passed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.runnables.config import get_config_list

from langchain_leeroo.requests import Host, Planned, Request
from leeroo.budget import Budget
from leeroo.budget import budget as ambient_budget
from leeroo.errors import BudgetExceeded
from leeroo.money import exact_usd, to_nano, to_usd
from leeroo.routing.decision import Decision, least_output
from leeroo.selection.selector import Candidate

WHY = "its place in a joint batch"


def planned(
    host: Host, inputs: Sequence[Any], config: Any, max_total_cost: float | None, kwargs: Mapping[str, Any]
) -> tuple[Any, Any]:
    """The inputs with their experts and shares, and their configs, where a total is given; else both as they are.

    Args:
        host: The router's.
        inputs: The inputs.
        config: One config, one per input, or None.
        max_total_cost: USD.
        kwargs: Call kwargs of every input.

    Raises:
        BudgetExceeded: Even the cheapest experts pass the total. Nothing was spent.
        NoEligibleExpert: No expert can take one of the inputs. Nothing was spent.
    """
    with ambient_budget(max_total_cost=max_total_cost):
        pass  # a bad value is refused before anything else
    if max_total_cost is None or not inputs:
        return inputs, config
    configs = get_config_list(config, len(inputs))
    asked = [host.request(input, config, kwargs)[0] for input, config in zip(inputs, configs, strict=True)]
    return [Planned(request) for request in _plan(host, asked, max_total_cost)], configs


def _plan(host: Host, asked: Sequence[Request], max_total_cost: float) -> list[Request]:
    """Each request with its expert and its share of the total.

    The shares are hard caps of the calls and add up to the total, so the total holds whatever the experts do. Each
    covers what its expert is expected to write; what is left over is dealt out in proportion, as longer answers. Calls
    that consult are dealt it for further asks: the more, the more doubtful the planned expert's answer is.
    """
    decisions = [_judge(host, request, max_total_cost) for request in asked]
    chosen = _choose([decision.candidates for decision in decisions], max_total_cost)
    least_costs = [_least(candidate) for candidate in chosen]
    total = to_nano(max_total_cost)
    spare = total - sum(least_costs)
    consult = [decision.budget.consults for decision in decisions]
    weights = [_weight(*one) for one in zip(chosen, least_costs, consult, strict=True)]
    found = []
    for request, candidate, least, weight, consults in zip(asked, chosen, least_costs, weights, consult, strict=True):
        share = least + spare * weight // max(1, sum(weights))
        most = request.budget.max_cost
        share = share if most is None else min(share, to_nano(most))
        sticky = None if consults else candidate.expert.name  # a consultation asks whom it likes, within its share
        query = replace(request.query, sticky=sticky, sticky_reason=WHY) if sticky else request.query
        found.append(replace(request, query=query, budget=Budget(max_cost=to_usd(share)).over(request.budget)))
    return found


def _weight(candidate: Candidate, least: int, consults: bool) -> int:
    """By what the rest of the money is dealt out, nano-dollars."""
    doubt = 4 * candidate.quality * (1 - candidate.quality) if consults else 1.0
    return max(1, round(least * doubt))


def _judge(host: Host, request: Request, most: float) -> Decision:
    """Every expert on a request, none of which may cost more than the total."""
    cap = most if request.budget.max_cost is None else min(most, request.budget.max_cost)
    return host.open(replace(request, budget=replace(request.budget, max_cost=cap))).decision


def _choose(judged: Sequence[tuple[Candidate, ...]], max_total_cost: float) -> list[Candidate]:
    """The experts that are best together within the total."""
    import numpy as np  # here, so that importing the adapter stays cheap

    from leeroo.selection.batch import assign

    quality = np.array([[c.quality if c.ineligible is None else -np.inf for c in row] for row in judged])
    cost = np.array([[_least(c) for c in row] for row in judged], dtype=np.float64)
    try:
        chosen = assign(quality, cost, float(to_nano(max_total_cost))).experts
    except BudgetExceeded:
        least = sum(min(_least(c) for c in row if c.ineligible is None) for row in judged)
        raise BudgetExceeded(
            f"max_total_cost={max_total_cost} USD: even the cheapest experts may cost {exact_usd(least)} for "
            f"these {len(judged)} inputs. Raise it, or shorten the prompts or max_tokens."
        ) from None
    return [row[index] for row, index in zip(judged, chosen, strict=True)]


def _least(candidate: Candidate) -> int:
    """Nano-dollars below which the expert is not worth asking."""
    price = candidate.expert.price
    assert price is not None  # noqa: S101 - a pool holds priced experts only
    return max(1, price.cost(candidate.input_upper, least_output(candidate)))
