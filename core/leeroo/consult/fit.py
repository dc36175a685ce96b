"""The model from outcomes with answers: penalised maximum likelihood. A few hundred queries are enough.

Where it is known who was right, only the difficulty is integrated out; where it is not, so is which cluster is right.
Experts' own parameters are drawn to the usual ones, the shared ones to the defaults, so that few outcomes do no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leeroo.consult.lattice import ABSTAINED
from leeroo.consult.model import ConsultModel, Trait, logits, nodes, sigmoid
from leeroo.consult.observed import NONE_RIGHT, UNKNOWN, Observed
from leeroo.consult.partitions import log_partitions
from leeroo.errors import ConfigError

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
SHARED = 5
_TIGHTNESS = np.array([1 / 0.5, 1 / 0.3, 1 / 0.7, 1 / 0.5, 1 / 1.5])
"""One over the standard deviations of log slope, log spread, t0, t1 and logit nu around the defaults."""
_OWN_TIGHTNESS = np.array([1 / 0.3, 1 / 0.3, 1 / 1.0])
"""The same of an expert's bias, log loading and logit nu_e."""


@dataclass(frozen=True)
class Fit:
    """What a fit found.

    Attributes:
        model: The parameters.
        log_likelihood: Per query, at the parameters.
        before: Per query, at the defaults.
        queries: How many it was fitted on.
    """

    model: ConsultModel
    log_likelihood: float
    before: float
    queries: int


