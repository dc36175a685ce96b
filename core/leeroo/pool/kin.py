"""Which models are of kin: other snapshots and efforts of one, other sizes and generations of a family."""

import math
from functools import cache
from typing import NamedTuple

from leeroo.pool.registry import TIERS, Model, registry


class Relative(NamedTuple):
    """A model of kin.

    Attributes:
        model: Canonical id.
        relation: "effort" or "snapshot" (of one root), "generation" (older or newer at the same size), "size" (of the
            same generation), "family" (both differ).
        distance: See `relatives`.
    """

    model: str
    relation: str
    distance: float


@cache
def relatives(model: str, most: int = 12) -> tuple[Relative, ...]:
    """The nearest kin of a model in the registry, nearest first.

    Distance: 0.5 to the same snapshot at another effort; 1 to another snapshot or variant of the same root. Else,
    within the family: 2; and 1 for each step of generation, counting those that have a model of either's tier (2 at
    most); and the doublings of size between, or, where a size is not known, the steps of tier (1 between a size and
    another tier); and 0.5 where one thinks before it answers and the other does not; and 2 between a base model and
    a tuned one; and 0.25 for another effort. Kin further than 6 is left out. Among the equally distant, those
    released at about the same time come first.

    Args:
        model: Canonical id; an unknown one has no kin.
        most: How many at most.
    """
    own = registry().rows.get(model)
    if own is None:
        return ()
    family = [row for row in registry().models if row.family == own.family]
    kin = [found for row in registry().models if row is not own and (found := _kinship(own, row, family))]
    return tuple(sorted(kin, key=lambda k: (k.distance, _months_apart(own, registry().rows[k.model]), k.model))[:most])


@cache
def release_of(row: Model) -> str:
    """When a model was released, YYYY-MM: where the registry does not say, as its nearest kin; empty where none has."""
    return row.released or next((r for k in relatives(row.model) if (r := registry().rows[k.model].released)), "")


def _kinship(own: Model, other: Model, family: list[Model]) -> Relative | None:
    one_root = registry().root(own.model) == registry().root(other.model)
    if one_root:
        only_effort = own.effort != other.effort and _unlevelled(own) == _unlevelled(other)
        return Relative(other.model, "effort", 0.5) if only_effort else Relative(other.model, "snapshot", 1.0)
    if own.family != other.family or not own.generation or not other.generation:
        return None
    low, high = sorted((own.generation, other.generation))
    # A mini's neighbour is the next mini, though the larger models had generations between.
    tiers = {own.tier, other.tier}
    apart = len({r.generation for r in family if r.tier in tiers and r.generation and low < r.generation <= high})
    size = _size_apart(own, other)
    distance = 2 + apart + size + 2 * (own.kind != other.kind) + 0.25 * (own.effort != other.effort)
    distance += 0.5 * (thinks(own) != thinks(other))
    if apart > 2 or distance > 6:
        return None
    relation = "size" if not apart else "generation" if size < 0.5 else "family"
    return Relative(other.model, relation, round(distance, 2))


def _unlevelled(row: Model) -> str:
    return row.of if row.effort and row.of else row.model


def _size_apart(own: Model, other: Model) -> float:
    if own.size and other.size:
        return abs(math.log2(own.size / other.size))
    if (own.size or other.size) and (own.tier != other.tier or not own.tier):
        return 1.0
    return abs(TIERS[own.tier] - TIERS[other.tier])


def thinks(row: Model) -> bool:
    """Whether a model thinks before it answers, unless told otherwise."""
    return row.effort != "none" and (row.reasoning == "yes" or row.effort is not None)


def _months_apart(own: Model, other: Model) -> int:
    if not own.released or not other.released:
        return 999
    (a, b), (c, d) = (map(int, row.released.split("-")) for row in (own, other))
    return abs(12 * (a - c) + b - d)
