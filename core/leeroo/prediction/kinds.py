"""How well every model does on the kinds of work that outcomes are known of: what the predictor says of most experts.

A kind of work is an outcome table. Within kind k a model e answers query q with

    P_k(q, e) = m_ke + sum_j u_kej f_kj(q)

m_ke is its level there, f_kj are functions of the query (the first is mostly how hard it is, the others part models
that agree on most queries), u_kej is how far the model follows them: a Gaussian process with a kernel on queries times
a kernel on models (Bonilla et al. 2008), in its eigenbasis over models. Where a kind has enough queries, f is a mean
of the process and of a forest of trees (`leeroo.prediction.forest`). What a query is, is a mixture:
P(q, e) = sum_k pi_k(q) P_k(q, e), pi from a logistic regression, and even where a query is like nothing seen.

Models without outcomes in a kind have levels and u by regression on their place z_e in the common space of all models.
So nobody is unknown: z_e comes from published scores, from relatives, or from the price.

Arrays of the artifact (W width of vectors, L landmarks, K kinds, R directions, E models, D dimensions):
    kinds_scale (W)                        what the parts of a vector are multiplied by before distances are taken
    kinds_landmarks (L, W)                 queries that stand for each kind's (Williams and Seeger 2001), kind by kind
    kinds_starts (K+1)                     where each kind's landmarks begin
    kinds_discriminant (W+1, K or K+1)     log pi up to a constant, and the same of being of no kind
    kinds_directions (L, R)                f of a kind, from the kernel with its landmarks
    kinds_loading (K, E, 1+R)              m and u
    kinds_outcomes (K, E), kinds_rate (K, E)           outcomes known, and their mean score
    kinds_from_place (K, 1+D, 1+R)         u from z (m, too, in artifacts of before)
    kinds_level (K, 1+D), kinds_level_scale (K, 2)     m from z: its logit is linear, so that it stays within 0 and 1
    kinds_range (K, 2, 1+R)                smallest and largest u of the kind's own models: none is taken to lie beyond
    models_place (E, D), facts_place (F, D)            z of every model, and of one with nothing but facts
    models_told (E, D)                                 z of every model if nothing but facts were known of it
    benchmark_loading (B, 1+D), benchmark_scale (B, 2) published scores from z
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.pool.registry import Model
from leeroo.prediction.arithmetic import sigmoid, unit
from leeroo.prediction.facts import facts_of
from leeroo.prediction.functions import ARRAYS as OF_FUNCTIONS
from leeroo.prediction.functions import Functions
from leeroo.prediction.labels import LABELS, TOOL_CALLS, WITH_TOOLS, WITHOUT_TOOLS
from leeroo.prediction.lengths import PREFIX as OF_LENGTHS
from leeroo.prediction.lengths import Lengths
from leeroo.prediction.predictor import Source
from leeroo.visible import counted

Float32 = npt.NDArray[np.float32]
BENCHMARK_NOISE = 0.6
"""Variance of a benchmark's standardised logit that abilities do not explain, in fitting and in serving."""
_LEAST_SHARE = 0.01
_NO_LENGTHS = np.zeros((0, 0), dtype=np.float32)
_CARRYING = 40.0
"""Models with outcomes in a kind from which its levels can be inferred for others half as well as can be."""
_TELLING = 30
"""Outcomes of a model in a kind that say how far it lies from what its place tells."""
PREFIXES = ("kinds_", "models_", "facts_", "benchmark_")
"""Of the names of the arrays described above."""


@dataclass(frozen=True)
class Loadings:
    """One expert's levels and directions in every kind.

    Attributes:
        values: m and u, shape (kinds, 1 + directions).
        outcomes: How many outcomes they rest on, shape (kinds,).
        source: What they rest on.
        said: The same in plain words.
        place: z, shape (dimensions,).
        lengths: Of answers, as `leeroo.prediction.lengths` has them, shape (kinds, 1 + directions of lengths).
    """

    values: Float32
    outcomes: npt.NDArray[np.int64]
    source: Source
    said: str
    place: Float32
    lengths: Float32


