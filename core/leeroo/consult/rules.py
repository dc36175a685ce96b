"""What the budget's rule means for a consult: how much quality a dollar is worth in each state."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.budget import DEFAULT_TOLERANCE, Budget
from leeroo.consult.policy import Limits, rate_reaching, rate_within
from leeroo.consult.posterior import Outlook

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """A budget's rule, for one call.

    Attributes:
        words: The rule for the record.
        least: The posterior from which on an answer is adequate, None where the rule names none.
        fixed: Quality that a USD is worth, the same in all states; None where `least` decides.
    """

    words: str
    least: float | None
    fixed: float | None

    def rates(self, ahead: Outlook, costs: Floats, *, must: bool, limits: tuple[Limits, ...] = ()) -> Floats:
        """Quality that a USD is worth in a state, shape (1, 1). Arguments as of `policy.plan`."""
        if self.fixed is not None:
            return np.array([[self.fixed]])
        return rate_reaching(ahead, costs, np.array([self.least]), must=must, limits=limits)


def rule_of(budget: Budget, outlook: Outlook, costs: Floats, *, limits: tuple[Limits, ...] = ()) -> Rule:
    """The rule of a budget.

    `willingness_to_pay` w: a right answer is worth w, so the rate is 1 / w. `min_quality` m: ask on, as cheaply as can
    be, until the posterior reaches m. `tolerance` t (the default rule): as cheaply as can be, while what is expected
    stays within t of what asking everybody would give.

    Args:
        budget: The budget.
        outlook: From the first state of one query.
        costs: Expected USD of asking each expert, shape (1, experts).
        limits: What asks may use.
    """
    if budget.willingness_to_pay is not None:
        words = f"consult: most value at {budget.willingness_to_pay} USD a right answer"
        return Rule(words, None, 1 / max(budget.willingness_to_pay, 1e-15))
    if budget.min_quality is not None:
        words = f"consult: asks on until the answer is right with probability {budget.min_quality}"
        return Rule(words, budget.min_quality, None)
    tolerance = DEFAULT_TOLERANCE if budget.tolerance is None else budget.tolerance
    words = f"consult: cheapest within {tolerance} of asking everybody"
    return Rule(words, None, float(rate_within(outlook, costs, tolerance, limits=limits)[0]))
