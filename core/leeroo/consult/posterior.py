"""How probable it is what may become known: every state of a lattice, and in it every cluster, right or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leeroo.consult.lattice import Drawn, Lattice, lattice
from leeroo.consult.model import NODES, ConsultModel, nodes
from leeroo.consult.partitions import log_partitions
from leeroo.consult.places import ABSTAINED, UNASKED, State
from leeroo.consult.repeats import log_again, log_nth, odds_of

Floats = npt.NDArray[np.float64]
NOBODY = -1


@dataclass(frozen=True)
class Outlook:
    """Joint probabilities over a lattice, for several queries that are in the same state.

    Attributes:
        lattice: The states.
        left: The experts that may still be asked, as columns of the predictions (each one's next draw).
        further: The column of the draw after that, `NOBODY` where there is none.
        joint: P(state, its cluster k is right), shape (queries, hypotheses).
        reached: P(state), shape (queries, states).
        best: P(state, its best cluster is right), shape (queries, states).
    """

    lattice: Lattice
    left: tuple[int, ...]
    further: tuple[int, ...]
    joint: Floats
    reached: Floats
    best: Floats

    def posterior(self) -> Floats:
        """P(cluster k is right | the root's state), shape (queries, clusters); what is missing from 1: none is."""
        starts = self.lattice.rows.starts
        here = self.joint[:, : int(starts[1]) if len(starts) > 1 else None]
        return np.asarray(here[:, 1:] / here.sum(axis=1, keepdims=True))


class _Own(NamedTuple):
    """An expert: the places of its draws, and the columns of those that may still be made."""

    column: int
    places: tuple[int, ...]
    open: tuple[int, ...]


def outlook(
    model: ConsultModel,
    quality: Floats,
    names: Sequence[str],
    state: State,
    depth: int,
    *,
    alternatives: int | None = None,
    closed: frozenset[int] = frozenset(),
    shifts: Sequence[float] = (),
    draws: Sequence[int] = (),
) -> Outlook:
    """Look ahead from a state.

    Args:
        model: The model.
        quality: Predicted qualities, 0..1, shape (queries, columns).
        names: The experts, one per column.
        state: Of every column: `UNASKED`, `ABSTAINED` or its cluster, numbered from 0 without gaps.
        depth: How many asks to look ahead; 0 for the posterior alone.
        alternatives: How many wrong answers there are to choose from (options less one), None for without end.
        closed: Columns that cannot be asked any more.
        shifts: Logits added to the chance of each expert whose answer is in a cluster, none where nobody's is moved;
            of several draws of an expert their mean is.
        draws: Of every column the first one of the same expert, whose further draw it is; all are experts of their own
            when absent.
    """
    draws = draws or range(len(state))
    whole = _experts(state, closed, draws)
    live = [one for one in whole if one.open] + [one for one in whole if not one.open and len(one.places) > 1]
    plain = [one for one in whole if not one.open and len(one.places) == 1]
    shape, sizes = _shape(plain, live, depth)
    moved = _moved(whole, draws, state, shifts)
    right, wrong, silent = log_roles(model.chances(quality, names, moved), model.abstentions(names))
    log_joint = shape.rows.roles @ _features(right, wrong, silent, live, odds_of(model.repeat_correlation))
    log_joint += _so_far(right, wrong, silent, plain, sizes)[:, shape.rows.old]
    log_joint += log_partitions(shape.rows.counts, model.log_concentration(), alternatives)
    if shape.rows.repeated:
        log_joint += log_again(shape.rows, odds_of(model.repeat_correlation))[:, None]
    joint = np.exp(log_joint, out=log_joint) @ nodes()[1]
    if shape.rows.repeated:
        joint = np.add.reduceat(joint, shape.rows.spread, axis=1)
    claims = joint.copy()
    claims[:, shape.rows.starts] = 0.0  # each state's first hypothesis is that no cluster is right
    return Outlook(
        lattice=shape,
        left=tuple(one.open[0] for one in live if one.open),
        further=tuple(one.open[1] if len(one.open) > 1 else NOBODY for one in live if one.open),
        joint=joint,
        reached=np.add.reduceat(joint, shape.rows.starts, axis=1),
        best=np.maximum.reduceat(claims, shape.rows.starts, axis=1),
    )


def _experts(state: State, closed: frozenset[int], draws: Sequence[int]) -> list[_Own]:
    columns: dict[int, list[int]] = {}
    for column, first in enumerate(draws):
        columns.setdefault(first, []).append(column)
    return [
        _Own(
            first,
            tuple(state[c] for c in own if state[c] != UNASKED),
            tuple(c for c in own if state[c] == UNASKED and c not in closed),
        )
        for first, own in columns.items()
    ]


def _shape(plain: Sequence[_Own], live: Sequence[_Own], depth: int) -> tuple[Lattice, int]:
    """The lattice of those who are done and of those whose draws say something together; the clusters of the former."""
    sizes = [0] * (1 + max((one.places[0] for one in plain), default=-1))
    for one in plain:
        if one.places[0] != ABSTAINED:
            sizes[one.places[0]] += 1
    drawn = tuple(Drawn(one.places, len(one.open)) for one in live)
    return lattice(tuple(sizes), drawn, min(depth, sum(len(one.open) for one in live))), len(sizes)


def _moved(whole: Sequence[_Own], draws: Sequence[int], state: State, shifts: Sequence[float]) -> list[float]:
    """The logits that are added to the chance of each expert, at its first column."""
    found = [0.0] * len(state)
    for one in whole:
        own = [shifts[c] for c, first in enumerate(draws) if first == one.column and state[c] >= 0] if shifts else []
        found[one.column] = sum(own) / len(own) if own else 0.0
    return found if shifts else []


def _features(right: Floats, wrong: Floats, silent: Floats, live: Sequence[_Own], odds: float) -> Floats:
    """What each feature of `Hypotheses.roles` adds to the log probability, shape (queries, features, nodes)."""
    columns = []
    for one in live:
        e, most = one.column, len(one.places) + len(one.open)
        columns += [log_nth(right[:, e], i, odds) for i in range(most)]
        columns.append(wrong[:, e])
        columns += [log_nth(silent[:, e], i, odds) for i in range(most)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(right), 0, NODES))


def log_roles(chances: Floats, abstention: Floats) -> tuple[Floats, Floats, Floats]:
    """Log probability of being right, of a wrong answer and of an abstention, each (queries, experts, nodes)."""
    wrong = np.log1p(-np.minimum(chances, 1 - 1e-12))
    nu = abstention[:, None]
    return np.log(np.maximum(chances, 1e-12)), wrong + np.log1p(-nu), wrong + np.log(nu)


def _so_far(right: Floats, wrong: Floats, silent: Floats, plain: Sequence[_Own], clusters: int) -> Floats:
    """Log probability of what each expert did, were a cluster right, or (last) none; (queries, clusters + 1, nodes)."""
    found = np.zeros((len(right), clusters + 1, right.shape[2]))
    for one in plain:
        e, place = one.column, one.places[0]
        if place == ABSTAINED:
            found += silent[:, e][:, None]
        else:
            found += wrong[:, e][:, None]
            found[:, place] += right[:, e] - wrong[:, e]
    return found
