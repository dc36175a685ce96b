import numpy as np
import pytest

from leeroo.selfplay.orchestration import choose
from leeroo.selfplay.posterior import Belief, information

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(40, 3)), np.ones((40, 1))], axis=1)
WIDE = Belief(np.zeros(4), np.eye(4))
SURE = Belief(np.zeros(4), 1e-4 * np.eye(4))


def costs(*prices):
    return np.broadcast_to(np.array(prices, dtype=float), (len(X), len(prices))).copy()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_no_more_is_spent_than_the_share(share):
    plan = choose([WIDE, SURE], X, costs(1, 3), share=share, seed=1)
    assert plan.full_cost == 160
    assert plan.cost == sum((1, 3)[column] for _, column in plan.pairs) <= share * 160
    assert len(set(plan.pairs)) == len(plan.pairs)


def test_a_share_of_one_runs_all_and_free_pairs_are_counted():
    assert len(choose([WIDE, SURE], X, costs(1, 3), share=1.0).pairs) == 80
    assert len(choose([WIDE, WIDE], X, costs(0, 0), share=0.5).pairs) == 40


def test_money_goes_where_least_is_known_with_a_floor_of_exploration():
    pairs = choose([WIDE, SURE], X, costs(1, 1), share=0.5, explore=0.0).pairs
    assert [column for _, column in pairs].count(0) == 40
    explored = choose([WIDE, SURE], X, costs(1, 1), share=0.5, explore=0.5, seed=3).pairs
    assert [column for _, column in explored].count(1) >= 5


def test_the_same_kind_of_query_is_not_bought_twice_while_another_is_unknown():
    twins = np.array([[4.0, 0, 0, 0]] * 2 + [[0, 3.0, 0, 0]])
    pairs = choose([WIDE], twins, np.ones((3, 1)), share=2 / 3, explore=0.0).pairs
    assert {row for row, _ in pairs} == {0, 2}


def test_information_is_that_of_bald():
    """Against the definition, H[E p] - E H[p], by sampling the logit."""
    for m, v in ((0.0, 1.0), (2.0, 0.5), (-1.0, 4.0), (0.0, 0.0)):
        z = m + np.sqrt(v) * np.random.default_rng(1).normal(size=200_000)
        p = 1 / (1 + np.exp(-z))
        h = lambda q: -(q * np.log2(q) + (1 - q) * np.log2(1 - q))  # noqa: E731
        sampled = h(p.mean()) - h(p).mean()
        assert float(information(np.array([m]), np.array([v]))[0]) == pytest.approx(
            sampled, abs=0.03
        )  # the approximation's error


def test_consensus_gets_its_voters():
    plan = choose([SURE] * 4, X, costs(1, 2, 3, 4), share=0.3, explore=0.0, forced={7: 3})
    assert {(7, 0), (7, 1), (7, 2)} <= set(plan.pairs)


def test_outcomes_narrow_a_belief_towards_the_truth():
    truth = np.array([1.5, -1.0, 0.5, 0.2])
    big = np.concatenate([RNG.normal(size=(600, 3)), np.ones((600, 1))], axis=1)
    y = (RNG.random(600) < 1 / (1 + np.exp(-big @ truth))).astype(float)
    few, many = WIDE.updated(big[:20], y[:20]), WIDE.updated(big, y)
    assert np.trace(many.cov) < np.trace(few.cov) < np.trace(WIDE.cov)
    assert np.linalg.norm(many.mean - truth) < 0.4
    assert WIDE.updated(big[:0], y[:0]) is WIDE
    # A prior as wide as the truth explains the outcomes better than one that is much too narrow.
    assert WIDE.evidence(big, y) > SURE.evidence(big, y)
