"""The hypotheses about states, which cluster is right, and what each draw did under them: `Hypotheses`.

Where an expert has said the same wrong thing more than once, each time may have been a fresh answer or a repetition of
an earlier one; every such case is a row of its own, and a hypothesis is the sum of its rows. The rest is one row each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from leeroo.consult.places import ABSTAINED, UNASKED

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Hypotheses:
    """Rows, hypothesis by hypothesis, state by state.

    Attributes:
        roles: What experts did, shape (rows, features). An expert of n draws has the features: a first, second, ...
            n-th right draw; how many fresh wrong ones; a first, second, ... n-th abstention.
        again: How many wrong draws repeat an earlier one, shape (rows,).
        draws: How many experts have a second, third, ... draw, shape (rows, most draws - 1).
        ways: Log of how many ways there are to say which draws repeat which, shape (rows,).
        old: Which of the root's clusters is right; their number where none of them is. Shape (rows,).
        counts: Blocks of fresh wrong answers by size, shape (rows, sizes).
        spread: The first row of each hypothesis.
        cluster: Which cluster is right, -1 for none; the first of each state's hypotheses is that none is.
        starts: The first hypothesis of each state.
    """

    roles: Floats
    again: Floats
    draws: Floats
    ways: Floats
    old: Indices
    counts: Indices
    spread: Indices
    cluster: Indices
    starts: Indices

    @property
    def repeated(self) -> bool:
        """Whether any expert has more than one draw."""
        return self.draws.size > 0


def hypotheses(
    table: Indices, begins: Sequence[int], sizes: Sequence[int] = (), truths: Indices | None = None
) -> Hypotheses:
    """The hypotheses of some states.

    Args:
        table: The places of all draws, shape (states, draws).
        begins: Where each expert's draws begin, and their number at the end.
        sizes: Of clusters, by answers that are in none of the columns.
        truths: Of every state the one cluster that may be right, -1 for none, less for any; any of all when absent.
    """
    clusters = np.maximum(len(sizes), table.max(axis=1, initial=-1) + 1)
    any_of = np.ones(len(table), dtype=np.bool_) if truths is None else truths < -1
    many = np.where(any_of, clusters + 1, 1)
    starts = np.cumsum(many) - many
    state = np.repeat(np.arange(len(table)), many)
    cluster = np.arange(len(state)) - starts[state] - 1
    if truths is not None:
        cluster = np.where(any_of[state], cluster, truths[state])
    place = table[state]
    right = (place == cluster[:, None]) & (place >= 0)
    most = max([int(clusters.max(initial=0)), 1])
    row, fresh, said, ways = _cases(place, right, begins, most)
    repeats = max(np.diff(begins), default=1)
    drawn = [(place[:, begin:end] != UNASKED).sum(axis=1) for begin, end in pairwise(begins)]
    blocks = fresh.sum(axis=1)
    blocks[:, : len(sizes)] += np.array(sizes, dtype=np.int64)
    blocks[cluster[row][:, None] == np.arange(most)] = 0
    top = sum(sizes) + table.shape[1]
    return Hypotheses(
        roles=_roles(right[row], place[row] == ABSTAINED, fresh.sum(axis=2), begins),
        again=(said - fresh).sum(axis=(1, 2)).astype(np.float64),
        draws=np.array([np.sum([d > i for d in drawn], axis=0) for i in range(1, repeats)], dtype=np.float64)
        .reshape(repeats - 1, len(state))
        .T[row],
        ways=ways,
        old=np.where((cluster >= 0) & (cluster < len(sizes)), cluster, len(sizes))[row],
        counts=(blocks[:, :, None] == np.arange(top + 1)).sum(axis=1),
        spread=np.searchsorted(row, np.arange(len(state))),
        cluster=cluster,
        starts=starts,
    )


def _cases(
    place: Indices, right: Flags, begins: Sequence[int], clusters: int
) -> tuple[Indices, Indices, Indices, Floats]:
    """The cases of each hypothesis: its row, fresh wrong and all wrong draws (rows, experts, clusters), log ways."""
    experts = len(begins) - 1
    said = np.zeros((len(place), experts, clusters), dtype=np.int64)
    for e, (begin, end) in enumerate(pairwise(begins)):
        own = np.where(right[:, begin:end], ABSTAINED, place[:, begin:end])
        said[:, e] = (own[:, :, None] == np.arange(clusters)).sum(axis=1)
    row, fresh, ways = np.arange(len(place)), np.minimum(said, 1), np.zeros(len(place))
    lots = log_ways(int(said.max(initial=1)))
    for e, k in np.argwhere((said > 1).any(axis=0)).tolist():
        times = np.maximum(said[row, e, k], 1)
        kept = np.repeat(np.arange(len(row)), times)
        nth = np.arange(len(kept)) - (np.cumsum(times) - times)[kept] + 1
        row, fresh, ways = row[kept], fresh[kept], ways[kept]
        fresh[:, e, k] = np.minimum(nth, said[row, e, k])
        ways = ways + lots[said[row, e, k], fresh[:, e, k]]
    return row, fresh, said[row], ways


def _roles(right: Flags, silent: Flags, fresh: Indices, begins: Sequence[int]) -> Floats:
    columns: list[npt.NDArray[np.generic]] = []
    for e, (begin, end) in enumerate(pairwise(begins)):
        good, quiet = right[:, begin:end].sum(axis=1), silent[:, begin:end].sum(axis=1)
        columns += [good > i for i in range(end - begin)]
        columns.append(fresh[:, e])
        columns += [quiet > i for i in range(end - begin)]
    return np.array(columns, dtype=np.float64).reshape(len(columns), len(right)).T.copy()


def log_ways(most: int) -> Floats:
    """Log of the ways that n draws have l fresh ones among them, n, l = 0..most: unsigned Stirling numbers.

    The n-th draw is fresh, or repeats one of the n - 1 before it.
    """
    ways = np.zeros((most + 1, most + 1))
    ways[0, 0] = 1.0
    for n in range(1, most + 1):
        ways[n, 1:] = ways[n - 1, :-1]
        ways[n] += (n - 1) * ways[n - 1]
    with np.errstate(divide="ignore"):
        return np.log(ways)
