"""What is known of a model without any score: price, date, size, tier, whether it thinks."""

import math

from leeroo.pool.kin import release_of, thinks
from leeroo.pool.registry import TIERS, Model

TODAY = 2026.5
"""When a model of the registry is taken to be released of which no date is known, in years: it is new."""
SOMETIME = 2025.5
"""The same for a name that is in no registry: a deployment may hold a model of any year. Of 28 priced models of 2024 to
2026 the mean quality by price alone is .840 as of `TODAY`, .774 as of this date, and .785 by what is known of them."""


def blended(usd_in: float, usd_out: float) -> float:
    """One price of a model for comparisons: three parts input and one output."""
    return (3 * usd_in + usd_out) / 4


def facts_of(usd: float | None, row: Model | None, size: float | None = None) -> list[float]:
    """What is known of a model without any score.

    Args:
        usd: `blended` list price, USD per 1M tokens; None where unknown or free.
        row: The model's row in the registry, None where it has none.
        size: Billions of parameters, where the row does not say.

    Returns:
        1; log10 of the price, the year of release since 2025, whether there is no price; log10 of the size and whether
        it is not known; the tier of models without a known size; whether it thinks before it answers; whether it is a
        base model. `FACTS` names them.
    """
    priced = usd is not None and usd > 0
    released = release_of(row) if row is not None else ""
    undated = SOMETIME if row is None else TODAY
    year = float(released[:4]) + (float(released[5:7]) - 1) / 12 if released else undated
    billions = (row.size if row is not None else None) or size
    tier = TIERS[row.tier] - TIERS[""] if row is not None and not billions else 0.0
    return [
        1.0,
        math.log10(usd) if priced and usd else 0.0,
        year - 2025.0,
        0.0 if priced else 1.0,
        math.log10(billions) - 1.5 if billions else 0.0,
        0.0 if billions else 1.0,
        tier,
        float(row is not None and thinks(row)),
        float(row is not None and row.kind == "base"),
    ]


FACTS = ("one", "price", "year", "no price", "size", "no size", "tier", "thinks", "base")
"""What `facts_of` gives; artifacts of before know the first four."""
