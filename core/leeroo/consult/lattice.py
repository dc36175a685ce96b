"""What may become known from here: the states that asks can lead to, as index arrays. Structure only, no numbers.

A state says of each draw of an expert (its first answer, or a repeated one) whether it is unasked, has abstained, or
which cluster its answer is in. From a given state only four things shape what may follow: the sizes of its clusters,
what repeated experts have said, how many draws of whom are left, and how many of them may still be asked. So lattices
are made once for each such shape and kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leeroo.consult.hypotheses import Hypotheses, hypotheses
from leeroo.consult.places import ABSTAINED, UNASKED, State

Indices = npt.NDArray[np.int64]
MOST_STATES = 3500
"""Look-ahead goes as deep as this many states allow: to the end for six experts."""
MOST_REPEATED = 1200
"""The same where experts may be asked again: their lattices have more shapes, and each is made anew."""


class Drawn(NamedTuple):
    """An expert of a lattice.

    Attributes:
        places: Of its draws so far.
        left: How many more there may be.
    """

    places: tuple[int, ...] = ()
    left: int = 1


@dataclass(frozen=True)
class Level:
    """The states of a lattice after the same number of asks, and what each ask may bring.

    Attributes:
        first: The level's first state.
        size: How many states it has.
        asks: Which expert each ask is of, shape (states, asks). Where a state has fewer its last one stands again.
        children: States that asks lead to, ask by ask, flat.
        starts: Where in `children` each ask begins, flat over (states, asks).
    """

    first: int
    size: int
    asks: Indices
    children: Indices
    starts: Indices


@dataclass(frozen=True)
class Lattice:
    """All states within some asks of a root, level by level.

    Attributes:
        states: By the places of the draws of the experts left, those so far and those to come; the root is 0.
        asked: How many more draws of an expert a state has than the root, shape (states, experts with draws left).
        levels: All but the last, whose states ask nobody.
        rows: The hypotheses of each state: which cluster is right.
    """

    states: dict[State, int]
    asked: Indices
    levels: tuple[Level, ...]
    rows: Hypotheses


@lru_cache(maxsize=512)
def lattice(sizes: tuple[int, ...], experts: tuple[Drawn, ...], depth: int) -> Lattice:
    """The lattice of a shape.

    Args:
        sizes: Of the root's clusters, without the draws of `experts`.
        experts: Those with draws left, then those without whose several draws say something together.
        depth: How many asks to look ahead.
    """
    root: State = tuple(place for one in experts for place in (*one.places, *(UNASKED,) * one.left))
    old = max([len(sizes), *(place + 1 for place in root)])
    begins = np.cumsum([0, *(len(one.places) + one.left for one in experts)]).tolist()
    ends = begins[1:]
    states, levels = {root: 0}, []
    level = [root]
    for _ in range(min(depth, sum(one.left for one in experts))):
        following: list[State] = []
        asks: list[list[int]] = []
        after: list[list[list[int]]] = []
        for state in level:
            asks.append([e for e, one in enumerate(experts) if one.left and state[ends[e] - 1] == UNASKED])
            after.append([])
            for e in asks[-1]:
                after[-1].append([])
                for child in _children(state, state.index(UNASKED, begins[e]), old):
                    if child not in states:
                        states[child] = len(states)
                        following.append(child)
                    after[-1][-1].append(states[child])
        levels.append(_level(states[level[0]], asks, after))
        level = following
    table = np.array(list(states), dtype=np.int64).reshape(len(states), len(root))
    asked = [
        (table[:, begin + len(one.places) : end] != UNASKED).sum(axis=1)
        for one, begin, end in zip(experts, begins, ends, strict=False)
        if one.left
    ]
    return Lattice(
        states=states,
        asked=np.array(asked, dtype=np.int64).reshape(-1, len(states)).T,
        levels=tuple(levels),
        rows=hypotheses(table, begins, sizes),
    )


def depth_for(clusters: int, draws: int | Sequence[int], most: int | None = None) -> int:
    """How far the look-ahead may go: as deep as `most` states allow, at least two asks.

    Args:
        clusters: Of the root.
        draws: How many experts are left, or how many draws each of them has left.
        most: How many states there may be; when absent it is `MOST_STATES`, or `MOST_REPEATED` with more than one draw.
    """
    left = [1] * draws if isinstance(draws, int) else list(draws)
    if most is None:
        most = MOST_STATES if max(left, default=1) < 2 else MOST_REPEATED
    total = sum(left)
    chosen = [1] + [0] * total  # ways to take so many draws, each expert's in their order
    for own in left:
        chosen = [sum(chosen[max(0, d - own) : d + 1]) for d in range(total + 1)]
    states, ways = 1, [1] + [0] * total
    # ways[k]: places after some asks, by new clusters; abstaining is one more place to be.
    for depth in range(1, total + 1):
        ways = [ways[k] * (clusters + k + 1) + (ways[k - 1] if k else 0) for k in range(total + 1)]
        states += chosen[depth] * sum(ways)
        if states > most and depth > 2:
            return depth - 1
    return total


def _level(first: int, asks: list[list[int]], after: list[list[list[int]]]) -> Level:
    """A level from each state's asks, and what they may bring."""
    width = max(map(len, asks))
    for own, brought in zip(asks, after, strict=True):
        while len(own) < width:
            own.append(own[-1])
            brought.append(brought[-1])
    flat = [one for brought in after for one in brought]
    starts = np.cumsum([0, *map(len, flat)])[:-1]
    children = np.array([child for one in flat for child in one], dtype=np.int64)
    return Level(first, len(asks), np.array(asks, dtype=np.int64).reshape(len(asks), width), children, starts)


def _children(state: State, column: int, old: int) -> list[State]:
    """What the states after an ask may be: it abstains, joins a cluster, or begins a new one."""
    clusters = max(old, 1 + max(state, default=-1))
    return [
        _canonical((*state[:column], place, *state[column + 1 :]), old) for place in (ABSTAINED, *range(clusters + 1))
    ]


def _canonical(state: State, old: int) -> State:
    """New clusters numbered in the order of their first members, so that the order of the asks does not matter."""
    names: dict[int, int] = {}
    return tuple(c if c < old else names.setdefault(c, old + len(names)) for c in state)
