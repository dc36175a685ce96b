"""The running account of a block of calls: `Spent`."""

import threading
from dataclasses import dataclass, field

from leeroo.errors import BudgetExceeded
from leeroo.money import exact_usd, to_nano, to_usd


@dataclass(eq=False)
class Spent:
    """What the calls inside a `budget()` block have cost; live, and safe to read from any thread.

    Attributes:
        calls: Calls that were closed.
        by_expert: USD by expert name.
    """

    max_total_cost: float | None = None
    calls: int = 0
    by_expert: dict[str, float] = field(default_factory=dict)
    _nano: int = 0
    _reserved: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def cost(self) -> float:
        """USD spent so far."""
        return to_usd(self._nano)

    @property
    def remaining(self) -> float | None:
        """USD that further calls may still spend, or None where there is no total."""
        left = self.remaining_nano
        return None if left is None else to_usd(left)

    @property
    def remaining_nano(self) -> int | None:
        """Nano-dollars neither spent nor reserved, or None where there is no total."""
        if self.max_total_cost is None:
            return None
        with self._lock:
            return max(0, to_nano(self.max_total_cost) - self._nano - self._reserved)

    def reserve(self, nano: int) -> None:
        """Set worst-case money aside before an attempt.

        Raises:
            BudgetExceeded: The total would be passed.
        """
        with self._lock:
            if self.max_total_cost is not None:
                left = to_nano(self.max_total_cost) - self._nano - self._reserved
                if nano > left:
                    raise BudgetExceeded(
                        f"max_total_cost={self.max_total_cost} USD leaves {exact_usd(max(0, left))}; "
                        f"the next attempt may cost {exact_usd(nano)}."
                    )
            self._reserved += nano

    def settle(self, reserved: int, actual: int, expert: str) -> None:
        """Exchange a reservation for what the attempt really cost."""
        with self._lock:
            self._reserved -= reserved
            self._nano += actual
            if actual:
                self.by_expert[expert] = round(self.by_expert.get(expert, 0.0) + to_usd(actual), 9)

    def count_call(self) -> None:
        """Count one closed call."""
        with self._lock:
            self.calls += 1
