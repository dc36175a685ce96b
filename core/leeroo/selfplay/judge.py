"""An LLM as judge: a rubric, both orders, and a calibration on answers whose truth is known.

Each answer is rated beside a reference answer, once in first and once in second place, since judges favour a place
(Zheng et al. 2023, "Judging LLM-as-a-Judge", section 3.4). The mean rating becomes P(right) by a logistic curve fitted
on answers that a matcher has scored (Platt 1999).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leeroo.evaluation.metrics import auc
from leeroo.selfplay.calls import Caller, Reply, Request
from leeroo.selfplay.items import Item
from leeroo.training.bayes import map_logistic

RUBRIC = "Is the answer correct, complete and to the point?"
MOST_APART = 0.5
"""Ratings (0..1) of one answer in the two places that lie farther apart say nothing."""
LEAST_AUC = 0.6
"""A judge that tells right from wrong answers less well than this is not believed."""
_TOKENS = 48
_PROMPT = """\
You compare two answers to a question. Rate each from 0 (wrong or useless) to 10 (right and complete).
What counts: {rubric}

Question:
{question}

Answer A:
{first}

Answer B:
{second}

Reply with JSON only, such as {{"A": 3, "B": 9}}."""
_AGAIN = "\n\nReply with nothing but the JSON object with the numbers A and B."
_PAIR = re.compile(r"\{[^{}]*\}", re.DOTALL)
_LOOSE = re.compile(r"\bA\b\W{0,4}(\d+(?:\.\d+)?).*?\bB\b\W{0,4}(\d+(?:\.\d+)?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a judge's ratings become P(right).

    Attributes:
        slope: Of the logistic curve on the rating minus one half.
        offset: The same.
        auc: P(a right answer was rated above a wrong one) on the checked answers; None where none were, or all alike.
        answers: How many were checked.
    """

    slope: float = 6.0
    offset: float = 0.0
    auc: float | None = None
    answers: int = 0

    @property
    def trusted(self) -> bool:
        """Whether the ratings are used: not where the checked answers speak against it."""
        return self.auc is None or self.auc >= LEAST_AUC

    def __call__(self, rating: float) -> float:
        """P(right) of a rating 0..1."""
        return float(1 / (1 + np.exp(-(self.slope * (rating - 0.5) + self.offset))))


def calibrate(ratings: Sequence[float | None], scores: Sequence[float]) -> Calibration:
    """Fit the curve on answers with a known score; the prior is a judge that is right about its halves."""
    pairs = [(r, s) for r, s in zip(ratings, scores, strict=True) if r is not None]
    if not pairs:
        return Calibration()
    rated = np.array([r for r, _ in pairs], dtype=np.float64)
    truth = np.array([s for _, s in pairs], dtype=np.float64)
    X = np.stack([rated - 0.5, np.ones_like(rated)], axis=1)
    slope, offset = map_logistic(X, truth, np.array([6.0, 0.0]), np.array([1 / 3.0**2, 1.0]), steps=30)
    told = auc(rated, truth)
    return Calibration(max(float(slope), 0.0), float(offset), None if np.isnan(told) else told, len(pairs))


def rate(
    caller: Caller, expert: str, asked: Sequence[tuple[str, Item, str, str]], rubrics: dict[str, str]
) -> list[float | None]:
    """The judge's ratings of answers, 0..1; None where it broke the format twice, failed, or contradicts itself.

    Args:
        caller: Asks the judge.
        expert: Who judges.
        asked: (key, item, answer, reference answer); the key names the rating in the journal.
        rubrics: Rubric by domain.
    """
    requests = []
    for key, item, answer, reference in asked:
        for place, (first, second) in enumerate(((answer, reference), (reference, answer))):
            text = _PROMPT.format(
                rubric=rubrics.get(item.domain) or RUBRIC, question=item.question, first=first, second=second
            )
            requests.append(Request(f"judge/{key}/{place}", expert, text, _TOKENS))
    replies = caller.many(requests)
    broken = [i for i, reply in enumerate(replies) if reply.text is not None and _verdict(reply) is None]
    again = [Request(f"{requests[i].key}/again", expert, requests[i].prompt + _AGAIN, _TOKENS) for i in broken]
    for i, reply in zip(broken, caller.many(again), strict=True):
        replies[i] = reply
    ratings: list[float | None] = []
    for number in range(len(asked)):
        one, two = (_verdict(reply) for reply in replies[2 * number : 2 * number + 2])
        if one is None or two is None or abs(one[0] - two[1]) > MOST_APART:
            ratings.append(None)
        else:
            ratings.append((one[0] + two[1]) / 2)
    return ratings


def _verdict(reply: Reply) -> tuple[float, float] | None:
    """The ratings of A and B, 0..1, or None."""
    text = reply.text or ""
    for found in _PAIR.findall(text):
        try:
            values = json.loads(found)
            pair = float(values["A"]) / 10, float(values["B"]) / 10
        except (ValueError, KeyError, TypeError):
            continue
        return pair if all(0 <= value <= 1 for value in pair) else None
    loose = _LOOSE.search(text)
    if loose is None:
        return None
    pair = float(loose[1]) / 10, float(loose[2]) / 10
    return pair if all(0 <= value <= 1 for value in pair) else None
