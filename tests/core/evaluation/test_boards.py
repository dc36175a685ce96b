"""The leaderboards' figures, against values that they publish and against small tables done by hand."""

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation.boards import STRONG_MODELS, arena, arena_score, router_eval

SCORES = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
COSTS = np.tile([0.001, 0.002, 0.010], (4, 1))


@pytest.mark.parametrize(
    ("accuracy", "usd", "published"),
    [(0.7597, 0.11, 75.38), (0.7640, 0.18, 75.27), (0.7472, 0.13, 74.13), (0.7632, 0.94, 72.82)],
    ids=["vLLM-SR", "Sqwish", "AgentForge", "Weave"],
)
def test_the_leaders_scores_come_out_as_published(accuracy, usd, published):
    """RouterArena's leaderboard of June 2026; its costs are rounded to cents."""
    assert 100 * arena_score(accuracy, usd) == pytest.approx(published, abs=0.1)


def test_cost_counts_within_the_boards_range():
    assert arena_score(0.7, 0.0001) == arena_score(0.7, 0.0044)
    assert arena_score(0.7, 500) == arena_score(0.7, 200) == 0
    assert arena_score(0.0, 1.0) == 0
    for wrong in ((1.2, 1.0), (0.5, 0.0)):
        with pytest.raises(ConfigError):
            arena_score(*wrong)


def test_optimality_by_hand():
    """Three queries are solvable; on the first the cheapest right one is taken, on the second a dearer one."""
    found = arena(np.array([0, 2, 0, 0]), SCORES, COSTS)
    assert found.accuracy == 0.5
    assert found.cost_per_1k == pytest.approx((1 + 10 + 1 + 1) / 4)
    assert found.optimal_selection == pytest.approx(1 / 3)
    assert found.optimal_cost == pytest.approx((0.001 + 0.002) / (0.001 + 0.010))
    assert found.optimal_accuracy == pytest.approx(2 / 3)
    assert found.robustness is None


def test_the_oracle_is_optimal_and_a_stable_router_is_robust():
    best = np.array([0, 1, 0, 2])
    found = arena(best, SCORES, COSTS, np.array([0, 1, 1, 2]))
    assert (found.optimal_selection, found.optimal_cost, found.optimal_accuracy) == (1, pytest.approx(1), 1)
    assert found.robustness == 0.75


def test_nothing_solvable_is_no_share():
    found = arena(np.array([0]), np.zeros((1, 2)), np.ones((1, 2)))
    assert np.isnan(found.optimal_selection)
    assert np.isnan(found.optimal_accuracy)


def test_router_evals_figures():
    found = router_eval(SCORES, SCORES, STRONG_MODELS["gsm8k"])
    assert found.accuracy == 0.75
    assert found.over_reference == pytest.approx(0.75 / 0.92)
    assert found.over_best == pytest.approx(1.0)  # the dearest expert is right wherever anyone is
    flat = router_eval(np.zeros((4, 3)), SCORES)
    assert flat.entropy == pytest.approx(np.log2(3))
    assert flat.entropy > found.entropy
    assert np.isnan(flat.over_reference)
