"""Keep a report small however many scopes and experts a ledger has: the small ones are counted together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

KEPT_SCOPES = 60
KEPT_EXPERTS = 30
MOST_CELLS = 40_000
"""Of time step, scope and expert; a page of that many stays quick on a phone."""
REST_OF_EXPERTS = "(other experts)"


class Place(NamedTuple):
    """A scope of the report.

    Attributes:
        scope: Its name; None: calls without a scope.
        rest: True for all scopes beneath it that are not kept apart ("" is above all scopes).
    """

    scope: str | None
    rest: bool = False


def fold_scopes(spent: Mapping[str | None, int], keep: int) -> dict[str | None, Place]:
    """Where each scope is counted: apart, or with others beneath the nearest kept scope above it.

    A scope that is kept has all above it kept, so that sums over a kept scope and what lies beneath stay exact.

    Args:
        spent: Nano-dollars by scope.
        keep: Most scopes that are kept apart.
    """
    sums: dict[str, int] = {}
    for scope, nano in spent.items():
        for above in _upwards(scope):
            sums[above] = sums.get(above, 0) + nano
    largest = sorted(sums, key=lambda scope: (-sums[scope], scope.count("/"), scope))
    kept = set(largest[:keep])
    places: dict[str | None, Place] = {}
    for scope in spent:
        if scope is None or scope in kept:
            places[scope] = Place(scope)
        else:
            places[scope] = Place(next((above for above in _upwards(scope) if above in kept), ""), rest=True)
    return places


def fold_experts(spent: Mapping[str, int]) -> dict[str, str]:
    """Under which name each expert is counted: the dearest under their own."""
    order = sorted(spent, key=lambda name: (-spent[name], name))
    return {name: name if at < KEPT_EXPERTS else REST_OF_EXPERTS for at, name in enumerate(order)}


def scopes_to_keep(steps: int, experts: int) -> int:
    """How many scopes may be kept apart so that the page has no more than `MOST_CELLS` cells."""
    return max(0, min(KEPT_SCOPES, MOST_CELLS // max(1, steps * min(experts, KEPT_EXPERTS + 1)) - 2))


def add_up(
    rows: Iterable[Sequence[Any]], scopes: Mapping[str | None, int], experts: Mapping[str, int], keys: int
) -> list[list[float]]:
    """Sum the rows that fall together.

    Args:
        rows: Time step, scope, expert, `keys` further keys, then values.
        scopes: Number of the place where each scope is counted.
        experts: Number of the name under which each expert is counted.
        keys: How many columns after the expert are keys.

    Returns:
        Rows of the same columns, scope and expert as numbers, in order.
    """
    end = 3 + keys
    sums: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        key = (int(row[0]), scopes[row[1]], experts[row[2] or ""], *row[3:end])
        values = [value if isinstance(value, float) else int(value) for value in row[end:]]
        old = sums.get(key)
        sums[key] = values if old is None else [a + b for a, b in zip(old, values, strict=True)]
    return [[*key, *sums[key]] for key in sorted(sums)]


def _upwards(scope: str | None) -> list[str]:
    """The scope and all above it, the nearest first."""
    if scope is None:
        return []
    parts = scope.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
