"""Two parts of a table, each played with the model that was fitted on the other: every query counts, none twice."""

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.evaluation.replay import Comparison, Scored, compare
from leeroo.evaluation.replaying import Game
from leeroo.outcomes.table import OutcomeTable


def compare_crossed(one: Game, other: Game, table: OutcomeTable) -> Comparison:
    """Play every policy on both parts, each with what was fitted on the other, and join what they reached.

    Args:
        one: A part of the queries.
        other: Another, without a query of the former.
        table: Where scores are, looked at once all is played.

    Returns:
        The comparison; `fitted` is the model that was fitted on the second part.

    Raises:
        ConfigError: The parts have different best experts, so that there is no one reference.
    """
    first, second = compare(one, other, table), compare(other, one, table)
    if first.reference != second.reference:
        raise ConfigError(
            f"{first.reference} is the best of one part and {second.reference} of the other; compare them one by one."
        )
    return Comparison(
        scored={name: _joined(found, second.scored[name]) for name, found in first.scored.items()},
        reference=first.reference,
        reference_score=np.concatenate([first.reference_score, second.reference_score]),
        reference_cost=np.concatenate([first.reference_cost, second.reference_cost]),
        fitted=first.fitted,
    )


def _joined(one: Scored, other: Scored) -> Scored:
    """Settings side by side, cheapest first: fixed cascades are not the same ones in both parts, nor as many."""
    many = max(len(one.score), len(other.score))
    a, b = _stretched(one, many), _stretched(other, many)
    share = one.score.shape[1] / (one.score.shape[1] + other.score.shape[1])
    return Scored(
        score=np.concatenate([one.score[a], other.score[b]], axis=1),
        cost=np.concatenate([one.cost[a], other.cost[b]], axis=1),
        asks=share * one.asks[a] + (1 - share) * other.asks[b],
        rounds=share * one.rounds[a] + (1 - share) * other.rounds[b],
    )


def _stretched(found: Scored, many: int) -> npt.NDArray[np.int64]:
    places = np.linspace(0, len(found.score) - 1, many)
    return np.asarray(places.round(), dtype=np.int64)
