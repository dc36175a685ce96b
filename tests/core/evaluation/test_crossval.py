import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.evaluation.costs import table_costs
from leeroo.evaluation.crossval import folds_of, frontier_areas, gain, least_cost, more_won, ordered, without_stems_of
from leeroo.outcomes.table import OutcomeTable
from tests.core.tables import table_of


def table(experts=3, queries=240, seed=0):
    rng = np.random.default_rng(seed)
    chance = np.where(np.arange(queries)[:, None] % 2 == 0, 0.95, np.linspace(0.1, 0.95, experts))
    scores = (rng.random((queries, experts)) < chance).astype(np.float32)
    texts, names = [f"question number {i}" for i in range(queries)], [f"e{j}" for j in range(experts)]
    prices = [[10.0**j, 10.0**j] for j in range(experts)]
    return table_of("t", texts, ["d"] * queries, names, prices, scores, 10)


def test_the_oracle_wins_all_and_fixed_means_nothing():
    t = table()
    oracle = gain(t, t.scores.astype(float), "oracle", pools=20, resamples=5)
    assert oracle.won == pytest.approx(1, abs=0.02)
    assert oracle.order == 1
    means = gain(t, np.repeat(t.scores.mean(axis=0, keepdims=True), len(t), axis=0).astype(float), "means", pools=20)
    assert abs(means.won) < 0.15
    assert means.low <= means.won <= means.high


def test_knowing_the_easy_half_wins_some():
    t = table()
    easy = np.where(np.arange(240)[:, None] % 2 == 0, 0.95, np.linspace(0.1, 0.95, 3))
    assert gain(t, easy, "easy", pools=20).won > 0.3


def test_ties_count_half_and_a_table_without_prices_has_no_pools():
    t = table()
    assert ordered(np.zeros(t.scores.shape), t.scores.astype(float)) == 0.5
    free = OutcomeTable(**{**vars(t), "prices": np.full((3, 2), np.nan, np.float32)})
    found = gain(free, t.scores.astype(float), "oracle")
    assert found.pools == 0
    assert np.isnan(found.won)


def test_one_expert_is_refused():
    with pytest.raises(ConfigError, match="at least two experts"):
        gain(table(experts=1), np.zeros((240, 1)), "x")


def test_versions_of_a_question_share_a_fold():
    a, b = folds_of(["Which is it?\nA. one\nB. two", "Which is it?\nA. one\nB. two\nC. three"])
    assert a == b


def test_another_version_of_a_question_is_not_among_the_others():
    queries = ["Which is it?\nA. one\nB. two", "Which is it?\nA. one\nB. two\nC. three", "And which is that?"]
    assert without_stems_of(queries, np.array([0])).tolist() == [False, False, True]


def test_the_least_cost_of_a_share_of_the_best():
    t = table()
    scores, costs = t.scores.astype(float), t.costs.astype(float)
    full = least_cost(np.repeat(scores.mean(axis=0, keepdims=True), len(t), axis=0), scores, costs, 1.0)
    assert full == pytest.approx(1)
    oracle = least_cost(scores, scores, costs, 1.0)
    assert 0 < oracle < 0.5
    assert least_cost(scores, scores, costs, 0.95) < oracle
    assert np.isnan(least_cost(scores, scores, np.full_like(costs, np.nan), 0.95))
    reached = gain(t, scores, "oracle", pools=5, resamples=3)
    assert reached.at_99 > reached.at_95 > 0
    assert reached.to_dict()["at_95"] == reached.at_95


def test_rows_that_are_only_known_choose_what_is_fixed_and_count_for_nothing_else():
    """As `benchmarks/peers.py` uses it: fold -1 is known, fold 0 is asked about."""
    t = table(queries=400)
    scores, costs = t.scores.astype(float), t.costs.astype(float)
    fold = np.where(np.arange(400) < 200, -1, 0)
    weight = np.where(fold == 0, 1 / 200, 0.0)[None]
    unknown = np.where(fold[:, None] == 0, scores, np.nan)
    router, fixed, oracle, _ = frontier_areas(scores, costs, unknown, fold, weight)[:, 0]
    assert router == pytest.approx(oracle, abs=0.01)
    assert fixed < oracle
    # Where the known rows say that the dearest is never right, no fixed choice takes it.
    misled = scores.copy()
    misled[:200, 1:] = 0
    _, cheapest, _, _ = frontier_areas(misled, costs, unknown, fold, weight)[:, 0]
    assert cheapest == pytest.approx(scores[200:, 0].mean())


def test_knowing_what_each_call_costs_wins_more_than_mean_costs():
    t = table(queries=400)
    tokens = np.where(np.arange(400) % 4 < 2, 100.0, 1.0)[:, None] * np.ones(3)
    uneven = OutcomeTable(**{**vars(t), "completion_tokens": tokens.astype(np.float32)})
    blind = np.repeat(uneven.scores.mean(axis=0, keepdims=True), len(t), axis=0).astype(float)
    told = gain(uneven, blind, "told", expected=table_costs(uneven, tokens), pools=20, resamples=2)
    assert told.won > told.won_by_means + 0.05
    untold = gain(uneven, blind, "untold", pools=20, resamples=2)
    assert untold.won == untold.won_by_means == pytest.approx(told.won_by_means)


def test_a_table_that_assumes_one_length_is_priced_by_it():
    t = table()
    assert np.allclose(table_costs(t, np.full(t.scores.shape, 1e6)), t.costs)


def test_what_is_won_more_is_told_with_the_interval_of_the_difference():
    t = table()
    rng = np.random.default_rng(3)
    good = t.scores + rng.normal(scale=0.3, size=t.scores.shape)
    better, worse = (gain(t, told, "x", pools=20, resamples=20) for told in (good, rng.random(t.scores.shape)))
    told, low, high = more_won(better, worse)
    assert told == pytest.approx(better.won - worse.won)
    assert low < told < high
    assert more_won(better, better) == (0.0, 0.0, 0.0)
    assert "draws" not in better.to_dict()
