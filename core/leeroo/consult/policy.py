"""Whom to ask next, and when to stop: look-ahead over what answers may say.

The value of a state is the probability that its best cluster is right, or, where that is more, the expected value
after the best ask, less its price: U(s) = max(best(s), max over e of E[U(s')] - rate x c_e). Values are kept multiplied
by the probability of their state, so that expectations are plain sums over the states that an ask may lead to.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.consult.lattice import Level
from leeroo.consult.posterior import NOBODY, Outlook

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
STOP = NOBODY
MOST_EXPERTS = 8
"""Of larger pools only so many are looked ahead for."""
HASTE = 0.1
"""Share of a second expert's price that may be wasted, in expectation, to ask two at once: fewer rounds, no loss."""
DEMAND = 0.002
"""Where a demanded quality is out of reach, the dearest expert is worth asking for this much more of it."""
RATES = np.geomspace(1e-3, 30.0, 16)
"""Rates that `rate_within` tries: quality for the mean price of the experts."""


@dataclass(frozen=True)
class Limits:
    """What asks use of what is left: money, or time. An ask must fit beside those before it.

    Attributes:
        expected: What an ask is expected to use, shape (experts left,).
        worst: What must be free for it, shape (experts left,).
        left: How much there is.
    """

    expected: Floats
    worst: Floats
    left: float


@dataclass(frozen=True)
class Plan:
    """What to do in the root's state, by query and rate.

    Attributes:
        action: The column of the expert to ask, `STOP` to take the best cluster. Shape (queries, rates).
        beside: The column of a second expert to ask at the same time, `STOP` for none. Same shape.
        value: Expected probability of a right answer less what asks cost, same shape.
        quality: Expected probability of a right answer, same shape.
    """

    action: Indices
    beside: Indices
    value: Floats
    quality: Floats


def plan(
    outlook: Outlook,
    costs: Floats,
    rates: Floats,
    *,
    must: bool,
    limits: tuple[Limits, ...] = (),
    haste: float = HASTE,
) -> Plan:
    """The best action for several queries that are in the same state.

    Args:
        outlook: From the state, see `posterior.outlook`.
        costs: Expected cost of asking each expert left, shape (queries, experts left).
        rates: Quality that a unit of cost is worth, shape (queries, rates).
        must: Whether somebody has to be asked, because nobody was.
        limits: What asks may use.
        haste: How much of the second's price may be wasted, in expectation, to ask two experts at once.
    """
    best = np.repeat(outlook.best[:, None, :], rates.shape[1], axis=1)
    due = rates[:, :, None] * costs[:, None, :]
    fits = _fitting(outlook, limits)
    reached = outlook.reached[:, :1]
    if not outlook.lattice.levels:
        nobody, sure = np.full(rates.shape, STOP), best[:, :, 0] / reached + 0 * rates
        return Plan(nobody, nobody, sure, sure)
    value = quality = best[:, :, -_last(outlook) :]
    second: tuple[Floats, Indices] | None = None
    for depth in range(len(outlook.lattice.levels) - 1, -1, -1):
        level = outlook.lattice.levels[depth]
        here = slice(level.first, level.first + level.size)
        asks = _after(value, level) - due[:, :, level.asks] * outlook.reached[:, None, here, None]
        asks[:, :, ~fits[here][np.arange(level.size)[:, None], level.asks]] = -np.inf
        chosen = asks.argmax(axis=-1)[..., None]
        gained = np.take_along_axis(asks, chosen, axis=-1)[..., 0]
        stop = np.isneginf(gained) if must and not depth else best[:, :, here] >= gained  # at the root somebody must be
        if depth == 1:
            second = asks, level.asks
        children_quality = np.take_along_axis(_after(quality, level), chosen, axis=-1)[..., 0]
        value = np.where(stop, best[:, :, here], gained)
        quality = np.where(stop, best[:, :, here], children_quality)
    columns, further = (np.array(own, dtype=np.int64) for own in (outlook.left, outlook.further))
    first = np.where(stop[:, :, 0], STOP, chosen[:, :, 0, 0])
    beside = _beside(outlook, second, first, asks[:, :, 0], due, haste) if haste > 0 else np.full(first.shape, STOP)
    return Plan(
        action=np.where(first == STOP, STOP, columns[first]),
        beside=np.where(beside == STOP, STOP, np.where(beside == first, further[beside], columns[beside])),
        value=value[:, :, 0] / reached,
        quality=quality[:, :, 0] / reached,
    )


