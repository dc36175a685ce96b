"""The queries of a round: aimed where the predictor is uncertain or wrong, and where experts differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import numpy.typing as npt

from leeroo.selfplay.domains import Domain
from leeroo.selfplay.families import VERIFIED
from leeroo.selfplay.items import Float32, Item, near, spread
from leeroo.selfplay.posterior import Belief, information

Float64 = npt.NDArray[np.float64]
Cell = tuple[str, int]
"""(domain, difficulty)."""
NEAR = 0.95
"""Cosine from which on two written questions are the same one in other words."""
FLOOR = 0.25
"""Weight that every cell keeps, however well it is predicted."""
OVERSAMPLE = 3
"""Candidates made for each question kept, where they cost nothing."""
BY_CHANCE = 0.25
"""Share of a cell's questions that are not chosen by what they would tell."""


@dataclass
class CellRecord:
    """What earlier rounds met in one cell.

    Attributes:
        errors: Squared error of the prediction made before each outcome.
        apart: Difference between the best and the worst expert on each query that several answered.
    """

    errors: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)


def cells(domains: Mapping[str, Domain]) -> list[Cell]:
    """All cells, in order."""
    return [(name, int(level)) for name, domain in domains.items() for level in domain.difficulty]


def aim(domains: Mapping[str, Domain], total: int, records: Mapping[Cell, CellRecord]) -> dict[Cell, int]:
    """How many questions each cell gets: more where predictions were wrong and experts differed.

    Each cell's mean error (of 0.25, a coin's) and mean difference are shrunk towards one half by four observations.
    """
    every = cells(domains)
    weights = []
    for name, level in every:
        record = records.get((name, level), CellRecord())
        error = (sum(min(e / 0.25, 1.0) for e in record.errors) + 2) / (len(record.errors) + 4)
        apart = (sum(record.apart) + 2) / (len(record.apart) + 4)
        own = domains[name].weight / len(domains[name].difficulty)
        weights.append(own * (FLOOR + error + apart))
    return dict(zip(every, spread(total, weights), strict=True))


def evenly(domains: Mapping[str, Domain], total: int) -> dict[Cell, int]:
    """How many questions of the held-out part each cell gets: by the domains' weights alone."""
    every = cells(domains)
    weights = [domains[name].weight / len(domains[name].difficulty) for name, _ in every]
    return dict(zip(every, spread(total, weights), strict=True))


def verified(name: str, family: str, difficulty: int, count: int, seen: set[str], random: Random) -> list[Item]:
    """New questions of a verified family; fewer where the family has no more."""
    found: list[Item] = []
    for _ in range(20 * count):
        if len(found) == count:
            break
        problem = VERIFIED[family](random, difficulty)
        if problem.question not in seen:
            seen.add(problem.question)
            found.append(Item(problem.question, problem.answer, problem.matcher, name, difficulty))
    return found


def fresh(vectors: Float32, earlier: Float32) -> npt.NDArray[np.bool_]:
    """Which written questions are no near-duplicate of earlier or one another's.

    Verified questions do not go through here: "12 + 7" and "13 + 7" lie close together and are different questions.
    """
    return ~near(vectors, earlier, NEAR)


def pick(X: Float64, beliefs: Sequence[Belief], count: int, seed: int) -> list[int]:
    """The candidates that would tell most and are expected to separate the experts; some by chance.

    The choice looks at predictions only. Outcomes are never dropped for what they turned out to be: that would teach
    wrong probabilities.

    Args:
        X: Inputs of the candidates, shape (n, d).
        beliefs: One per expert.
        count: How many to pick.
        seed: Of the chance.
    """
    if len(X) <= count:
        return list(range(len(X)))
    told = np.mean([information(*belief.logits(X)) for belief in beliefs], axis=0)
    chances = np.stack([belief.probability(X) for belief in beliefs], axis=1)
    useful = told + (chances.max(axis=1) - chances.min(axis=1))
    order = np.random.default_rng(seed).permutation(len(X))
    chosen = [int(i) for i in order[: round(BY_CHANCE * count)]]
    rest = [int(i) for i in np.argsort(-useful, kind="stable") if i not in chosen]
    return sorted(chosen + rest[: count - len(chosen)])
