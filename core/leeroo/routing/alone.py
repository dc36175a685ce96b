"""Why one expert answers alone although the budget lets several be asked."""

from typing import Any

from leeroo.routing.call import Call


def why_alone(call: Call) -> str | None:
    """The reason for the record; None where several may be asked."""
    if call.decision.budget.expert is not None:
        return "the call is pinned"
    if call.query.sticky is not None and call.decision.chosen.expert.name == call.query.sticky:
        return call.query.sticky_reason
    if len(call.decision.selection.order) < 2:
        return "one expert is eligible"
    return None


def nothing_asked(reason: str) -> dict[str, Any]:
    """What the record says under `consult` where one expert answers alone."""
    return {"asks": [], "compared": False, "clusters": [], "posterior": None, "rounds": 0, "stopped": reason}
