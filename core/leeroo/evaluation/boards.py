"""What public leaderboards of routers measure, on outcomes of one's own: RouterArena's and RouterEval's figures.

RouterArena (Lu et al. 2025, arXiv 2510.00202) as its repository computes them in June 2026: one choice per query is
judged. RouterEval (Huang et al. 2025, arXiv 2503.10657): the best expert by prediction answers, whatever it costs.
Neither board's questions are here; a figure on other outcomes is no place on a board.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError

Floats = npt.NDArray[np.float64]
Choice = npt.NDArray[np.intp]

DEAREST, CHEAPEST, BETA = 200.0, 0.0044, 0.1
"""RouterArena's range of USD per 1,000 queries, and the weight of accuracy against cost."""
STRONG_MODELS = {
    "arc": 0.852, "hellaswag": 0.953, "mmlu": 0.864, "truthfulqa": 0.669, "winogrande": 0.875, "gsm8k": 0.92,
    "ifeval": 0.7689, "bbh": 0.8303, "gpqa": 0.397, "math": 0.4, "musr": 0.699, "mmlu_pro": 0.637,
}  # fmt: skip
"""Accuracy of the strong model that RouterEval compares with, by benchmark (its repository, October 2025)."""


@dataclass(frozen=True)
class ArenaFigures:
    """RouterArena's figures, all but `cost_per_1k` 0..1.

    Attributes:
        score: The arena score, of accuracy and cost.
        accuracy: Mean score of the choices.
        cost_per_1k: USD per 1,000 queries.
        optimal_selection: Share of the solvable queries for which the cheapest right expert was chosen. A query is
            solvable when some expert of the pool is right.
        optimal_cost: Where the choice was right: what the cheapest right experts cost, over what the choices cost.
        optimal_accuracy: Mean score of the choices on solvable queries.
        robustness: Share of choices that stay when queries are reworded; None where that was not asked.
    """

    score: float
    accuracy: float
    cost_per_1k: float
    optimal_selection: float
    optimal_cost: float
    optimal_accuracy: float
    robustness: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """As plain numbers."""
        return asdict(self)


def arena_score(accuracy: float, cost_per_1k: float) -> float:
    """RouterArena's score: a weighted harmonic mean of accuracy and log cost, 0..1.

    Args:
        accuracy: 0..1.
        cost_per_1k: USD per 1,000 queries; counted within the board's range.

    Raises:
        ConfigError: Accuracy is not 0..1, or nothing was paid.
    """
    if not 0 <= accuracy <= 1:
        raise ConfigError(f"accuracy={accuracy} is not between 0 and 1.")
    if not cost_per_1k > 0:
        raise ConfigError(f"cost_per_1k={cost_per_1k} is not above 0: RouterArena's score takes the logarithm of it.")
    cost = min(max(cost_per_1k, CHEAPEST), DEAREST)
    cheap = math.log2(DEAREST / cost) / math.log2(DEAREST / CHEAPEST)
    weighted = BETA * accuracy + cheap
    return (1 + BETA) * accuracy * cheap / weighted if weighted else 0.0


def arena(chosen: Choice, scores: Floats, costs: Floats, reworded: Choice | None = None) -> ArenaFigures:
    """Judge one choice per query.

    Args:
        chosen: Columns of the experts chosen, shape (queries,).
        scores: 0..1, shape (queries, experts); 1 is right.
        costs: USD, same shape.
        reworded: What is chosen for the same queries in other words.
    """
    rows = np.arange(len(scores))
    got, paid = scores[rows, chosen], costs[rows, chosen]
    right = scores >= 1.0
    solvable = right.any(axis=1)
    cheapest = np.where(right, costs, np.inf).argmin(axis=1)
    won = solvable & right[rows, chosen]
    least, spent = float(costs[rows, cheapest][won].sum()), float(paid[won].sum())
    accuracy, usd = float(got.mean()), float(paid.mean() * 1000)
    return ArenaFigures(
        score=arena_score(accuracy, usd) if usd > 0 else float("nan"),
        accuracy=accuracy,
        cost_per_1k=usd,
        optimal_selection=_share(np.logical_and(won, chosen == cheapest), solvable),
        optimal_cost=least / spent if spent else float("nan"),
        optimal_accuracy=float(got[solvable].mean()) if solvable.any() else float("nan"),
        robustness=None if reworded is None else float((chosen == reworded).mean()),
    )


@dataclass(frozen=True)
class EvalFigures:
    """RouterEval's figures.

    Attributes:
        accuracy: Mean score (mu).
        over_reference: Accuracy over the strong model's (V_R); NaN where none was given. Above 1 a router of weaker
            models beats it.
        over_best: Accuracy over the best single expert's (V_B).
        entropy: Of the softmax of predicted qualities, in bits, mean over queries (E_p): log2 of the pool's size
            where the router tells nothing apart.
    """

    accuracy: float
    over_reference: float
    over_best: float
    entropy: float

    def to_dict(self) -> dict[str, float | None]:
        """As plain numbers."""
        return asdict(self)


def router_eval(predicted: Floats, scores: Floats, reference: float | None = None) -> EvalFigures:
    """Ask the best expert by prediction, always, and compare with one strong model and the best single expert.

    Args:
        predicted: Shape (queries, experts).
        scores: 0..1, same shape.
        reference: The strong model's accuracy, such as one of `STRONG_MODELS`.
    """
    accuracy = float(scores[np.arange(len(scores)), predicted.argmax(axis=1)].mean())
    best = float(scores.mean(axis=0).max())
    raised = np.exp(predicted - predicted.max(axis=1, keepdims=True))
    share = raised / raised.sum(axis=1, keepdims=True)
    bits = np.where(share > 1e-10, share * np.log2(np.maximum(share, 1e-300)), 0.0)
    return EvalFigures(
        accuracy=accuracy,
        over_reference=accuracy / reference if reference else float("nan"),
        over_best=accuracy / best if best else float("nan"),
        entropy=float(-bits.sum(axis=1).mean()),
    )


def _share(of: npt.ArrayLike, among: npt.ArrayLike) -> float:
    count = float(np.sum(among))
    return float(np.sum(of)) / count if count else float("nan")