def rate_within(outlook: Outlook, costs: Floats, tolerance: float, *, limits: tuple[Limits, ...] = ()) -> Floats:
    """The largest rate whose plan is expected to stay within a tolerance of what asking without regard to cost gives.

    Args:
        outlook: From the first state.
        costs: Expected cost of asking each expert, shape (queries, experts).
        tolerance: Probability of a right answer that may be given away.
        limits: What asks may use.

    Returns:
        Quality that a unit of cost is worth, shape (queries,).
    """
    scale = 1 / np.maximum(costs.mean(axis=1, keepdims=True), 1e-300)
    rates = np.concatenate([np.zeros((len(costs), 1)), scale * RATES], axis=1)
    quality = plan(outlook, costs, rates, must=True, limits=limits, haste=0).quality
    enough = quality >= quality[:, :1] - tolerance - 1e-9
    # The first rate that gives away too much ends the range.
    kept = np.cumprod(enough, axis=1).sum(axis=1) - 1
    return np.asarray(rates[np.arange(len(rates)), kept])


def rate_reaching(
    outlook: Outlook, costs: Floats, least: Floats, *, must: bool, limits: tuple[Limits, ...] = ()
) -> Floats:
    """The largest rate whose plan is expected to be right with a probability of at least `least`.

    Where none is, the rate at which a little more quality is worth the dearest expert.

    Args:
        outlook: From the state.
        costs: Expected cost of asking each expert left, shape (queries, experts left).
        least: The probabilities, shape (settings,).
        must: Whether somebody has to be asked, because nobody was.
        limits: What asks may use.

    Returns:
        Quality that a unit of cost is worth, shape (queries, settings).
    """
    dearest = np.maximum(costs.max(axis=1, initial=0.0), 1e-300)
    rates = (DEMAND / dearest)[:, None] * np.geomspace(1.0, 1e5, 18)  # each less than twice the one before
    quality = plan(outlook, costs, rates, must=must, limits=limits, haste=0).quality
    enough = quality[:, :, None] >= least - 1e-9
    last = len(rates[0]) - 1 - enough[:, ::-1].argmax(axis=1)
    last = np.where(enough.any(axis=1), last, 0)
    return np.asarray(np.take_along_axis(rates, last, axis=1))


def promising(
    quality: Floats, costs: Floats, confirming: npt.NDArray[np.bool_] | None = None, most: int = MOST_EXPERTS
) -> list[int]:
    """The experts that are worth looking ahead for; of a large pool those that few others beat in quality and price.

    Args:
        quality: Predicted, shape (experts,).
        costs: Expected cost, shape (experts,).
        confirming: Whose agreement speaks for an answer, see `ConsultModel.confirming`; everybody's when absent.
        most: How many to keep.

    Returns:
        Their columns, in order.
    """
    kept = np.arange(len(quality)) if confirming is None else np.flatnonzero(confirming)
    if len(kept) > most:
        own, priced = quality[kept], costs[kept]
        better = (own[None, :] >= own[:, None]) & (priced[None, :] <= priced[:, None])
        beaten_by = better.sum(axis=1)  # itself counts for everybody
        kept = np.sort(kept[np.lexsort((-own, beaten_by))[:most]])
    return [int(column) for column in kept]


def _last(outlook: Outlook) -> int:
    """States of the deepest level."""
    levels = outlook.lattice.levels
    return len(outlook.lattice.states) - (levels[-1].first + levels[-1].size if levels else 0)


def _after(following: Floats, level: Level) -> Floats:
    """Summed over what each ask may bring, shape (queries, rates, states, asks)."""
    offset = level.first + level.size
    summed = np.add.reduceat(following[:, :, level.children - offset], level.starts, axis=2)
    return np.asarray(summed.reshape(*summed.shape[:2], *level.asks.shape))


def _fitting(outlook: Outlook, limits: tuple[Limits, ...]) -> npt.NDArray[np.bool_]:
    """Whether an expert can still be asked in a state, shape (states, experts)."""
    asked = outlook.lattice.asked
    fits = np.ones(asked.shape, dtype=np.bool_)  # who has no draw left is not among a state's asks
    for limit in limits:
        fits &= (asked @ limit.expected)[:, None] + limit.worst[None, :] <= limit.left
    return fits


def _beside(
    outlook: Outlook,
    second: tuple[Floats, Indices] | None,
    first: Indices,
    asks: Floats,
    due: Floats,
    haste: float,
) -> Indices:
    """Whom to ask at once with the first: where it is so likely to be asked next that little is wasted."""
    if second is None:
        return np.full(first.shape, STOP)
    (later, askers), root = second, outlook.lattice.levels[0]
    ends = np.append(root.starts[1:], len(root.children))
    found = np.full(first.shape, STOP)
    offset = root.size
    for e in range(len(outlook.left)):
        here = first == e
        if not here.any():
            continue
        after = root.children[root.starts[e] : ends[e]] - offset
        # All states after the same ask have the same experts left, in the same order.
        others = askers[after[0]]
        together = later[:, :, after].sum(axis=2) - due[:, :, e, None] * outlook.reached[:, None, :1]
        loss = asks[:, :, e, None] - together
        spare = haste * due[:, :, others] * outlook.reached[:, None, :1]
        excess = loss - spare
        nearest = excess.argmin(axis=-1)
        fine = np.take_along_axis(excess, nearest[..., None], axis=-1)[..., 0] <= 1e-12
        found = np.where(here & fine, others[nearest], found)
    return found
