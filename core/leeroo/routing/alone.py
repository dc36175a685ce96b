"""Why one expert answers alone although the budget lets several be asked."""

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
