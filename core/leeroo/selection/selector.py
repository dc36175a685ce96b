"""Whom to pick: the cheapest adequate expert, the best within budget, or the best value.

Pure functions of predictions, prices and constraints; nothing here knows how an expert is called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot, inf
from statistics import NormalDist
from typing import Literal, NamedTuple

from leeroo.budget import DEFAULT_CONFIDENCE, DEFAULT_TOLERANCE, Budget
from leeroo.money import NANO, to_usd
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price

BY_PRICE = ("price", "prior")
"""Sources of predictions that rest on nothing but an expert's price, or not even that."""
EPSILON = 1e-6
"""A quality of 0.8 that arrives as float32 0.79999995 is 0.8."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One expert of the pool, judged for one query.

    Attributes:
        expert: Who.
        quality: Predicted P(score), 0..1.
        source: Where the prediction comes from: "learned", "benchmark", "prior" or "constant".
        input_tokens: Expected input tokens.
        input_upper: Upper bound of the input tokens.
        output_tokens: Expected output tokens.
        expected_cost: Nano-dollars.
        worst_cost: Nano-dollars, with the upper bound of the input and the full output cap.
        max_tokens: Output cap.
        latency: Estimated seconds, None when nothing is known.
        ineligible: Why the expert cannot be used for this call, None when it can.
        base_quality: What the predictor said, where feedback has changed it since.
        narrowed: Whether the expert has said that it gives no more than `max_tokens`: the cap is sent even where no
            money and no caller limits it.
        price: The price that bounds this request, where it is not the expert's plain one.
        kept: How long it is asked to keep the input in its cache, None: it is not asked.
    """

    expert: Expert
    quality: float
    source: str
    input_tokens: int
    input_upper: int
    output_tokens: int
    expected_cost: int
    worst_cost: int
    max_tokens: int
    latency: float | None = None
    ineligible: str | None = None
    base_quality: float | None = None
    doubt: float = 0.0
    grounds: str = ""
    price: Price | None = None
    narrowed: bool = False
    kept: Literal["5m", "1h"] | None = None

    @property
    def bound(self) -> Price:
        """The price by which the worst case is counted."""
        return self.price or self.expert.known_price

    def to_dict(self) -> dict[str, object]:
        """The candidate for the record, JSON-safe, in USD."""
        return {
            "expert": self.expert.name,
            "quality": round(self.quality, 4),
            "source": self.source,
            "output_tokens": self.output_tokens,
            "expected_cost": to_usd(self.expected_cost),
            "worst_cost": to_usd(self.worst_cost),
            "latency": None if self.latency is None else round(self.latency, 3),
            "ineligible": self.ineligible,
            **({} if self.base_quality is None else {"base_quality": round(self.base_quality, 4)}),
            **({"doubt": round(self.doubt, 4)} if self.doubt else {}),
            **({"grounds": self.grounds} if self.grounds else {}),
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """The order in which experts are tried.

    Attributes:
        order: Eligible candidates, the chosen one first, then the fallbacks.
        adequate: Whether the chosen one meets the rule.
        rule: The rule in words.
        least_quality: Predicted quality from which on a candidate is adequate; None where the rule names none.
        margin: How much more is asked of an expert for doubt, by name.
    """

    order: tuple[Candidate, ...]
    adequate: bool
    rule: str
    least_quality: float | None = None
    margin: Mapping[str, float] = field(default_factory=dict)

    def is_adequate(self, candidate: Candidate) -> bool:
        """Whether one of `order`, a fallback for example, meets the rule."""
        if self.least_quality is None or not self.adequate:
            return self.adequate
        return candidate.quality - self.margin.get(candidate.expert.name, 0.0) >= self.least_quality - EPSILON


class Toll(NamedTuple):
    """What using paced limits costs a call beside the expert's price, see `leeroo.selection.pacing`.

    Attributes:
        nano: Quality per nano-dollar.
        token: Quality per token.
    """

    nano: float
    token: float = 0.0


def select(candidates: Sequence[Candidate], budget: Budget, toll: Toll | None = None) -> Selection:
    """Order the eligible candidates by the budget's rule.

    - `expert`: the pinned one, then nothing: a pin is not a wish.
    - `willingness_to_pay` w: by quality x w - expected cost, the largest first.
    - `min_quality` m: adequate when quality >= m; `tolerance` t with `confidence` c: adequate when
      P(Q_e >= Q_best - t) >= c for Q ~ N(quality, doubt^2), that is, when

          quality_e >= quality_best - t + z_c sqrt(doubt_e^2 + doubt_best^2),   z_c = the normal quantile of c.

      The best is adequate. With c = 0.5 doubt does not count; above it, an expert of which little is known must be
      expected to be better before it is taken for its price; below it (0.4 is the default), what cannot be told apart
      counts as alike, and the price decides. The cheapest adequate one first, then
      the other adequate ones by cost, then the rest by quality. None adequate: by quality.

    Args:
        candidates: All candidates; ineligible ones are left out of the order.
        budget: The rule and its value.
        toll: The price of paced limits: the rule's worth of each candidate less the toll decides.
    """
    eligible = [c for c in candidates if c.ineligible is None]
    if budget.expert is not None:
        return Selection(tuple(eligible), adequate=bool(eligible), rule=f"pinned to {budget.expert}")
    if not eligible:
        return Selection((), adequate=False, rule="none eligible")
    if budget.willingness_to_pay is not None:
        worth = budget.willingness_to_pay * NANO
        if toll is not None:
            own = Toll(toll.nano + (1 / worth if worth else inf), toll.token)
            return _paced(eligible, None, own, f"most value at {budget.willingness_to_pay} USD a right answer")
        order = sorted(eligible, key=lambda c: (c.expected_cost - c.quality * worth, c.expected_cost))
        return Selection(
            tuple(order), adequate=True, rule=f"most value at {budget.willingness_to_pay} USD a right answer"
        )
    margin: Mapping[str, float] = {}
    if budget.min_quality is not None:
        least, rule = budget.min_quality, f"cheapest with quality of at least {budget.min_quality}"
    else:
        tolerance = DEFAULT_TOLERANCE if budget.tolerance is None else budget.tolerance
        best = max(eligible, key=lambda c: (c.quality, -c.expected_cost))
        least = best.quality - tolerance
        rule = f"cheapest within {tolerance} of the best"
        margin = _margins(eligible, best, DEFAULT_CONFIDENCE if budget.confidence is None else budget.confidence)
    if toll is not None:
        return _paced(eligible, least, toll, rule)
    enough = least - EPSILON
    adequate: list[Candidate] = []
    rest: list[Candidate] = []
    for c in eligible:
        (adequate if c.quality - margin.get(c.expert.name, 0.0) >= enough else rest).append(c)
    adequate.sort(key=lambda c: (c.expected_cost, -c.quality))
    rest.sort(key=lambda c: (-c.quality, c.expected_cost))
    if not adequate:
        instead = f"{rule}: none, so the best, of {rest[0].quality:.3g}"
        return Selection(tuple(rest), adequate=False, rule=instead, least_quality=least)
    return Selection((*adequate, *rest), adequate=True, rule=rule, least_quality=least, margin=margin)


def _margins(eligible: Sequence[Candidate], best: Candidate, confidence: float) -> Mapping[str, float]:
    """z_c sqrt(doubt_e^2 + doubt_best^2) of every expert but the best."""
    if not any(c.doubt for c in eligible):
        return {}
    z = NormalDist().inv_cdf(min(max(confidence, 1e-6), 1 - 1e-6))
    return {c.expert.name: z * hypot(c.doubt, best.doubt) for c in eligible if c is not best}


def _paced(eligible: Sequence[Candidate], least: float | None, toll: Toll, rule: str) -> Selection:
    """By the rule's worth of a candidate's quality less the toll on its use; quality above `least` is worth nothing."""
    enough = inf if least is None else least - EPSILON

    def value(c: Candidate) -> float:
        worth = least if least is not None and c.quality >= enough else c.quality
        # An infinite price times nothing is nothing.
        due = (toll.nano * c.expected_cost if c.expected_cost else 0) + toll.token * (c.input_tokens + c.output_tokens)
        return worth - due

    order = tuple(sorted(eligible, key=lambda c: (-value(c), c.expected_cost)))
    adequate = least is None or order[0].quality >= enough
    prices = [f"{to_usd(1) / toll.nano:.3g} USD"] if toll.nano else []
    prices += [f"{1 / toll.token:.3g} tokens"] if toll.token else []
    shown = f"paced, a right answer is worth {' and '.join(prices)}: {rule}" if prices else f"paced: {rule}"
    return Selection(order, adequate=adequate, rule=shown, least_quality=least)
