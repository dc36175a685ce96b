"""What is known of each expert's traits, and how much an outcome would tell.

theta_e = [ability, bias] of an expert has a Gaussian posterior by Laplace's approximation around the most probable
value (MacKay 1992, "Bayesian Interpolation"). The prior is the population of known experts, or what the artifact knows
of the expert itself. How much one outcome y of a query x would tell of theta_e is their mutual information, BALD
(Houlsby et al. 2011, "Bayesian Active Learning for Classification and Preference Learning", eq. 2).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.pool.experts import Expert
from leeroo.prediction.artifact import Artifact
from leeroo.prediction.matching import Matcher
from leeroo.training.bayes import map_logistic

Float64 = npt.NDArray[np.float64]
SCALES = (1.0, 4.0, 16.0, 64.0)
"""Tried widths of the prior's covariance: the pool's experts may differ more than those of the training tables."""
MOST_REMEMBERED = 200.0
"""Outcomes that an artifact's own estimate counts for at most, so that a run can still correct it."""
_PROBIT = np.sqrt(np.pi / 8)  # the logistic curve is near a probit of that slope (MacKay 1992)
_C = np.sqrt(np.pi * np.log(2) / 2)


@dataclass(frozen=True)
class Belief:
    """A Gaussian over one expert's theta, shape (d,) and (d, d)."""

    mean: Float64
    cov: Float64

    def logits(self, X: Float64) -> tuple[Float64, Float64]:
        """Mean and variance of theta . x for inputs of shape (n, d); both of shape (n,)."""
        return X @ self.mean, np.maximum(np.einsum("nd,de,ne->n", X, self.cov, X, optimize=True), 0)

    def probability(self, X: Float64) -> Float64:
        """P(right), the uncertainty of theta averaged out (MacKay's approximation), shape (n,)."""
        m, v = self.logits(X)
        return np.asarray(1 / (1 + np.exp(-m / np.sqrt(1 + np.pi * v / 8))))

    def updated(self, X: Float64, y: Float64, weights: Float64 | None = None) -> "Belief":
        """The belief after outcomes y (0..1) on inputs X of shape (n, d)."""
        if not len(X):
            return self
        precision = _inverse(self.cov)
        w = np.ones(len(y)) if weights is None else weights
        mean = map_logistic(X, y, self.mean, precision, weights=w, steps=30)
        return Belief(mean, _inverse(_curvature(X, mean, w) + precision))

    def evidence(self, X: Float64, y: Float64) -> float:
        """Log marginal likelihood of outcomes under this prior, by Laplace's approximation."""
        if not len(X):
            return 0.0
        precision = _inverse(self.cov)
        mean = map_logistic(X, y, self.mean, precision, steps=30)
        z, gap = X @ mean, mean - self.mean
        fit = float((y * z - np.logaddexp(0, z)).sum() - 0.5 * gap @ precision @ gap)
        _, grown = np.linalg.slogdet(np.eye(len(gap)) + self.cov @ _curvature(X, mean, np.ones(len(y))))
        return fit - 0.5 * float(grown)

    def widened(self, scale: float) -> "Belief":
        """The same with a wider covariance."""
        return Belief(self.mean, self.cov * scale)


def prior(artifact: Artifact, expert: Expert, X: Float64) -> Belief:
    """What is known of an expert before the run.

    Args:
        artifact: The predictor's.
        expert: The expert, known to it or not.
        X: Inputs [h(q), 1] of the run's queries, shape (n, d): where the artifact's own outcomes are assumed to lie.
    """
    a = artifact.arrays
    mean, cov = a["population_mean"].astype(np.float64), a["population_cov"].astype(np.float64)
    cov = cov + 1e-6 * np.eye(len(cov))
    column = Matcher(artifact.experts).columns([expert])[0]
    if column is None:
        return Belief(mean, cov)
    slope, offset = a["calibration"][column].astype(np.float64)
    own = np.append(a["ability"][column], a["bias"][column]).astype(np.float64) * slope
    own[-1] += offset
    count = min(float(artifact.experts[column].outcomes), MOST_REMEMBERED)
    weights = np.full(len(X), count / max(len(X), 1))
    return Belief(own, _inverse(_inverse(cov) + _curvature(X, own, weights)))


def information(m: Float64, v: Float64) -> Float64:
    """BALD of outcomes whose logits have mean m and variance v, in bits, same shape (Houlsby et al. 2011, eq. 3)."""
    m, v = m * _PROBIT, v * _PROBIT**2
    known = _C / np.sqrt(v + _C**2) * np.exp(-(m**2) / (2 * (v + _C**2)))
    return np.asarray(np.maximum(_entropy(_normal(m / np.sqrt(v + 1))) - known, 0))


def _inverse(matrix: Float64) -> Float64:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _curvature(X: Float64, theta: Float64, weights: Float64) -> Float64:
    p = 1 / (1 + np.exp(-np.clip(X @ theta, -30, 30)))
    return np.asarray((X * (weights * p * (1 - p))[:, None]).T @ X)


def _entropy(p: Float64) -> Float64:
    q = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-(q * np.log2(q) + (1 - q) * np.log2(1 - q)))


def _normal(x: Float64) -> Float64:
    from math import erf

    return np.asarray(0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2))))