class Kinds:
    """The arithmetic of kinds of work.

    Args:
        arrays: An artifact's.
        settings: Its `kinds`: names of kinds, models, benchmarks, and the doubt of each source.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], settings: Mapping[str, Any]) -> None:
        own = [name for name in arrays if name.startswith(PREFIXES) and name not in OF_FUNCTIONS]
        a = {name: np.asarray(arrays[name], dtype=np.float32) for name in own}
        self.names: tuple[str, ...] = tuple(settings["names"])
        self.models: tuple[str, ...] = tuple(settings["models"])
        self.labels = tuple(LABELS.get(name, name) for name in self.names)
        self.sources: tuple[Source, ...] = tuple(settings["sources"])
        self.benchmarks: tuple[str, ...] = tuple(settings["benchmarks"])
        self.doubt: Mapping[str, float] = settings["doubt"]
        self.column = {model: i for i, model in enumerate(self.models)}
        self._a = a
        self._width = int(settings["width"])
        self.lengths = Lengths(arrays) if f"{OF_LENGTHS}noise" in arrays else None
        self._functions = Functions(arrays, int(settings.get("counted", 0)))
        self.outcomes = a["kinds_outcomes"].astype(np.int64)
        self.rate = a["kinds_rate"]
        models = (self.outcomes > 0).sum(axis=1)
        self.carries: Float32 = (models / (models + _CARRYING)).astype(np.float32)

    def scaled(self, vectors: Float32) -> Float32:
        """Vectors as distances are taken between them, shape (queries, W)."""
        return scaled(vectors, self._a["kinds_scale"], self._width)

    def likeness(self, x: Float32, novelty: Float32, tools: Sequence[bool] | None = None) -> Float32:
        """pi, how much each query is like each kind, shape (queries, kinds); rows sum to 1.

        Args:
            x: As `scaled` gives it.
            novelty: How unlike all that was seen, shape (queries,).
            tools: Whether tools are bound to each request; None where nobody says.
        """
        d = self._a["kinds_discriminant"]
        logits = x @ d[:-1] + d[-1]
        weight = np.exp(logits - logits.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        far = novelty[:, None]
        if weight.shape[1] > len(self.names):
            none, weight = weight[:, -1:], weight[:, :-1]
            far, weight = 1 - (1 - far) * (1 - none), weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        weight = (1 - far) * weight + far / weight.shape[1]
        if tools is not None:
            calls = np.array([name in TOOL_CALLS for name in self.names])
            weight = weight * np.where(calls, np.where(np.array(tools)[:, None], WITH_TOOLS, WITHOUT_TOOLS), 1.0)
            weight /= weight.sum(axis=1, keepdims=True)
        return np.asarray(weight, dtype=np.float32)

    def quality(self, x: Float32, likeness: Float32, loadings: Float32) -> Float32:
        """P, shape (queries, experts): see `answers`."""
        return self.answers(x, likeness, loadings, None)[0]

    def answers(
        self, x: Float32, likeness: Float32, loadings: Float32, lengths: Float32 | None
    ) -> tuple[Float32, Float32]:
        """P and expected tokens, each of shape (queries, experts); no tokens (0 experts) without `lengths`.

        Args:
            x: As `scaled` gives it.
            likeness: pi, shape (queries, kinds).
            loadings: m and u, shape (experts, kinds, 1 + directions).
            lengths: n and v, shape (experts, kinds, 1 + directions of lengths).
        """
        found = np.zeros((len(x), len(loadings)), dtype=np.float32)
        logs = np.zeros((len(x), len(loadings) if lengths is not None else 0), dtype=np.float32)
        told_lengths = self.lengths.share(likeness) if self.lengths and lengths is not None else np.zeros_like(likeness)
        share, told_lengths = _told_apart(likeness), _told_apart(told_lengths)
        for k, rows, told in self._functions.told(x, (share > 0) | (told_lengths > 0)):
            p = loadings[:, k, 0] + told[:, : self._functions.of_quality] @ loadings[:, k, 1:].T
            found[rows] += share[rows, k, None] * np.clip(p, 0.005, 0.995)
            if self.lengths and lengths is not None:
                expected = self.lengths.logs(told[:, self._functions.of_quality :], k, lengths)
                logs[rows] += told_lengths[rows, k, None] * expected
        return np.asarray(np.clip(found, 0.005, 0.995)), np.asarray(np.maximum(np.expm1(logs), 1), dtype=np.float32)

    def features(self, x: Float32, likeness: Float32) -> npt.NDArray[np.float64]:
        """Pi and pi f of every kind, shape (queries, kinds, 1 + directions): what `quality` is linear in."""
        one, all_kinds = np.ones((len(x), 1), dtype=np.float32), np.ones(likeness.shape, dtype=np.bool_)
        each = [
            likeness[:, [k]] * np.concatenate([one, told[:, : self._functions.of_quality]], axis=1)
            for k, _, told in self._functions.told(x, all_kinds)
        ]
        return np.stack(each, axis=1).astype(np.float64)

    def deviation(self) -> npt.NDArray[np.float64]:
        """Variance of models' m and u around what their place tells, shape (kinds, 1 + directions)."""
        a = self._a
        gap = a["kinds_loading"] - from_place(a["models_place"], a)
        told = (self.outcomes >= _TELLING)[:, :, None]
        return np.asarray((gap**2 * told).sum(axis=1) / np.maximum(told.sum(axis=1), 1), dtype=np.float64)

    def known(self, model: str) -> Loadings | None:
        """A model's loadings by its canonical name, None where it has neither outcomes nor published scores."""
        i = self.column.get(model)
        if i is None:
            return None
        source = self.sources[i]
        count = int(self.outcomes[:, i].sum())
        said = counted(count, "outcome") if source == "learned" else "published scores"
        lengths = self.lengths.loading[:, i] if self.lengths else _NO_LENGTHS
        place = self._a["models_place"][i]
        return Loadings(self._a["kinds_loading"][:, i], self.outcomes[:, i], source, said, place, lengths)

    def beyond_facts(self, model: str, otherwise: Float32) -> Float32 | None:
        """How far a model's place lies from where facts alone put it; None where its place is not known.

        Args:
            model: Its canonical name.
            otherwise: Where facts put it, in an artifact that does not say.
        """
        i = self.column.get(model)
        if i is None:
            return None
        told = self._a["models_told"][i] if "models_told" in self._a else otherwise
        return np.asarray(self._a["models_place"][i] - told)

    def placed(self, place: Float32, source: Source, said: str) -> Loadings:
        """Loadings of a model whose place in the common space is all that is known."""
        values = from_place(place[None], self._a)[:, 0]
        lengths = self.lengths.placed(place) if self.lengths else _NO_LENGTHS
        return Loadings(values, np.zeros(len(values), dtype=np.int64), source, said, place, lengths)

    def place_of_facts(self, usd: float | None, row: Model | None, size: float | None = None) -> Float32:
        """Z of a model of which only `facts_of` are known."""
        known = self._a["facts_place"]
        return np.asarray(np.array(facts_of(usd, row, size)[: len(known)]) @ known, dtype=np.float32)

    def scores_of(self, benchmark: str) -> list[int]:
        """Places of a benchmark's releases and harnesses among `benchmarks`, however people write its name."""
        plain = re.sub(r"[^a-z\d]+", "_", benchmark.lower()).strip("_")
        return [i for i, known in enumerate(self.benchmarks) if known == plain or known.startswith(f"{plain}_")]

    def place_of_scores(self, scores: Mapping[str, float], prior: Float32) -> Float32:
        """Z of a model with declared benchmark scores, under a prior N(prior, I).

        A benchmark that is not known is taken as one that most models of its kind of score are alike on: the mean of
        the known ones' loadings.
        """
        a = self._a
        mean_loading, mean_scale = a["benchmark_loading"].mean(axis=0), a["benchmark_scale"].mean(axis=0)
        beta, target = [], []
        for name, score in scores.items():
            at = self.scores_of(name)
            loading = a["benchmark_loading"][at].mean(axis=0) if at else mean_loading
            centre, deviation = a["benchmark_scale"][at].mean(axis=0) if at else mean_scale
            kept = min(max(score, 0.02), 0.98)
            beta.append(loading[1:])
            target.append((math.log(kept / (1 - kept)) - centre) / deviation - loading[0])
        b, y = np.array(beta), np.array(target)
        left = b.T @ b / BENCHMARK_NOISE + np.eye(b.shape[1])
        return np.asarray(np.linalg.solve(left, b.T @ y / BENCHMARK_NOISE + prior), dtype=np.float32)


