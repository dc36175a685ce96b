"""Spreading a limit over its window: the price that a call pays, beside the expert's, for using some of it.

To buy the most quality with a budget B over a window is, for each call, to pick the expert with the largest
quality - mu x cost, where mu (quality per dollar, the reciprocal of a willingness to pay) is the budget's multiplier.
It is not known beforehand, so it is found on the way by online dual ascent: it rises with what a call spends above its
share and falls with what it spends below (adaptive pacing, Balseiro and Gur 2019; online linear programs, Agrawal and
Devanur 2015). The ascent here is multiplicative (dual mirror descent with the entropy as its reference function,
Balseiro, Lu and Mirrokni 2023), its target is what is left of the budget over what is left of the window (re-solved as
in Agrawal, Wang and Ye 2014), and its step is GAIN over the money left. Such steps telescope:

    log mu = log mu_0 - GAIN x log( (1 - spent / B) / (1 - elapsed) )

So all that the price depends on are the ledger's counter and the time: processes that share a ledger share the price,
and one that restarts goes on with it. `elapsed` is the share of the window's calls that has come, by what former
windows teach where they do, so that a busy noon is no alarm. At the end what is left goes to nothing with the time
left, whatever mu_0 was; a good mu_0 only makes for a steady price. It is the mean price of the last window; in the
first, the price at which a typical call finds its best and its cheapest expert worth the same.

A call's own rule says what quality is worth to it, u(q), and the pacing what it costs, so that the best is chosen by
u(q) - sum over paced limits of mu x use:

- `min_quality` m: u = min(q, m), since more than m is not asked for. `tolerance` t: u = min(q, best - t).
  With mu = 0 these are the plain rules, cheapest adequate; as mu grows the last bits of quality are no longer paid for.
- `willingness_to_pay` w: u = q - cost / w: the willingness becomes w / (1 + w mu), as a bid is shaded in Balseiro and
  Gur's.

Pacing therefore never makes a call dearer than its rule alone; a budget is a ceiling, not an aim.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from leeroo.selection.selector import Candidate, Toll

GAIN = 4.0
"""How strongly the price answers: when a tenth more is left than time, quality is worth half as much again."""
BOUND = 12.0
"""The price stays within e^-12 .. e^12 of its level."""
FEWEST_CALLS = 20
"""A window with fewer calls says nothing about the next one's price."""


class Meter(NamedTuple):
    """A paced limit at one moment.

    Attributes:
        key: Which limit.
        window: Which of its windows.
        unit: What it counts: nano-dollars or tokens.
        amount: The limit.
        used: Spent and reserved.
        elapsed: 0..1, the share of the window's calls that is expected to have come.
    """

    key: int
    window: int
    unit: Literal["usd", "tokens"]
    amount: int
    used: int
    elapsed: float


def pressure(used: int, amount: int, elapsed: float) -> float:
    """The logarithm of mu / mu_0: above 0 where more was used than time has passed, below 0 where less."""
    money = max(1 - used / amount, 1e-6) if amount > 0 else 1e-6
    time = max(1 - elapsed, 1e-3)
    return min(max(GAIN * (math.log(time) - math.log(money)), -BOUND), BOUND)


@dataclass(slots=True)
class _Level:
    """Log prices of one limit: what the window started from, a typical call's, and the sum of the window's own."""

    window: int
    level: float | None = None
    typical: float = 0.0
    seen: int = 0
    sum: float = 0.0
    calls: int = 0


class Pacer:
    """Prices of paced limits for the calls of one router. Thread-safe; reads no clock."""

    def __init__(self) -> None:
        self._levels: dict[int, _Level] = {}
        self._lock = threading.Lock()

    def toll(self, meters: Sequence[Meter], candidates: Sequence[Candidate]) -> Toll | None:
        """What a call pays for using the limits; None where none is paced.

        Args:
            meters: The paced limits above the call's scope; their prices add up.
            candidates: The call's candidates.
        """
        if not meters:
            return None
        nano = token = 0.0
        for meter in meters:
            price = self._price(meter, _typical(meter.unit, candidates))
            nano, token = (nano + price, token) if meter.unit == "usd" else (nano, token + price)
        return Toll(nano, token)

    def _price(self, meter: Meter, typical: float | None) -> float:
        with self._lock:
            state = self._levels.setdefault(meter.key, _Level(meter.window))
            if meter.window != state.window:
                if state.calls >= FEWEST_CALLS:
                    state.level = state.sum / state.calls
                self._levels[meter.key] = state = _Level(meter.window, state.level)
            if typical is not None:
                state.seen += 1
                state.typical += (math.log(typical) - state.typical) / state.seen
            if state.level is None and not state.seen:
                return 0.0  # no call so far had a choice
            level = state.typical if state.level is None else state.level
            found = level + pressure(meter.used, meter.amount, meter.elapsed)
            state.calls += 1
            state.sum += min(max(found, level - 3), level + 3)  # the last moments of a window are no measure
            return math.exp(found)


def use(unit: str, candidate: Candidate) -> int:
    """What a candidate is expected to take of a limit."""
    return candidate.expected_cost if unit == "usd" else candidate.input_tokens + candidate.output_tokens


def _typical(unit: str, candidates: Sequence[Candidate]) -> float | None:
    """Quality per unit between the best and the least demanding eligible candidate, None where there is no choice."""
    eligible = [c for c in candidates if c.ineligible is None]
    if len(eligible) < 2:
        return None
    best = max(eligible, key=lambda c: (c.quality, -use(unit, c)))
    least = min(eligible, key=lambda c: (use(unit, c), -c.quality))
    more, better = use(unit, best) - use(unit, least), best.quality - least.quality
    return better / more if more > 0 and better > 0 else None
