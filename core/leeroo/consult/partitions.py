"""How wrong answers fall together: probabilities of partitions, at every node of the difficulty.

With concentration c, N items fall into K blocks of sizes n_k with probability c^K prod (n_k - 1)! / c^(N) under the
Chinese restaurant process, where c^(N) = c (c + 1) ... (c + N - 1) (J. Pitman, "Exchangeable and partially exchangeable
random partitions", 1995). Over L alternatives, with a symmetric Dirichlet of total c, it is
L! / (L - K)! prod (c / L)^(n_k) / c^(N); L -> infinity is the former.
"""

from math import lgamma, log

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
IMPOSSIBLE = -1e300
"""Logarithm of no probability; a true infinity times zero would be no number."""


def rising(log_c: Floats, most: int) -> Floats:
    """Log of c (c + 1) ... (c + n - 1) for n = 0..most, shape (most + 1, nodes)."""
    steps = np.logaddexp(log_c[None, :], np.log(np.maximum(np.arange(most), 1e-300))[:, None])
    steps[:1] = log_c
    return np.concatenate([np.zeros((1, len(log_c))), np.cumsum(steps, axis=0)])


def log_blocks(log_c: Floats, most: int, alternatives: int | None) -> Floats:
    """What a block of n wrong answers adds to the log probability, n = 0..most, shape (most + 1, nodes)."""
    if alternatives is not None:
        return rising(log_c - log(alternatives), most)
    sizes = np.array([lgamma(max(n, 1)) for n in range(most + 1)])
    found = log_c[None, :] + sizes[:, None]
    found[0] = 0.0
    return np.asarray(found)


def log_choices(most: int, alternatives: int | None) -> Floats:
    """Log of the ways to give K blocks different alternatives, K = 0..most; impossible beyond the alternatives."""
    if alternatives is None:
        return np.zeros(most + 1)
    ways = [0.0]
    for k in range(most):
        ways.append(ways[-1] + log(alternatives - k) if k < alternatives else IMPOSSIBLE)
    return np.array(ways)


def log_partitions(counts: npt.NDArray[np.int64], log_c: Floats, alternatives: int | None = None) -> Floats:
    """Log probability of partitions.

    Args:
        counts: How many blocks of each size (0 upwards; size 0 is not looked at), shape (partitions, sizes).
        log_c: Log concentration at every node, shape (nodes,).
        alternatives: How many wrong answers there are to choose from, None for without end.

    Returns:
        Shape (partitions, nodes).
    """
    most = counts.shape[1] - 1
    items = counts @ np.arange(most + 1)
    blocks = counts[:, 1:].sum(axis=1)
    top = int(items.max(initial=0))
    weights = log_blocks(log_c, most, alternatives)
    weights[0] = 0.0
    found = counts.astype(np.float64) @ weights - rising(log_c, top)[items]
    return np.asarray(found + log_choices(int(blocks.max(initial=0)), alternatives)[blocks][:, None])
