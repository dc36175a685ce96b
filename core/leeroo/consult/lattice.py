"""What may become known from here: the states that asks can lead to, as index arrays. Structure only, no numbers.

A state says of each expert whether it is unasked, has abstained, or which cluster its answer is in. From a given state
only three things shape what may follow: the sizes of its clusters, how many experts are left, and how many of them may
still be asked. So lattices are made once for each such shape and kept.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
UNASKED, ABSTAINED = -2, -1
RIGHT, WRONG, SILENT = 0, 1, 2
"""What an asked expert did, under a hypothesis; the order of the columns of `Lattice.roles`."""
MOST_STATES = 3500
"""Look-ahead goes as deep as this many states allow: to the end for six experts."""

State = tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """The states of a lattice after the same number of asks, and what each ask may bring.

    Attributes:
        first: The level's first state.
        size: How many states it has.
        asks: Which expert each ask is of, shape (states, unasked experts).
        children: States that asks lead to, ask by ask, flat.
        starts: Where in `children` each ask begins, flat over (states, unasked experts).
    """

    first: int
    size: int
    asks: Indices
    children: Indices
    starts: Indices


@dataclass(frozen=True)
class Lattice:
    """All states within some asks of a root, level by level, and the hypotheses of each: which cluster is right.

    Attributes:
        states: By the assignment of the experts left: `UNASKED`, `ABSTAINED` or a cluster; the root is 0.
        asked: Whether a state has asked an expert, shape (states, experts).
        levels: All but the last, whose states ask nobody.
        roles: Per hypothesis and expert, one-hot over (right, wrong, silent), shape (hypotheses, 3 x experts).
        old: Which of the root's clusters is right; their number where none of them is. Shape (hypotheses,).
        cluster: Which cluster is right, -1 for none; the first of each state's hypotheses is that none is.
        counts: Blocks of wrong answers by size, shape (hypotheses, sizes).
        starts: The first hypothesis of each state.
    """

    states: dict[State, int]
    asked: npt.NDArray[np.bool_]
    levels: tuple[Level, ...]
    roles: npt.NDArray[np.float64]
    old: Indices
    cluster: Indices
    counts: Indices
    starts: Indices


@lru_cache(maxsize=256)
def lattice(sizes: tuple[int, ...], experts: int, depth: int) -> Lattice:
    """The lattice of a shape.

    Args:
        sizes: Of the root's clusters.
        experts: How many are left to ask.
        depth: How many of them to look ahead.
    """
    root: State = (UNASKED,) * experts
    states, levels = {root: 0}, []
    level = [root]
    for asked in range(min(depth, experts)):
        following: list[State] = []
        asks: list[list[int]] = []
        children: list[int] = []
        starts: list[int] = []
        for state in level:
            open_experts = [e for e in range(experts) if state[e] == UNASKED]
            asks.append(open_experts)
            for e in open_experts:
                starts.append(len(children))
                for child in _children(state, e, len(sizes)):
                    if child not in states:
                        states[child] = len(states)
                        following.append(child)
                    children.append(states[child])
        shaped = np.array(asks, dtype=np.int64).reshape(len(level), experts - asked)
        levels.append(Level(states[level[0]], len(level), shaped, np.array(children), np.array(starts)))
        level = following
    return _with_hypotheses(states, tuple(levels), sizes, experts)


def depth_for(clusters: int, experts: int, most: int = MOST_STATES) -> int:
    """How far the look-ahead may go: as deep as `most` states allow, at least two asks."""
    states, ways = 1, [1] + [0] * experts
    # ways[k]: states after some asks, by new clusters; abstaining is one more place to be.
    choose = 1
    for depth in range(1, experts + 1):
        ways = [ways[k] * (clusters + k + 1) + (ways[k - 1] if k else 0) for k in range(experts + 1)]
        choose = choose * (experts - depth + 1) // depth
        states += choose * sum(ways)
        if states > most and depth > 2:
            return depth - 1
    return experts


def _children(state: State, expert: int, old: int) -> list[State]:
    """What the states after an ask may be: it abstains, joins a cluster, or begins a new one."""
    clusters = max(old, 1 + max(state, default=-1))
    return [
        _canonical((*state[:expert], place, *state[expert + 1 :]), old) for place in (ABSTAINED, *range(clusters + 1))
    ]


def _canonical(state: State, old: int) -> State:
    """New clusters numbered in the order of their first members, so that the order of the asks does not matter."""
    names: dict[int, int] = {}
    return tuple(c if c < old else names.setdefault(c, old + len(names)) for c in state)


def _with_hypotheses(
    states: dict[State, int], levels: tuple[Level, ...], sizes: tuple[int, ...], experts: int
) -> Lattice:
    roles: list[list[int]] = []
    old: list[int] = []
    cluster: list[int] = []
    counts: list[list[int]] = []
    starts: list[int] = []
    most = sum(sizes) + experts
    for state in states:
        starts.append(len(cluster))
        members = list(sizes) + [0] * (max(len(sizes), 1 + max(state, default=-1)) - len(sizes))
        for place in state:
            if place >= 0:
                members[place] += 1
        for right in range(-1, len(members)):
            roles.append([_role(place, right) for place in state])
            old.append(right if 0 <= right < len(sizes) else len(sizes))
            cluster.append(right)
            by_size = [0] * (most + 1)
            for k, size in enumerate(members):
                if k != right:
                    by_size[size] += 1
            counts.append(by_size)
    role = np.array(roles, dtype=np.int64).reshape(len(cluster), experts)
    onehot = (role[:, :, None] == np.arange(3)).reshape(len(cluster), 3 * experts)
    asked = np.array([[place != UNASKED for place in state] for state in states], dtype=np.bool_)
    return Lattice(
        states=states,
        asked=asked.reshape(len(states), experts),
        levels=levels,
        roles=onehot.astype(np.float64),
        old=np.array(old),
        cluster=np.array(cluster),
        counts=np.array(counts),
        starts=np.array(starts),
    )


def _role(place: int, right: int) -> int:
    if place == UNASKED:
        return -1
    if place == ABSTAINED:
        return SILENT
    return RIGHT if place == right else WRONG
