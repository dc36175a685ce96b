"""What the budget's rule means for a consult: how much quality a dollar is worth, and where more is worth nothing."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leeroo.budget import DEFAULT_TOLERANCE, Budget
from leeroo.consult.policy import Limits, rate_within
from leeroo.consult.posterior import Outlook

Floats = npt.NDArray[np.float64]
DEMAND = 0.01
"""Under `min_quality` the dearest expert is worth asking for this much probability below it."""


class Rule(NamedTuple):
    """A budget's rule, for one query or several.

    Attributes:
        rate: Quality that a unit of cost is worth, shape (queries,).
        ceiling: Probability above which more is worth nothing.
        words: The rule for the record.
    """

    rate: Floats
    ceiling: float
    words: str


def rule_of(budget: Budget, outlook: Outlook, costs: Floats, *, limits: tuple[Limits, ...] = ()) -> Rule:
    """The rule of a budget.

    `willingness_to_pay` w: a right answer is worth w, so the rate is 1 / w. `min_quality` m: ask on until the posterior
    reaches m, as cheaply as can be expected. `tolerance` t (the default rule): as cheaply as can be, while what is
    expected stays within t of what asking everybody would give.

    Args:
        budget: The budget.
        outlook: From the first state, of all queries.
        costs: Expected USD of asking each expert, shape (queries, experts).
        limits: What asks may use.
    """
    if budget.willingness_to_pay is not None:
        worth = max(budget.willingness_to_pay, 1e-15)
        words = f"consult: most value at {budget.willingness_to_pay} USD a right answer"
        return Rule(np.full(len(costs), 1 / worth), 1.0, words)
    if budget.min_quality is not None:
        words = f"consult: asks on until the answer is right with probability {budget.min_quality}"
        rate = DEMAND / np.maximum(costs.max(axis=1, initial=0.0), 1e-15)
        return Rule(rate, budget.min_quality, words)
    tolerance = DEFAULT_TOLERANCE if budget.tolerance is None else budget.tolerance
    words = f"consult: cheapest within {tolerance} of asking everybody"
    return Rule(rate_within(outlook, costs, tolerance, limits=limits), 1.0, words)
