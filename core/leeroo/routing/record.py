"""The record of a call: what was decided, tried and paid, JSON-safe, with no prompt text in it."""

from collections.abc import Mapping, Sequence
from typing import Any

from leeroo.money import to_usd
from leeroo.pool.experts import Expert
from leeroo.routing.attempt import Ending, Usage
from leeroo.routing.decision import Decision
from leeroo.routing.purse import Purse
from leeroo.selection.selector import Candidate


def tried(ending: Ending) -> dict[str, Any]:
    """The line of an attempt that was made."""
    return {
        "expert": ending.candidate.expert.name,
        **({"purpose": ending.purpose} if ending.purpose else {}),
        "error": ending.failure.kind if ending.failure else None,
        "status": ending.failure.status if ending.failure else None,
        **({"detail": ending.failure.remedy} if ending.failure and ending.failure.remedy else {}),
        "latency": round(ending.seconds, 4),
        "cost": to_usd(ending.cost),
        **({"over_cap": True} if ending.over_cap else {}),
    }


def passed_over(candidate: Candidate, error: str, detail: str) -> dict[str, Any]:
    """The line of an expert that was not asked."""
    return {"expert": candidate.expert.name, "error": error, "detail": detail, "latency": 0.0, "cost": 0.0}


def ended_early(extra: Mapping[str, Any], *, given_up: bool) -> dict[str, Any]:
    """What a policy that asks several experts has added; of a consultation that came to no end, what ended it.

    Args:
        extra: What it has added.
        given_up: Whether the caller has left, or interrupted the call.
    """
    told = extra.get("consult")
    if told is None or told["stopped"] is not None:
        return dict(extra)
    return {**extra, "consult": {**told, "stopped": "cancelled" if given_up else "failed"}}


def record_of(
    call_id: str,
    decision: Decision,
    purse: Purse,
    attempts: Sequence[dict[str, Any]],
    answered: tuple[Candidate, Usage] | None,
    reference: Expert,
    *,
    estimated: bool,
    without_ledger: bool,
) -> dict[str, Any]:
    """Write a call's record.

    Args:
        call_id: The call.
        decision: Which experts, in which order, and why.
        purse: What it may spend and has spent.
        attempts: From `tried` and `passed_over`, in order.
        answered: Who answered and what it used.
        reference: The expert that `saved` is measured against.
        estimated: Whether part of the cost was counted by Leeroo.
        without_ledger: Whether an attempt went on although the ledger was down.
    """
    selection = decision.selection
    candidate, usage = answered or (decision.chosen if selection.order else None, None)
    return {
        "call_id": call_id,
        "expert": candidate.expert.name if candidate else None,
        "model": candidate.expert.model_id if candidate else None,
        "predicted_quality": round(candidate.quality, 4) if candidate else None,
        "base_quality": candidate.base_quality if candidate else None,
        "adequate": candidate is not None and selection.is_adequate(candidate),
        "rule": selection.rule,
        "novelty": round(decision.novelty, 4),
        **({"kinds": {kind: round(share, 3) for kind, share in decision.kinds}} if decision.kinds else {}),
        "candidates": [c.to_dict() for c in decision.candidates],
        "budget": decision.budget.to_dict(),
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        **_money(candidate, usage, purse, attempts, reference, estimated),
        "attempts": list(attempts),
        "ledger_down": without_ledger,
        "router_latency": round(decision.seconds, 6),
    }


def _money(
    candidate: Candidate | None,
    usage: Usage | None,
    purse: Purse,
    attempts: Sequence[dict[str, Any]],
    reference: Expert,
    estimated: bool,
) -> dict[str, Any]:
    """What was expected, paid and saved: the reference would have used the same tokens."""
    reference_cost = reference.known_price.cost(usage.input_tokens, usage.output_tokens) if usage else None
    return {
        "expected_cost": to_usd(candidate.expected_cost) if candidate else None,
        "cost": to_usd(purse.spent),
        "cost_is_estimate": estimated,
        "over_cap": any(attempt.get("over_cap") for attempt in attempts),
        **({"input_cut": True} if usage and _was_cut(candidate, attempts) else {}),
        "remaining": None if purse.cap is None else to_usd(purse.cap - purse.spent),
        "reference_expert": reference.name,
        "reference_cost": None if reference_cost is None else to_usd(reference_cost),
        "saved": None if reference_cost is None else to_usd(reference_cost - purse.spent),
    }


def _was_cut(candidate: Candidate | None, attempts: Sequence[dict[str, Any]]) -> bool:
    """Whether who has answered has read a part of the prompt only."""
    return candidate is not None and any(a.get("input_cut") and a["expert"] == candidate.expert.name for a in attempts)
