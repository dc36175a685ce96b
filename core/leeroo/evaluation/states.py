"""Many queries of a replay in the same state: looked ahead for together, and whose answer each would return."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from leeroo.consult.lattice import depth_for
from leeroo.consult.model import ConsultModel
from leeroo.consult.places import UNASKED
from leeroo.consult.posterior import Outlook, outlook
from leeroo.evaluation.replaying import MISSING, Game

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
CHUNK = 64
"""Queries that are looked ahead for at once: what bounds the memory."""


def ahead_from(
    game: Game,
    model: ConsultModel,
    rows: Indices,
    state: tuple[int, ...],
    depth: int | None,
    kept: Flags | None = None,
) -> Iterator[tuple[Indices, Outlook, Floats]]:
    """Look ahead from a state for some queries: those with the same experts and alternatives together, in chunks."""
    shut = game.clusters == MISSING if kept is None else (game.clusters == MISSING) | ~kept
    kinds: dict[tuple[int, bytes], list[int]] = {}
    for row in rows.tolist():
        kinds.setdefault((int(game.alternatives[row]), shut[row].tobytes()), []).append(row)
    for (alternatives, _), same in kinds.items():
        closed = frozenset(np.flatnonzero(shut[same[0]]).tolist())
        left = Counter(game.draws[e] for e, place in enumerate(state) if place == UNASKED and e not in closed)
        far = depth_for(1 + max(*state, -1), list(left.values())) if depth is None else depth
        for begin in range(0, len(same), CHUNK):
            at = np.array(same[begin : begin + CHUNK])
            ahead = outlook(
                model, game.quality[at], game.names, state, far, alternatives=alternatives or None, closed=closed,
                draws=game.draws,
            )  # fmt: skip
            yield at, ahead, game.costs[np.ix_(at, np.array(ahead.left, dtype=np.int64))]


def groups_of(states: Indices) -> Iterator[tuple[tuple[int, ...], Indices]]:
    """The different states, and which rows are in each."""
    unique, inverse = np.unique(states, axis=0, return_inverse=True)
    for k, state in enumerate(unique):
        yield tuple(int(place) for place in state), np.flatnonzero(inverse.ravel() == k)


def renumbered(state: tuple[int, ...]) -> tuple[tuple[int, ...], dict[int, int]]:
    """Clusters numbered without gaps: only some of a query's answers are known yet."""
    names: dict[int, int] = {}
    renamed = tuple(place if place < 0 else names.setdefault(place, len(names)) for place in state)
    return renamed, names


def speaker(quality: Floats, state: tuple[int, ...], ahead: Outlook, row: int) -> int:
    """Whose answer is returned: the best-predicted member of the best cluster; if all abstained, of them all."""
    renamed, clusters = renumbered(state)
    if clusters:
        best = int(ahead.posterior()[row].argmax())
        members = [e for e, place in enumerate(renamed) if place == best]
    else:
        members = [e for e, place in enumerate(renamed) if place != UNASKED]
    return max(members, key=lambda e: quality[e])


def speakers(game: Game, model: ConsultModel, rows: Indices, state: tuple[int, ...]) -> Indices:
    """`speaker` of some queries that are in the same state."""
    renamed, _ = renumbered(state)
    found = np.zeros(len(game), dtype=np.int64)
    for at, ahead, _ in ahead_from(game, model, rows, renamed, 0):
        for i, row in enumerate(at):
            found[row] = speaker(game.quality[row], state, ahead, i)
    return found[rows]
