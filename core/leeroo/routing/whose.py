"""Whose money a call has run out of: a scope's limit, a block of code's total, or its own `max_cost`."""

from leeroo.budget import Budget
from leeroo.errors import LeerooError
from leeroo.ledger.limits import EVERYTHING
from leeroo.ledger.memory import Ledger
from leeroo.money import to_nano
from leeroo.spent import Spent


def whose_cap(cap: int | None, budget: Budget, accounts: tuple[Spent, ...], ledger: Ledger) -> str | None:
    """Where a cap comes from and what to do about it, for a message; None where it is the call's own, or not known.

    Args:
        cap: Nano-dollars that the call may spend, None for no limit.
        budget: The call's merged budget.
        accounts: The `budget()` blocks around it.
        ledger: Whose limits hold.
    """
    if cap is None or (budget.max_cost is not None and to_nano(min(budget.max_cost, 1e9)) <= cap):
        return None
    for account in accounts:
        if account.remaining_nano == cap:
            return f"That is what max_total_cost={account.max_total_cost} USD of a budget() block leaves: raise it"
    held = getattr(ledger, "limits", None)
    try:
        rows = held(budget.scope or EVERYTHING) if held is not None else ()
    except LeerooError:
        return None  # the refusal stands, and says less
    for row in rows:
        limit = row["limit"]
        if limit.hard and limit.unit == "usd" and row["left"] <= cap:
            window = "in total" if limit.per == "total" else f"per {limit.per}"
            return (
                f"That is what is left of {limit.shown(limit.amount)} {window} of the scope {limit.scope!r} (resets: "
                f"{row['resets']}): wait until then, or raise that limit with `leeroo scopes set`"
            )
    return None
