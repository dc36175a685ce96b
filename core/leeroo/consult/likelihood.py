"""How probable outcomes are under a consult model, and which way its parameters make them more so: `Likelihood`.

The parameters are one vector: log slope, log spread, t0, t1, logit nu, the certainty, logit rho, and then, expert by
expert, the biases, the log loadings and the logits of nu_e.
"""

import numpy as np
import numpy.typing as npt

from leeroo.consult.hypotheses import hypotheses
from leeroo.consult.logprobs import MOST
from leeroo.consult.model import NODES, ConsultModel, Trait, logits, nodes, sigmoid
from leeroo.consult.observed import Observed
from leeroo.consult.partitions import log_partitions
from leeroo.consult.repeats import log_again

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
SHARED = 7
CERTAINTY, CORRELATION = 5, 6


class Likelihood:
    """Log likelihood and gradient of outcomes. A row is a case of a hypothesis about a query: which cluster is right.

    Args:
        observed: The outcomes.

    Attributes:
        names: The experts, each once.
    """

    def __init__(self, observed: Observed) -> None:
        self.names, own = tuple(observed.columns), list(observed.columns.values())
        begins = np.cumsum([0, *map(len, own)]).tolist()
        table = observed.clusters[:, [column for columns in own for column in columns]]
        self._logit = logits(observed.quality[:, [columns[0] for columns in own]])
        self._certain = _surpluses(observed, own)
        self._rows = hypotheses(table, begins, truths=observed.right)
        first = np.searchsorted(self._rows.spread, np.arange(len(self._rows.ways)), side="right") - 1
        self._query = np.searchsorted(self._rows.starts, first, side="right") - 1
        self._starts = self._rows.spread[self._rows.starts]
        most = max(map(len, own))
        self._right, self._silent = np.zeros((2, most, len(first), len(own)))
        self._wrong = np.zeros((len(first), len(own)))
        at = 0
        for e, columns in enumerate(own):
            many = len(columns)
            self._right[:many, :, e] = self._rows.roles[:, at : at + many].T
            self._wrong[:, e] = self._rows.roles[:, at + many]
            self._silent[:many, :, e] = self._rows.roles[:, at + many + 1 : at + 2 * many + 1].T
            at += 2 * many + 1
        alternatives = observed.alternatives[self._query]
        self._groups = [(int(m) or None, np.flatnonzero(alternatives == m)) for m in np.unique(alternatives)]

    # long: one formula and its derivatives, term by term.
    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Log likelihood of all outcomes, and its gradient."""
        z, weights = nodes()
        slope, spread, (bias, log_loading, silence) = np.exp(x[0]), np.exp(x[1]), x[SHARED:].reshape(3, -1)
        loading, nu, odds = np.exp(log_loading), sigmoid(silence), float(np.exp(x[CORRELATION]))
        shift, by_certainty = _shifted(x[CERTAINTY], self._certain)
        eta = (slope * self._logit + bias + shift)[:, :, None] + (loading * spread)[:, None] * z
        chance = sigmoid(eta)
        log_right, log_wrong = -np.logaddexp(0, -eta), -np.logaddexp(0, eta)
        quiet = np.exp(log_wrong) * nu[:, None]
        row = (self._wrong @ np.log1p(-nu) + self._silent[0] @ np.log(nu))[:, None] + np.log(weights)
        row = row + np.einsum("he,hez->hz", self._right[0], log_right[self._query])
        row += np.einsum("he,hez->hz", self._wrong + self._silent[0], log_wrong[self._query])
        # d log P / d eta of what each expert did; of a first draw it is right - P(right), wrong answer or none.
        did = self._right[0] + self._wrong + self._silent[0]
        by_eta = self._right[0][:, :, None] - did[:, :, None] * chance[self._query]
        by_silence = (self._silent[0] * (1 - nu) - self._wrong * nu)[:, :, None] * np.ones(NODES)
        by_odds = np.zeros_like(row)
        for before in range(1, len(self._right)):
            good, none = self._right[before][:, :, None], self._silent[before][:, :, None]
            again, hush = ((one + before * odds)[self._query] for one in (chance, quiet))
            row += np.sum(good * np.log(again) + none * np.log(hush), axis=1)
            share_right, share_quiet = chance[self._query] / again, quiet[self._query] / hush
            by_eta += good * share_right * (1 - chance[self._query]) - none * share_quiet * chance[self._query]
            by_silence += none * share_quiet * (1 - nu)[:, None]
            by_odds += np.sum(good * before / again + none * before / hush, axis=1)
        if self._rows.repeated:
            row += log_again(self._rows, odds)[:, None]
            later = np.arange(1, self._rows.draws.shape[1] + 1)
            by_odds += (self._rows.again / odds - self._rows.draws @ (later / (1 + later * odds)))[:, None]
        log_c = x[2] + x[3] * z
        by_c = np.zeros_like(row)
        for alternatives, rows in self._groups:
            row[rows] += log_partitions(self._rows.counts[rows], log_c, alternatives)
            by_c[rows] = _by_concentration(self._rows.counts[rows], np.exp(log_c), alternatives)
        peak = np.maximum.reduceat(row.max(axis=1), self._starts)
        mass = np.exp(row - peak[self._query][:, None])
        total = np.add.reduceat(mass.sum(axis=1), self._starts)
        share = mass / total[self._query][:, None]
        by_eta *= share[:, None, :]
        per_expert, along = by_eta.sum(axis=2), by_eta @ z
        gradient = np.concatenate(
            [
                [slope * np.sum(per_expert * self._logit[self._query]), spread * np.sum(along @ loading)],
                [np.sum(share * by_c), np.sum((share * by_c) @ z), 0.0],
                [np.sum(per_expert * by_certainty[self._query]), odds * np.sum(share * by_odds)],
                per_expert.sum(axis=0),
                spread * loading * along.sum(axis=0),
                np.einsum("hez,hz->e", by_silence, share),
            ]
        )
        return float(np.sum(np.log(total) + peak)), gradient


def vector_of(model: ConsultModel, names: tuple[str, ...]) -> Floats:
    """A model's parameters, for some experts."""
    usual, rho = logits(np.array([model.abstention, model.repeat_correlation]))
    traits = [model.traits.get(name, Trait()) for name in names]
    shared = [np.log(model.slope), np.log(model.spread), model.concentration, model.tilt, usual, model.certainty, rho]
    own = [[trait.bias for trait in traits], [np.log(trait.loading) for trait in traits]]
    return np.concatenate([shared, *own, logits(model.abstentions(names))])


