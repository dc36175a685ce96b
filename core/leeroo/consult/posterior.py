"""How probable it is what may become known: every state of a lattice, and in it every cluster, right or not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.consult.lattice import ABSTAINED, UNASKED, Lattice, State, lattice
from leeroo.consult.model import NODES, ConsultModel, nodes
from leeroo.consult.partitions import log_partitions

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outlook:
    """Joint probabilities over a lattice, for several queries that are in the same state.

    Attributes:
        lattice: The states.
        left: The experts that may still be asked, as columns of the predictions; the lattice's experts.
        joint: P(state, its cluster k is right), shape (queries, hypotheses).
        reached: P(state), shape (queries, states).
        best: P(state, its best cluster is right), shape (queries, states).
    """

    lattice: Lattice
    left: tuple[int, ...]
    joint: Floats
    reached: Floats
    best: Floats

    def posterior(self) -> Floats:
        """P(cluster k is right | the root's state), shape (queries, clusters); what is missing from 1: none is."""
        here = self.joint[:, : _end(self.lattice, 0)]
        return np.asarray(here[:, 1:] / here.sum(axis=1, keepdims=True))


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
) -> Outlook:
    """Look ahead from a state.

    Args:
        model: The model.
        quality: Predicted qualities, 0..1, shape (queries, experts).
        names: The experts, one per column.
        state: Of every expert: `UNASKED`, `ABSTAINED` or its cluster, numbered from 0 without gaps.
        depth: How many asks to look ahead; 0 for the posterior alone.
        alternatives: How many wrong answers there are to choose from (options less one), None for without end.
        closed: Experts that cannot be asked any more.
        shifts: Logits added to the chance of each expert whose answer is in a cluster, none where nobody's is moved.
    """
    shifts = [by if place >= 0 else 0.0 for by, place in zip(shifts, state, strict=True)] if shifts else ()
    left = tuple(e for e, place in enumerate(state) if place == UNASKED and e not in closed)
    sizes = [0] * (1 + max(max(state, default=-1), -1))
    for place in state:
        if place >= 0:
            sizes[place] += 1
    shape = lattice(tuple(sizes), len(left), min(depth, len(left)))
    right, wrong, silent = log_roles(model.chances(quality, names, shifts), model.abstentions(names))
    features = np.stack([right[:, left], wrong[:, left], silent[:, left]], axis=2)
    features = features.reshape(len(quality), 3 * len(left), NODES)
    log_joint = shape.roles @ features
    log_joint += _so_far(right, wrong, silent, state, len(sizes))[:, shape.old]
    log_joint += log_partitions(shape.counts, model.log_concentration(), alternatives)
    joint = np.exp(log_joint, out=log_joint) @ nodes()[1]
    claims = joint.copy()
    claims[:, shape.starts] = 0.0  # each state's first hypothesis is that no cluster is right
    return Outlook(
        lattice=shape,
        left=left,
        joint=joint,
        reached=np.add.reduceat(joint, shape.starts, axis=1),
        best=np.maximum.reduceat(claims, shape.starts, axis=1),
    )


def log_roles(chances: Floats, abstention: Floats) -> tuple[Floats, Floats, Floats]:
    """Log probability of being right, of a wrong answer and of an abstention, each (queries, experts, nodes)."""
    wrong = np.log1p(-np.minimum(chances, 1 - 1e-12))
    nu = abstention[:, None]
    return np.log(np.maximum(chances, 1e-12)), wrong + np.log1p(-nu), wrong + np.log(nu)


def _so_far(right: Floats, wrong: Floats, silent: Floats, state: State, clusters: int) -> Floats:
    """Log probability of what each expert did, were a cluster right, or (last) none; (queries, clusters + 1, nodes)."""
    found = np.zeros((len(right), clusters + 1, right.shape[2]))
    for e, place in enumerate(state):
        if place == ABSTAINED:
            found += silent[:, e][:, None]
        elif place >= 0:
            found += wrong[:, e][:, None]
            found[:, place] += right[:, e] - wrong[:, e]
    return found


def _end(shape: Lattice, state: int) -> int:
    return int(shape.starts[state + 1]) if state + 1 < len(shape.starts) else len(shape.cluster)
