"""Repeated draws of one expert (self-consistency): neither independent evidence nor copies.

Given the difficulty z, the answers of expert e to a query are draws from a distribution of its own for that query,
which is a Dirichlet process around what the model says of e, H_e(z): right with probability q_e(z), silent, or wrong.
With rho the correlation of two draws, the n-th draw is then

    rho' = (n - 1) rho / (1 - rho + (n - 1) rho):   a repetition of one of the n - 1 before it,
    1 - rho':                                       fresh from H_e(z)

So how often it is right in n draws is beta-binomial around q_e(z) with intra-class correlation rho (J. G. Skellam, "A
probability distribution derived from the binomial distribution ...", 1948), and its wrong answers fall together more
than those of different experts: a repetition is the same answer, a fresh wrong one falls to a cluster as any expert's
does (`leeroo.consult.partitions`). This is the hierarchical Dirichlet process (Y. W. Teh et al., "Hierarchical
Dirichlet processes", 2006). With rho = 0 a second draw is another expert of the same quality, with rho = 1 it says
nothing. Majorities of draws of one model are from X. Wang et al., "Self-consistency improves chain of thought reasoning
in language models", arXiv 2203.11171, 2022.

In terms of the odds t = rho / (1 - rho): i right, j silent and for each wrong cluster m draws of which l are fresh have
the probability prod_(h<i) (q + h t) prod_(h<j) ((1 - q) nu + h t) prod ways(m, l) t^(m - l) ((1 - q) (1 - nu))^l over
prod_(h<n) (1 + h t), times that of the partition of all experts' fresh wrong draws.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leeroo.consult.hypotheses import Hypotheses

Floats = npt.NDArray[np.float64]
_DRAW = re.compile(r"(.+)#([2-9]|[1-9]\d+)")
_EDGE = 1e-12
"""A correlation of 0 or 1 is kept this far off, so that logarithms are numbers."""


def drawn_from(names: Sequence[str]) -> tuple[str, ...]:
    """Whose answer each of some columns is: `small#2` is a further draw of `small`, where that is among them, too."""
    known = set(names)
    found = [(name, _DRAW.fullmatch(name)) for name in names]
    return tuple(draw[1] if draw is not None and draw[1] in known else name for name, draw in found)


def odds_of(correlation: float) -> float:
    """The odds t of a correlation."""
    rho = min(max(correlation, _EDGE), 1 - _EDGE)
    return rho / (1 - rho)


def log_nth(first: Floats, before: int, odds: float) -> Floats:
    """What the draw after `before` equal ones adds to the log probability; `first` is what the first one adds."""
    return first if not before else np.log(np.exp(first) + before * odds)


def log_again(rows: Hypotheses, odds: float) -> Floats:
    """What repetitions add to the log probability of each row, whatever the difficulty, shape (rows,)."""
    later = np.log1p(np.arange(1, rows.draws.shape[1] + 1) * odds)
    return np.asarray(rows.ways + rows.again * np.log(odds) - rows.draws @ later)
