"""The model from outcomes with answers: penalised maximum likelihood. A few hundred queries are enough.

Where it is known who was right, only the difficulty is integrated out; where it is not, so is which cluster is right.
Experts' own parameters are drawn to the usual ones, the shared ones to the defaults, so that few outcomes do no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leeroo.consult.likelihood import Likelihood, model_of, vector_of
from leeroo.consult.model import ConsultModel
from leeroo.consult.observed import Observed
from leeroo.errors import ConfigError

Floats = npt.NDArray[np.float64]
_TIGHTNESS = np.array([1 / 0.5, 1 / 0.3, 1 / 0.7, 1 / 0.5, 1 / 1.5, 1 / 0.25, 1 / 1.0])
"""One over the standard deviations of log slope, log spread, t0, t1, logit nu, certainty and logit rho around the
defaults."""
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
        repeated: On how many of them an expert was asked more than once; without any the repeat correlation stays.
        certain: How many answers came with a log-probability beside a usual one; without any the certainty stays.
    """

    model: ConsultModel
    log_likelihood: float
    before: float
    queries: int
    repeated: int = 0
    certain: int = 0


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
    likelihood = Likelihood(observed)
    centre = vector_of(start, likelihood.names)
    tight = np.concatenate([_TIGHTNESS, np.repeat(_OWN_TIGHTNESS, len(likelihood.names))])

    def loss(x: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(x)
        off = (x - centre) * tight
        return float(0.5 * off @ off) - value, off * tight - gradient

    found = minimise(loss, centre)
    model, repeated, certain = model_of(found, likelihood.names), observed.repeated, observed.certain
    if not repeated:
        model = replace(model, repeat_correlation=start.repeat_correlation)
    if not certain:
        model = replace(model, certainty=start.certainty)
    return Fit(
        model=replace(model, queries=len(observed)),
        log_likelihood=likelihood(found)[0] / len(observed),
        before=likelihood(centre)[0] / len(observed),
        queries=len(observed),
        repeated=repeated,
        certain=certain,
    )


def log_likelihood(model: ConsultModel, observed: Observed) -> float:
    """Mean log likelihood of a query's outcomes."""
    likelihood = Likelihood(observed)
    return likelihood(vector_of(model, likelihood.names))[0] / len(observed)


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
