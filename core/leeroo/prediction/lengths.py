"""How long every model's answers are in each kind of work, beside how good they are (`leeroo.prediction.kinds`).

    log(1 + tokens of e's answer to q) in kind k ~ N(n_ke + sum_j v_kej g_kj(q), s_k)

g_kj are functions of the query in the same kernel as quality's; n_ke holds what the expert writes more than a normal
variable would, so that the tokens expected of it are right in the mean (Duan 1983). A model without answers in a kind
is as wordy as it is elsewhere (n_ke = a_k + w_e), and one without any answers as models of its place in the common
space are.

Tokens are those of the visible text: what a model thinks before it is added by the router.

Arrays of the artifact (L landmarks, K kinds, S directions, E models, D dimensions):
    answer_directions (L, S)       g of a kind, from the kernel with its landmarks
    answer_loading (K, E, 1+S)     n and v
    answer_mean (K, 1+S)           a, and the kind's usual v
    answer_range (K, 2)            smallest and largest n + v g among the kind's own answers' means
    answer_noise (K)               s, a variance; 0 where no lengths are known of the kind
    answer_place (1+D)             w from z
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
PREFIX = "answer_"
_FAINT = 1e-3
"""Share of a query that every kind with known lengths has, so that they say something where no likely kind has any."""


class Lengths:
    """The arithmetic of lengths.

    Args:
        arrays: An artifact's.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        a = {name: np.asarray(arrays[name], np.float32) for name in arrays if name.startswith(PREFIX)}
        self.loading = a["answer_loading"]
        self._mean, self._range, self._place = a["answer_mean"], a["answer_range"], a["answer_place"]
        self._noise = a["answer_noise"]
        self._known = self._noise > 0

    def placed(self, place: Float32) -> Float32:
        """N and v in every kind of a model at a place of the common space, shape (kinds, 1 + directions)."""
        found = self._mean.copy()
        found[:, 0] += self._place[0] + place @ self._place[1:]
        return found

    def share(self, likeness: Float32) -> Float32:
        """Which kinds' lengths tell of a query, shape (queries, kinds); rows sum to 1."""
        found = (likeness + _FAINT) * self._known
        return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def logs(self, told: Float32, k: int, loadings: Float32) -> Float32:
        """Expected log(1 + tokens) in one kind, half the noise above its median, shape (queries, experts).

        Args:
            told: g, shape (queries, directions).
            k: The kind.
            loadings: n and v, shape (experts, kinds, 1 + directions).
        """
        low, high = self._range[k]
        found = np.clip(loadings[:, k, 0] + told @ loadings[:, k, 1:].T, low, high)
        return np.asarray(found + self._noise[k] / 2, dtype=np.float32)
