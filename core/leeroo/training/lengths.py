"""Fit how long every model's answers are: see `leeroo.prediction.lengths` for the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.training.placing import regression

Float64 = npt.NDArray[np.float64]
DIRECTIONS = 8
OWN_ANSWERS = 5.0
"""Answers of a model in a kind that weigh as much as how wordy it is elsewhere."""
ROUNDS = 20
_WORDY = 2.0
"""How much what a place tells counts, in kinds of work with a model's own answers."""


@dataclass(frozen=True)
class TableLengths:
    """One table's lengths; M models, S directions.

    Attributes:
        directions: Kernels with the landmarks -> directions, shape (L, S).
        loading: Level and loadings of every model, shape (M, 1+S).
        seen: Answers of each, shape (M,).
        range: Smallest and largest length that is believed.
        noise: Variance around what is told; 0 where the table has no lengths.
        wanted: What g ought to be of each query, shape (queries, S).
    """

    directions: Float64
    loading: Float64
    seen: Float64
    range: tuple[float, float]
    noise: float
    wanted: Float64


def smeared(told: Float64, tokens: Float64, noise: float) -> Float64:
    """What an expert's level must rise by so that the tokens expected of it are those it wrote, in all (Duan 1983).

    Its lengths are no logarithms of a normal variable of the kind's noise: some ramble now and then.

    Args:
        told: What was expected of log(1 + tokens) of each answer without it, shape (queries, experts).
        tokens: Of the answers, NaN where unknown, same shape.
        noise: Variance around `told`.
    """
    known = ~np.isnan(tokens)
    expected = np.where(known, np.expm1(told + noise / 2), 0.0).sum(axis=0)
    wrote = np.where(known, tokens, 0.0).sum(axis=0)
    return np.asarray(np.log(np.maximum(wrote, 1.0) / np.maximum(expected, 1.0)))


def nothing(landmarks: int, models: int, queries: int) -> TableLengths:
    """Of a table without lengths."""
    level, none = np.zeros((models, 1 + DIRECTIONS)), np.zeros((queries, DIRECTIONS))
    return TableLengths(np.zeros((landmarks, DIRECTIONS)), level, np.zeros(models), (0.0, 0.0), 0.0, none)


def arrays_of(lengths: Sequence[TableLengths], place: Float64) -> dict[str, npt.NDArray[Any]]:
    """All tables' lengths as the artifact holds them; nothing where no table has any.

    Args:
        lengths: Of each table.
        place: z of all models, shape (M, D).
    """
    if not any(of.noise for of in lengths):
        return {}
    own = np.array([of.loading for of in lengths])
    seen = np.array([of.seen for of in lengths])
    share = seen / (seen + OWN_ANSWERS)
    usual = np.array([_weighted(of.loading, weight) for of, weight in zip(lengths, share, strict=True)])
    wordy, from_place = _wordiness(own[:, :, 0], share, place)
    usual[:, 0] = _levels(own[:, :, 0], share, wordy)
    guess = np.repeat(usual[:, None, :], own.shape[1], axis=1)
    guess[:, :, 0] += wordy
    found = {
        "answer_directions": np.concatenate([of.directions for of in lengths]),
        "answer_loading": share[:, :, None] * own + (1 - share[:, :, None]) * guess,
        "answer_mean": usual,
        "answer_range": np.array([of.range for of in lengths]),
        "answer_noise": np.array([of.noise for of in lengths]),
        "answer_place": from_place,
    }
    return {name: values.astype(np.float32) for name, values in found.items()}


def _wordiness(level: Float64, share: Float64, place: Float64) -> tuple[Float64, Float64]:
    """How much longer each model's answers are than others' of the same kind, and that from its place."""
    weight = share.sum(axis=0)
    wordy, from_place = np.zeros(level.shape[1]), np.zeros(1 + place.shape[1])
    on = weight > 0
    for _ in range(ROUNDS):
        kind = _levels(level, share, wordy)
        told = from_place[0] + place @ from_place[1:]
        wordy = ((share * (level - kind[:, None])).sum(axis=0) + _WORDY * told) / (weight + _WORDY)
        from_place = regression(place[on], wordy[on], weight[on])
    return wordy, from_place


def _levels(level: Float64, share: Float64, wordy: Float64) -> Float64:
    """A of every kind."""
    return np.asarray((share * (level - wordy)).sum(axis=1) / np.maximum(share.sum(axis=1), 1e-9))


def _weighted(values: Float64, weight: Float64) -> Float64:
    return np.asarray((values * weight[:, None]).sum(axis=0) / max(float(weight.sum()), 1e-9))
