"""Long answers compared: a `Likeness` fitted to marked pairs, and by cross-validation how often it is wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.consult.likeness import FEATURES, Likeness, Similarity, Verdicts, features, told
from leeroo.errors import ConfigError
from leeroo.evaluation.metrics import auc
from leeroo.training.bayes import map_logistic

Floats = npt.NDArray[np.float64]
KEYS = ("question", "one", "other", "same")
PENALTY = 1.0
"""Of squared weights; in pairs, so that a few hundred of them say more."""
FOLDS = 5
LEAST = 40
"""Pairs that a kind must have to be fitted, and verdicts that a threshold must give to be believed."""
GRID = np.round(np.arange(0.5, 0.991, 0.01), 2)


@dataclass(frozen=True)
class Pair:
    """Two answers to one question.

    Attributes:
        question: What they answer.
        one: The one.
        other: The other.
        same: Whether they are the same answer.
        group: Where the pair is from; errors are measured on groups that were not fitted on.
    """

    question: str
    one: str
    other: str
    same: bool
    group: str = ""


def read_pairs(path: Path) -> list[Pair]:
    """Pairs from a JSONL file with `question`, `one`, `other`, `same`, and perhaps `group`.

    Raises:
        ConfigError: The file is missing, or a line is no such pair; its number is named.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; it has one pair of answers a line: {', '.join(KEYS)}, as JSON.")
    pairs = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                given = json.loads(line)
            except ValueError:
                given = None
            if not isinstance(given, dict) or not all(isinstance(given.get(key), str) for key in KEYS[:3]):
                raise ConfigError(f"{path}, line {number}: not an object with the texts question, one and other.")
            if given.get("same") not in (True, False):
                raise ConfigError(f"{path}, line {number}: 'same' must be true or false.")
            own = str(given.get("group", path.stem))
            pairs.append(Pair(given["question"], given["one"], given["other"], bool(given["same"]), own))
    return pairs


@dataclass(frozen=True)
class Measured:
    """One kind of pairs, as the fit found it on groups or folds that it had not seen.

    Attributes:
        kind: "numbers" or "others".
        pairs: How many there are.
        auc: Of P(same).
        same: Share of pairs that are called the same, and of these the share that is not.
        other: Share that is called different, and of these the share that is the same.
        groups: The same by group: pairs, AUC, same, other.
    """

    kind: str
    pairs: int
    auc: float
    same: tuple[float, float]
    other: tuple[float, float]
    groups: dict[str, dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "pairs": self.pairs,
            "auc": _shown(self.auc),
            "same": [_shown(v) for v in self.same],
            "other": [_shown(v) for v in self.other],
            "groups": self.groups,
        }


