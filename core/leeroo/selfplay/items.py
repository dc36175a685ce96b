"""One question of a run, and how its answers are scored."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeroo.consult.marks import marks_of_fingerprints
from leeroo.outcomes.table import OutcomeTable
from leeroo.pool.pool import Pool
from leeroo.selfplay.domains import Check

Float32 = npt.NDArray[np.float32]
FAMILY = "family"
"""Origin of verified questions."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question of a run.

    Attributes:
        question: The text that experts are asked.
        answer: What is right: a reference answer, or assertions for `code`; "" where nobody knows.
        check: How answers are scored.
        domain: Its domain's name.
        difficulty: 1 .. 3.
        origin: `family`, or the expert that wrote it.
    """

    question: str
    answer: str
    check: Check
    domain: str
    difficulty: int
    origin: str = FAMILY

    @property
    def id(self) -> str:
        """Of the question's text."""
        return hashlib.sha256(self.question.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one expert's answers to one item.

    Attributes:
        item: The item's id.
        expert: Who answered.
        score: 0..1; the share of right answers where there are several.
        input_tokens: Mean of the draws.
        output_tokens: The same.
        nano: Nano-dollars of all draws.
        draws: How many answers were scored.
        same: The answer's fingerprint (`leeroo.consult.marks`); None of several draws, or if nothing can be compared.
    """

    item: str
    expert: str
    score: float
    input_tokens: float
    output_tokens: float
    nano: int
    draws: int = 1
    same: float | None = None


def as_table(name: str, items: Sequence[Item], outcomes: Sequence[Outcome], pool: Pool) -> OutcomeTable:
    """Items and outcomes as an outcome table with a column per expert of the pool; unknown pairs are NaN."""
    row_of = {item.id: i for i, item in enumerate(items)}
    scores, tokens_in, tokens_out = (np.full((len(items), len(pool)), np.nan, dtype=np.float32) for _ in range(3))
    same = np.full(scores.shape, np.nan)
    for outcome in outcomes:
        at = row_of[outcome.item], pool.names.index(outcome.expert)
        scores[at], tokens_in[at], tokens_out[at] = outcome.score, outcome.input_tokens, outcome.output_tokens
        same[at] = np.nan if outcome.same is None else outcome.same
    return OutcomeTable(
        name=name,
        query_ids=tuple(item.id for item in items),
        datasets=tuple(item.origin for item in items),
        domains=tuple(item.domain for item in items),
        queries=tuple(item.question for item in items),
        experts=pool.names,
        prices=np.array([(e.known_price.input, e.known_price.output) for e in pool], dtype=np.float32),
        scores=scores,
        prompt_tokens=tokens_in,
        completion_tokens=tokens_out,
        answers=np.array([marks_of_fingerprints(row) for row in same.tolist()], dtype=object).reshape(scores.shape),
    )


def near(vectors: Float32, others: Float32, threshold: float) -> npt.NDArray[np.bool_]:
    """Which vectors have a cosine above the threshold with one of the others, or with an earlier one of their own.

    Args:
        vectors: Shape (n, width).
        others: Shape (m, width); m may be 0.
        threshold: Of the cosine.
    """
    from leeroo.prediction.arithmetic import unit

    found = np.zeros(len(vectors), dtype=bool)
    own, far = unit(vectors), unit(others) if len(others) else None
    for i, vector in enumerate(own):
        kept = own[:i][~found[:i]]
        found[i] = bool((kept @ vector > threshold).any()) or (
            far is not None and bool((far @ vector > threshold).any())
        )
    return found


def spread(total: int, weights: Sequence[float]) -> list[int]:
    """A total in whole shares by weight, the largest remainders rounded up."""
    share = np.asarray(weights, dtype=np.float64)
    exact = total * share / share.sum()
    counts = np.floor(exact).astype(int)
    for place in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[place] += 1
    return [int(count) for count in counts]