def from_place(place: Float32, arrays: Mapping[str, npt.NDArray[Any]]) -> Float32:
    """M and u of models from z, shape (kinds, models, 1 + directions).

    Args:
        place: z, shape (models, dimensions).
        arrays: `kinds_from_place`, `kinds_level`, `kinds_level_scale` and `kinds_range`.
    """
    full = np.concatenate([np.ones((len(place), 1)), place], axis=1)
    found = np.einsum("ed,kdr->ker", full, arrays["kinds_from_place"])
    if "kinds_level" in arrays:
        low, high = arrays["kinds_range"][:, 0], arrays["kinds_range"][:, 1]
        found = np.clip(found, low[:, None], high[:, None])
        mean, deviation = arrays["kinds_level_scale"].T[:, :, None]
        found[:, :, 0] = sigmoid(mean + deviation * (arrays["kinds_level"] @ full.T))
    return np.asarray(found, dtype=np.float32)


def scaled(vectors: Float32, scale: Float32, width: int) -> Float32:
    """The encoder's part of vectors (the first `width`) and the lexical one, each of unit length, times `scale`."""
    units = [unit(vectors[:, :width]), unit(vectors[:, width:])]
    return np.asarray(np.concatenate(units, axis=1) * scale, dtype=np.float32)


def _told_apart(share: Float32) -> Float32:
    """Shares of kinds without those that hardly count: they cost as much time as the others."""
    kept = share * (share > _LEAST_SHARE)
    return np.asarray(kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12), dtype=np.float32)