def model_of(x: Floats, names: tuple[str, ...]) -> ConsultModel:
    """The model of a vector of parameters."""
    bias, log_loading, silence = x[SHARED:].reshape(3, -1)
    rows = zip(names, bias, np.exp(log_loading), sigmoid(silence), strict=True)
    nu, rho = sigmoid(x[[4, CORRELATION]]).tolist()
    return ConsultModel(
        slope=float(np.exp(x[0])),
        spread=float(np.exp(x[1])),
        concentration=float(x[2]),
        tilt=float(x[3]),
        abstention=nu,
        certainty=max(float(x[CERTAINTY]), 0.0),  # who is surer is not less probably right
        repeat_correlation=rho,
        traits={
            name: Trait(round(float(a), 4), round(float(load), 4), round(float(own), 4)) for name, a, load, own in rows
        },
    )


def _surpluses(observed: Observed, own: list[list[int]]) -> list[tuple[Floats, Floats]]:
    """Draw by draw how far log-probabilities lie above the usual (0 where nothing is known), and its share of a mean.

    Each has the shape (queries, experts).
    """
    placed = observed.clusters >= 0
    known = np.where(placed, np.nan_to_num(observed.surplus), 0.0)
    found = []
    for draw in range(max(map(len, own))):
        surplus, share = np.zeros((2, len(observed), len(own)))
        for e, columns in enumerate(own):
            if draw < len(columns):
                surplus[:, e] = known[:, columns[draw]]
                share[:, e] = placed[:, columns[draw]] / np.maximum(placed[:, columns].sum(axis=1), 1)
        found.append((surplus, share))
    return found


def _shifted(certainty: float, certain: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """By how many logits experts' chances are moved, and the derivative of that by the certainty."""
    shift = sum(np.clip(certainty * surplus, -MOST, MOST) * share for surplus, share in certain)
    slope = sum(surplus * share * (np.abs(certainty * surplus) < MOST) for surplus, share in certain)
    return np.asarray(shift), np.asarray(slope)


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
