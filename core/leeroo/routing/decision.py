"""What was decided of a request: `Decision`, and the error where nobody can take it."""

from dataclasses import dataclass

from leeroo.budget import Budget
from leeroo.errors import BudgetExceeded, NoEligibleExpert
from leeroo.money import exact_usd
from leeroo.pool.experts import Expert
from leeroo.selection.selector import Candidate, Selection

OVER_BUDGET = "over budget"
"""How the reason of `routing.judging` begins why an expert that is too dear cannot be used."""

TOO_LONG = "the prompt has about"
"""How it begins where the prompt is longer than the expert's context window."""

CANNOT = "cannot do"
"""How it begins where the expert lacks a capability."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Which expert, why, and what comes next if it fails.

    Attributes:
        selection: The order of experts and the rule.
        candidates: Every expert of the pool, judged.
        budget: The merged budget of the call.
        novelty: 0 (like the predictor's training data) .. 1 (unlike it).
        seconds: What the decision took.
        kinds: Kinds of known work and how like them the request is, as (kind, share), the likest first.
    """

    selection: Selection
    candidates: tuple[Candidate, ...]
    budget: Budget
    novelty: float
    seconds: float
    kinds: tuple[tuple[str, float], ...] = ()

    @property
    def chosen(self) -> Candidate:
        """The candidate that is tried first."""
        return self.selection.order[0]

    @property
    def expert(self) -> Expert:
        """The expert that is tried first."""
        return self.chosen.expert


def least_output(candidate: Candidate) -> int:
    """Output tokens below which an expert is not worth asking: what it is expected to write, or its cap."""
    return max(1, min(candidate.max_tokens, candidate.output_tokens))


def least_cost(candidate: Candidate) -> int:
    """Nano-dollars below which an expert is not worth asking, worst case."""
    return candidate.bound.worst_cost(candidate.input_upper, least_output(candidate))


def refusal(decision: Decision, cap: int | None, whose: str | None = None) -> BudgetExceeded | NoEligibleExpert:
    """The error for a request that no expert can take.

    Args:
        decision: What was decided, with why each expert cannot be used.
        cap: Nano-dollars that the call may spend, None for no limit.
        whose: Where the cap comes from and what to do about it; the call's own `max_cost` when absent.
    """
    over = [c for c in decision.candidates if (c.ineligible or "").startswith(OVER_BUDGET)]
    if over and cap is not None:
        cheapest = min(over, key=least_cost)
        return BudgetExceeded(
            f"No expert fits the budget: the cheapest, {cheapest.expert.name!r}, may cost "
            f"{exact_usd(least_cost(cheapest))} for this call (worst case {exact_usd(cheapest.worst_cost)}), "
            f"and the cap is {exact_usd(cap)}. {whose or 'Raise max_cost'}, or shorten the prompt or max_tokens."
        )
    reasons = "; ".join(f"{c.expert.name}: {c.ineligible}" for c in decision.candidates)
    too_long = any((c.ineligible or "").startswith(TOO_LONG) for c in decision.candidates)
    kind = "context_overflow" if too_long else None
    return NoEligibleExpert(f"No expert can take this request ({reasons}).{_remedy(decision)}", kind=kind)


def _remedy(decision: Decision) -> str:
    """What to do where experts lack a capability: what is not declared may only be unknown."""
    if any((c.ineligible or "").startswith(CANNOT) for c in decision.candidates):
        return " If one can, say so in its capabilities: Expert(model=..., capabilities={...})."
    return ""