def fit(observed: Observed, start: ConsultModel | None = None) -> Fit:
    """Fit all parameters.

    Args:
        observed: The outcomes; predictions must be of a predictor that was not trained on these queries.
        start: Where to begin, and what to be drawn to; the defaults when absent.

    Raises:
        ConfigError: There are no outcomes.
    """
    if not len(observed):
        raise ConfigError("There are no outcomes with comparable answers to fit the consult model on.")
    start = start or ConsultModel()
    likelihood = _Likelihood(observed)
    centre = _vector(start, observed.names)
    tight = np.concatenate([_TIGHTNESS, np.repeat(_OWN_TIGHTNESS, len(observed.names))])

    def loss(x: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(x)
        off = (x - centre) * tight
        return float(0.5 * off @ off) - value, off * tight - gradient

    found = minimise(loss, centre)
    return Fit(
        model=replace(_model(found, observed.names), queries=len(observed), certainty=start.certainty),
        log_likelihood=likelihood(found)[0] / len(observed),
        before=likelihood(centre)[0] / len(observed),
        queries=len(observed),
    )


def log_likelihood(model: ConsultModel, observed: Observed) -> float:
    """Mean log likelihood of a query's outcomes."""
    return _Likelihood(observed)(_vector(model, observed.names))[0] / len(observed)


def minimise(
    loss: Callable[[Floats], tuple[float, Floats]], start: Floats, *, steps: int = 200, enough: float = 1e-4
) -> Floats:
    """The minimum of a smooth function by BFGS with backtracking (Nocedal and Wright 2006, chapter 6).

    Args:
        loss: Gives value and gradient.
        start: Where to begin.
        steps: At most this many.
        enough: Largest entry of the gradient at which to stop.
    """
    x, inverse = start.copy(), np.eye(len(start))
    value, gradient = loss(x)
    inverse /= max(1.0, float(np.abs(gradient).max()))
    for _ in range(steps):
        if np.abs(gradient).max() < enough:
            break
        direction = -inverse @ gradient
        slope = float(gradient @ direction)
        if slope >= 0:
            inverse, direction = np.eye(len(x)), -gradient
            slope = float(gradient @ direction)
        length = 1.0
        while True:
            tried = x + length * direction
            new_value, new_gradient = loss(tried)
            if new_value <= value + 1e-4 * length * slope or length < 1e-10:
                break
            length *= 0.5
        step, change = tried - x, new_gradient - gradient
        curvature = float(step @ change)
        if curvature > 1e-12:
            left = np.eye(len(x)) - np.outer(step, change) / curvature
            inverse = left @ inverse @ left.T + np.outer(step, step) / curvature
        if value - new_value < 1e-10 * max(1.0, abs(value)):
            return tried if new_value <= value else x
        x, value, gradient = tried, new_value, new_gradient
    return x


class _Likelihood:
    """Log likelihood and gradient of outcomes. A row is a hypothesis about a query: which cluster is right."""

    def __init__(self, observed: Observed) -> None:
        self._logit = logits(observed.quality)
        query: list[int] = []
        right: list[list[bool]] = []
        wrong: list[list[bool]] = []
        counts: list[list[int]] = []
        starts: list[int] = []
        experts = len(observed.names)
        for row, (places, truth) in enumerate(zip(observed.clusters.tolist(), observed.right.tolist(), strict=True)):
            clusters = 1 + max(*places, -1)
            starts.append(len(query))
            for told in range(NONE_RIGHT, clusters) if truth == UNKNOWN else (truth,):
                query.append(row)
                right.append([place == told and place >= 0 for place in places])
                wrong.append([place >= 0 and place != told for place in places])
                sizes = [places.count(k) for k in range(clusters) if k != told]
                counts.append([sizes.count(size) for size in range(experts + 1)])
        self._query = np.array(query)
        self._right = np.array(right, dtype=np.float64).reshape(len(query), experts)
        self._wrong = np.array(wrong, dtype=np.float64).reshape(len(query), experts)
        self._silent = (observed.clusters[self._query] == ABSTAINED).astype(np.float64)
        self._asked = self._right + self._wrong + self._silent
        self._starts = np.array(starts)
        self._counts = np.array(counts, dtype=np.int64).reshape(len(query), experts + 1)
        own = observed.alternatives[self._query]
        self._groups = [(int(m) or None, np.flatnonzero(own == m)) for m in np.unique(own)]

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        z, weights = nodes()
        slope, spread, (bias, log_loading, silence) = np.exp(x[0]), np.exp(x[1]), x[SHARED:].reshape(3, -1)
        loading, nu = np.exp(log_loading), sigmoid(silence)
        eta = (slope * self._logit + bias)[:, :, None] + (loading * spread)[:, None] * z
        chance = sigmoid(eta)[self._query]
        log_right, log_wrong = -np.logaddexp(0, -eta)[self._query], -np.logaddexp(0, eta)[self._query]
        log_c = x[2] + x[3] * z
        row = np.einsum("he,hez->hz", self._right, log_right)
        row += np.einsum("he,hez->hz", self._wrong + self._silent, log_wrong)
        row += (self._wrong @ np.log1p(-nu) + self._silent @ np.log(nu))[:, None] + np.log(weights)
        by_c = np.zeros_like(row)
        for alternatives, rows in self._groups:
            row[rows] += log_partitions(self._counts[rows], log_c, alternatives)
            by_c[rows] = _by_concentration(self._counts[rows], np.exp(log_c), alternatives)
        peak = np.maximum.reduceat(row.max(axis=1), self._starts)[self._query][:, None]
        mass = np.exp(row - peak)
        total = np.add.reduceat(mass.sum(axis=1), self._starts)
        value = float(np.sum(np.log(total) + np.maximum.reduceat(row.max(axis=1), self._starts)))
        share = mass / total[self._query][:, None]
        # d log P / d eta is right - P(right) of everybody asked, whether the answer was wrong or none.
        by_eta = share[:, None, :] * (self._right[:, :, None] - self._asked[:, :, None] * chance)
        per_expert, along = by_eta.sum(axis=2), by_eta @ z
        by_silence = share.sum(axis=1) @ (self._silent * (1 - nu) - self._wrong * nu)
        gradient = np.concatenate(
            [
                [slope * np.sum(per_expert * self._logit[self._query]), spread * np.sum(along @ loading)],
                [np.sum(share * by_c), np.sum((share * by_c) @ z), 0.0],
                per_expert.sum(axis=0),
                spread * loading * along.sum(axis=0),
                by_silence,
            ]
        )
        return value, gradient


def _by_concentration(counts: Indices, c: Floats, alternatives: int | None) -> Floats:
    """Derivative of `log_partitions` by the log concentration, shape (partitions, nodes)."""
    most = counts.shape[1] - 1
    sizes = np.arange(most + 1)
    if alternatives is None:
        blocks = counts[:, 1:].sum(axis=1)[:, None] * np.ones_like(c)
    else:
        own = counts.astype(np.float64)
        own[:, 0] = 0
        blocks = own @ _rising_slope(c / alternatives, most)
    return np.asarray(blocks - _rising_slope(c, most)[counts @ sizes])


def _rising_slope(c: Floats, most: int) -> Floats:
    """D log(c (c + 1) ... (c + n - 1)) / d log c for n = 0..most, shape (most + 1, nodes)."""
    terms = c[None, :] / (c[None, :] + np.arange(most)[:, None])
    return np.concatenate([np.zeros((1, len(c))), np.cumsum(terms, axis=0)])


def _vector(model: ConsultModel, names: tuple[str, ...]) -> Floats:
    usual = logits(np.array([model.abstention]))
    traits = [model.traits.get(name, Trait()) for name in names]
    return np.concatenate(
        [
            [np.log(model.slope), np.log(model.spread), model.concentration, model.tilt],
            usual,
            [trait.bias for trait in traits],
            [np.log(trait.loading) for trait in traits],
            logits(model.abstentions(names)),
        ]
    )


def _model(x: Floats, names: tuple[str, ...]) -> ConsultModel:
    bias, log_loading, silence = x[SHARED:].reshape(3, -1)
    rows = zip(names, bias, np.exp(log_loading), sigmoid(silence), strict=True)
    return ConsultModel(
        slope=float(np.exp(x[0])),
        spread=float(np.exp(x[1])),
        concentration=float(x[2]),
        tilt=float(x[3]),
        abstention=float(sigmoid(x[4:5])[0]),
        traits={
            name: Trait(round(float(a), 4), round(float(load), 4), round(float(nu), 4)) for name, a, load, nu in rows
        },
    )
