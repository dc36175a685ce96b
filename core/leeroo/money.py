"""Sums of money: whole nano-dollars (10**-9 USD) inside Leeroo, so that sums are exact; users see USD."""

import math

NANO = 1_000_000_000
"""Nano-dollars in one USD."""


def to_nano(usd: float) -> int:
    """USD to nano-dollars, rounded down: a cap never grows by rounding, and `to_usd` is undone exactly."""
    nearest = round(usd * NANO)
    return nearest if nearest / NANO <= usd else nearest - 1


def to_usd(nano: int) -> float:
    """Nano-dollars to USD."""
    return nano / NANO


def exact_usd(nano: int) -> str:
    """A sum to the last nano-dollar, where it is compared with another: "0.00017785 USD"."""
    return f"{to_usd(nano):.9f}".rstrip("0").rstrip(".") + " USD"


def show_usd(amount: float) -> str:
    """A sum for people, to three significant digits: "$0.00000412"."""
    if not amount:
        return "$0"
    digits = max(2, 2 - math.floor(math.log10(abs(amount))))
    text = f"{abs(amount):.{digits}f}"
    return ("-$" if amount < 0 else "$") + (text.rstrip("0").rstrip(".") if digits > 2 else text)