def fit(
    pairs: Sequence[Pair],
    *,
    error: float = 0.05,
    other_error: float = 0.08,
    similarity: Similarity | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[Likeness, list[Measured]]:
    """Fit both kinds of pairs, and choose thresholds at which verdicts on unseen pairs are wrong at most so often.

    Args:
        pairs: The marked pairs. With several groups, each is predicted by a fit on the others.
        error: Share of verdicts "the same" that may be wrong, 0..0.5: a wrong agreement is believed.
        other_error: Share of verdicts "different" that may be wrong: it costs another ask.
        similarity: Of two texts' vectors; not counted when absent.
        about: Where the pairs come from.

    Raises:
        ConfigError: There are too few pairs, or none that are the same, or none that are different.
    """
    for allowed in (error, other_error):
        if not 0 < allowed < 0.5:
            raise ConfigError(f"error is {allowed}; give the share of wrong verdicts that is allowed, such as 0.05.")
    if len(pairs) < LEAST or len({pair.same for pair in pairs}) < 2:
        raise ConfigError(f"{len(pairs)} pairs are too few: {LEAST} are needed, of the same and of different answers.")
    rows = [(told(pair.one, pair.question), told(pair.other, pair.question)) for pair in pairs]
    near = [0.0 if similarity is None else similarity(pair.one, pair.other) for pair in pairs]
    x = np.array([features(*row, close) for row, close in zip(rows, near, strict=True)])
    y = np.array([pair.same for pair in pairs], dtype=np.float64)
    groups = np.array([pair.group for pair in pairs])
    conclude = np.array([bool(one.result and other.result) for one, other in rows])
    limits = (error, other_error)
    verdicts, measured = {}, []
    for kind, mask in (("numbers", conclude), ("others", ~conclude)):
        if mask.sum() >= LEAST and len(set(y[mask])) == 2:
            questions = [pair.question for pair, told_so in zip(pairs, mask, strict=True) if told_so]
            verdicts[kind], found = _fit_kind(kind, x[mask], y[mask], groups[mask], questions, limits)
            measured.append(found)
    told_about = {
        **(about or {}),
        "allowed": {"same": error, "other": other_error},
        "measured": {one.kind: one.to_dict() for one in measured},
    }
    return Likeness(**verdicts, about=told_about), measured


def _fit_kind(
    kind: str,
    x: Floats,
    y: Floats,
    groups: npt.NDArray[Any],
    questions: Sequence[str],
    allowed: tuple[float, float],
) -> tuple[Verdicts, Measured]:
    unseen = np.full(len(y), np.nan)
    for held in _folds(y, groups, questions):
        unseen[held] = _chance(x[held], logistic(x[~held], y[~held]))
    same_from, other_from = _threshold(unseen, y, allowed[0]), _threshold(1 - unseen, 1 - y, allowed[1])
    other_to = None if other_from is None else round(1 - other_from, 2)
    if same_from is not None and other_to is not None and other_to >= same_from:
        other_to = round(same_from - 0.01, 2)
    weights = logistic(x, y)
    shown = {name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True) if abs(w) >= 5e-5}
    # A rule that may part texts but never join them would make every answer a cluster of its own.
    verdicts = Verdicts(shown, same_from, other_to if same_from is not None else None)
    by_group = {}
    for name in sorted(set(groups)):
        own = groups == name
        same, other = _errors(unseen[own], y[own], verdicts)
        by_group[str(name)] = {
            "pairs": int(own.sum()),
            "auc": _shown(auc(unseen[own], y[own])),
            "same": [_shown(v) for v in same],
            "other": [_shown(v) for v in other],
        }
    same, other = _errors(unseen, y, verdicts)
    return verdicts, Measured(kind, len(y), auc(unseen, y), same, other, by_group)


def _folds(y: Floats, groups: npt.NDArray[Any], questions: Sequence[str]) -> list[npt.NDArray[np.bool_]]:
    """What is held out at a time: a group, or, of one group alone, a part of its questions."""
    names = sorted(set(groups))
    held = [groups == name for name in names]
    if len(names) > 1 and all(len(set(y[~one])) == 2 for one in held):
        return held
    order = {question: place for place, question in enumerate(sorted(set(questions)))}
    part = np.array([order[question] % FOLDS for question in questions])
    return [part == fold for fold in range(FOLDS) if (part == fold).any() and (part != fold).any()]


def logistic(x: Floats, y: Floats) -> Floats:
    """Weights of a logistic regression with a penalty on all but the constant, by Newton's method.

    Args:
        x: Features, the constant first, shape (pairs, features).
        y: 1 for the same, shape (pairs,).
    """
    penalty = np.full(x.shape[1], PENALTY)
    penalty[0] = 1e-6
    return map_logistic(x, y, np.zeros(x.shape[1]), penalty, steps=50)


def _chance(x: Floats, weights: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * (x @ weights))))


def _threshold(chance: Floats, y: Floats, error: float) -> float | None:
    """The least probability from which on verdicts are wrong at most so often, None where there is none."""
    for limit in GRID:
        told_so = chance >= limit
        if told_so.sum() < LEAST:
            return None
        if 1 - y[told_so].mean() <= error:
            return float(limit)
    return None


def _errors(chance: Floats, y: Floats, verdicts: Verdicts) -> tuple[tuple[float, float], tuple[float, float]]:
    same = chance >= (2 if verdicts.same_from is None else verdicts.same_from)
    other = chance <= (-1 if verdicts.other_to is None else verdicts.other_to)
    return (
        (float(same.mean()), float(1 - y[same].mean()) if same.any() else np.nan),
        (float(other.mean()), float(y[other].mean()) if other.any() else np.nan),
    )


def _shown(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
