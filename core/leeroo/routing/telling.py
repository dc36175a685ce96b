"""What the log says of a call on its way: `tell_decision`, and `tell_ending` of an attempt that did not end well.

`tell_unknown` says of a pool what its choices rest on, where that is little.
"""

import logging
from collections.abc import Sequence

from leeroo.money import to_usd
from leeroo.routing.attempt import Ending
from leeroo.routing.decision import Decision
from leeroo.routing.logs import event, heard
from leeroo.selection.selector import BY_PRICE, Candidate

logger = logging.getLogger("leeroo")
HELPS = (
    "30 outcomes of yours would do more than anything else: leeroo experts add. "
    "Or give traits: or benchmark: in the pool."
)
"""What to do about experts of which little is known."""
BLIND = f"Nothing but prices is known of any expert of this pool (%s), so the choice rests on them. {HELPS}"
PARTLY = f"Nothing but the price is known of %s, so there is little to compare with the others by. {HELPS}"


def tell_unknown(candidates: Sequence[Candidate]) -> None:
    """Warn of experts of which nothing but the price, or not even that, is known."""
    unknown = [c.expert.name for c in candidates if c.source in BY_PRICE]
    if unknown:
        logger.warning(BLIND if len(unknown) == len(candidates) else PARTLY, ", ".join(unknown))


def tell_decision(call_id: str, decision: Decision, scope: str | None) -> None:
    """Log who was chosen."""
    if heard(logging.INFO):
        event(
            logging.INFO, "decision", call_id=call_id, expert=decision.expert.name, rule=decision.selection.rule,
            adequate=decision.selection.adequate, scope=scope, seconds=round(decision.seconds, 6),
        )  # fmt: skip


def tell_ending(call_id: str, ending: Ending) -> None:
    """Log a failure, and an answer beyond the cap that was sent."""
    expert, failure = ending.candidate.expert, ending.failure
    if failure is not None:
        event(
            logging.DEBUG if failure.kind == "cancelled" else logging.WARNING, "failure", call_id=call_id,
            expert=expert.name, kind=failure.kind, status=failure.status, retry_after=failure.retry_after,
            remedy=failure.remedy or None, latency=round(ending.seconds, 4), cost=to_usd(ending.cost),
        )  # fmt: skip
    if ending.over_cap:
        cost, reserved = to_usd(ending.cost), to_usd(ending.reserved)
        event(logging.ERROR, "over_cap", call_id=call_id, expert=expert.name, cost=cost, reserved=reserved)
