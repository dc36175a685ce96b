"""What came of asking several experts the same queries, as the fit takes it: `Observed`. Clusters, never texts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.consult.places import ABSTAINED, UNASKED

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
NONE_RIGHT, UNKNOWN = -1, -2
RIGHT_FROM = 0.5
"""Scores between 0 and 1 count as right from here on."""


@dataclass(frozen=True)
class Observed:
    """Outcomes of several experts, without their texts.

    Attributes:
        names: The experts, one per column. A name that stands again is a further draw of the same expert.
        quality: What was predicted, by a predictor that was not trained on these queries, shape (queries, experts).
        clusters: `UNASKED`, `ABSTAINED` or the answer's cluster, numbered from 0 by query, same shape.
        right: The cluster that is right, `NONE_RIGHT` or `UNKNOWN`, shape (queries,).
        alternatives: How many wrong answers there were to choose from, 0 for without end, shape (queries,).
        surplus: Nats by which an answer's log-probability lay above its expert's usual one, NaN where that is not
            known, shape (queries, experts).
    """

    names: tuple[str, ...]
    quality: Floats
    clusters: Indices
    right: Indices
    alternatives: Indices
    surplus: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        if self.surplus.shape != self.clusters.shape:
            object.__setattr__(self, "surplus", np.full(self.clusters.shape, np.nan))

    def __len__(self) -> int:
        return len(self.right)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Observed":
        """Some of the queries."""
        right, alternatives = self.right[rows], self.alternatives[rows]
        return Observed(self.names, self.quality[rows], self.clusters[rows], right, alternatives, self.surplus[rows])

    @property
    def columns(self) -> dict[str, list[int]]:
        """The columns of each expert, one for each of its draws."""
        found: dict[str, list[int]] = {}
        for column, name in enumerate(self.names):
            found.setdefault(name, []).append(column)
        return found

    @property
    def repeated(self) -> int:
        """Queries on which an expert was asked more than once."""
        asked = self.clusters != UNASKED
        again = [asked[:, columns].sum(axis=1) > 1 for columns in self.columns.values()]
        return int(np.any(again, axis=0).sum()) if again else 0

    @property
    def certain(self) -> int:
        """Comparable answers whose log-probability is known beside a usual one."""
        return int(((self.clusters >= 0) & ~np.isnan(self.surplus)).sum())


def clusters_of(answers: Sequence[str | None]) -> list[int]:
    """The clusters of comparable answers to one query: equal strings fall together; None is an abstention."""
    seen: dict[str, int] = {}
    return [ABSTAINED if answer is None else seen.setdefault(answer, len(seen)) for answer in answers]


def from_records(records: Iterable[Mapping[str, Any]], scores: Mapping[str, float] | None = None) -> Observed:
    """What consultations of one's own have brought, from their calls' records: clusters, never texts.

    Args:
        records: Of calls; those that consulted nobody are left out.
        scores: Feedback by call id, 0..1; from `RIGHT_FROM` on the returned answer was right. Of a call without
            feedback it is unknown which cluster is right, and the fit integrates over that.
    """
    told = [record for record in records if _compared(record.get("consult") or {})]
    draws = [Counter(ask["expert"] for ask in record["consult"]["asks"]) for record in told]
    most: Counter[str] = reduce(or_, draws, Counter())
    names = tuple(sorted(most.elements()))  # each as often as one call has asked it
    clusters = np.full((len(told), len(names)), UNASKED)
    quality, surplus = np.full((len(told), len(names)), 0.5), np.full((len(told), len(names)), np.nan)
    right = np.full(len(told), UNKNOWN)
    for row, record in enumerate(told):
        predicted = {one["expert"]: one["quality"] for one in record["candidates"]}
        for ask in record["consult"]["asks"]:
            column = names.index(ask["expert"])
            while clusters[row, column] != UNASKED:
                column += 1
            clusters[row, column] = ABSTAINED if ask["cluster"] is None else ask["cluster"]
            quality[row, column] = predicted.get(ask["expert"], 0.5)
            known = ask.get("surplus")
            surplus[row, column] = np.nan if known is None else known
            score = (scores or {}).get(record["call_id"])
            if ask["expert"] == record["expert"] and ask["cluster"] is not None and (score or 0.0) >= RIGHT_FROM:
                right[row] = ask["cluster"]
    return Observed(names, quality, clusters, right, np.zeros(len(told), dtype=np.int64), surplus)


def _compared(consult: Mapping[str, Any]) -> bool:
    """Whether two experts or more answered what could be compared: that nothing could is no abstention."""
    return len(consult.get("asks", ())) > 1 and consult.get("compared") is not False


def observe(
    names: Sequence[str],
    quality: Floats,
    answers: Sequence[Sequence[str | None]],
    scores: Floats,
    alternatives: Sequence[int | None],
) -> tuple[Observed, Indices]:
    """Outcomes with answers and scores as the fit takes them.

    Queries are left out where the same answer was graded right for one expert and wrong for another: they say that the
    key changed between two gradings, and nothing of the experts.

    Args:
        names: The experts.
        quality: Predictions, shape (queries, experts).
        answers: In a comparable form, None for abstentions.
        scores: 0..1, NaN where the expert was not asked, shape (queries, experts).
        alternatives: By query, None for without end.

    Returns:
        The outcomes, and the rows that they are of.
    """
    kept, clusters, right = [], [], []
    for row, (given, score) in enumerate(zip(answers, scores, strict=True)):
        asked = ~np.isnan(score)
        places = clusters_of([answer if told else None for answer, told in zip(given, asked, strict=True)])
        good = {c for c, s, told in zip(places, score, asked, strict=True) if told and c >= 0 and s >= RIGHT_FROM}
        poor = {c for c, s, told in zip(places, score, asked, strict=True) if told and c >= 0 and s < RIGHT_FROM}
        if good & poor or len(good) > 1 or not asked.any():
            continue
        kept.append(row)
        clusters.append([c if told else UNASKED for c, told in zip(places, asked, strict=True)])
        right.append(good.pop() if good else NONE_RIGHT)
    rows = np.array(kept, dtype=np.int64)
    shape = (len(kept), len(names))
    return (
        Observed(
            names=tuple(names),
            quality=quality[rows],
            clusters=np.array(clusters, dtype=np.int64).reshape(shape),
            right=np.array(right, dtype=np.int64),
            alternatives=np.array([alternatives[row] or 0 for row in kept], dtype=np.int64),
        ),
        rows,
    )
