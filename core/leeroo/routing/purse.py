"""The money and tokens of one call: `Purse`, and how much of an answer they pay for, `Fit`."""

from typing import NamedTuple

from leeroo.routing.decision import least_output
from leeroo.selection.selector import Candidate
from leeroo.spent import Spent


class Fit(NamedTuple):
    """How much of an expert's answer the rest of the budget pays for.

    Attributes:
        max_tokens: The output cap to send, None where nothing limits it.
        nano: Nano-dollars, worst case.
        tokens: Input and output tokens, worst case.
    """

    max_tokens: int | None
    nano: int
    tokens: int


class Purse:
    """What one call may spend, has spent, and has set aside.

    Args:
        cap: Nano-dollars that the call may spend, None for no limit.
        tokens_left: Tokens that the limits of its scope leave, None for no limit.
        accounts: The `budget()` blocks that are charged.

    Attributes:
        spent: Nano-dollars.
    """

    def __init__(self, cap: int | None, tokens_left: int | None = None, accounts: tuple[Spent, ...] = ()) -> None:
        self.cap = cap
        self.accounts = accounts
        self.spent = 0
        self._tokens_left = tokens_left
        self._reserved = 0

    @property
    def remaining_nano(self) -> int | None:
        """Nano-dollars neither spent nor reserved, None where there is no cap."""
        return None if self.cap is None else max(0, self.cap - self.spent - self._reserved)

    def fit(self, candidate: Candidate, asked: int | None) -> Fit | None:
        """The output cap that the rest of the money pays for, and the worst case with it; None: it does not fit.

        Args:
            candidate: Who would answer.
            asked: The output cap that the caller gave.
        """
        price = candidate.bound
        cap = candidate.max_tokens
        left = self.remaining_nano
        if left is not None:
            pays = price.affordable_output(candidate.input_upper, left)
            cap = cap if pays is None else min(cap, pays)
            if cap < least_output(candidate):
                return None
        if self._tokens_left is not None:
            # Where even the least output does not fit, the ledger refuses, and its error names the limit.
            cap = max(min(cap, self._tokens_left - candidate.input_upper), least_output(candidate))
        worst = price.worst_cost(candidate.input_upper, cap)
        limited = left is not None or self._tokens_left is not None or asked is not None or candidate.narrowed
        return Fit(cap if limited else None, worst, candidate.input_upper + cap)

    def reserve(self, nano: int, expert: str) -> None:
        """Set worst-case money aside, on every account or on none.

        Raises:
            BudgetExceeded: An account's total would be passed.
        """
        done: list[Spent] = []
        try:
            for account in self.accounts:
                account.reserve(nano)
                done.append(account)
        except BaseException:
            for account in done:
                account.settle(nano, 0, expert)
            raise
        self._reserved += nano

    def settle(self, reserved: int, cost: int, expert: str) -> None:
        """Exchange a reservation for what the attempt really cost."""
        self._reserved -= reserved
        self.spent += cost
        for account in self.accounts:
            account.settle(reserved, cost, expert)

    def count_call(self) -> None:
        """Count one closed call on every account."""
        for account in self.accounts:
            account.count_call()
