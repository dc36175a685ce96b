import numpy as np
import pytest

from leeroo.evaluation import metrics
from leeroo.evaluation.metrics import Curve


def test_auc_counts_ties_half():
    y = np.array([0.0, 0.0, 1.0, 1.0])
    assert metrics.auc(np.array([0.1, 0.2, 0.3, 0.4]), y) == 1
    assert metrics.auc(np.array([0.4, 0.3, 0.2, 0.1]), y) == 0
    assert metrics.auc(np.full(4, 0.5), y) == 0.5
    assert metrics.auc(np.array([0.1, 0.3, 0.3, 0.4]), y) == pytest.approx(0.875)
    assert np.isnan(metrics.auc(np.array([0.1, 0.2]), np.array([1.0, np.nan])))


def test_calibration_error_is_the_gap():
    assert metrics.calibration_error(np.full(100, 0.7), np.repeat([1.0, 0.0], [40, 60])) == pytest.approx(0.3)


def test_calibration_by_chance_is_the_floor_of_few_outcomes():
    rng = np.random.default_rng(1)
    p = rng.random(400)
    errors = [metrics.calibration_error(p, (rng.random(400) < p) * 1.0) for _ in range(30)]
    assert metrics.chance_calibration_error(p, p) == pytest.approx(np.mean(errors), abs=0.006)
    assert metrics.chance_calibration_error(p[:50], p[:50]) > metrics.chance_calibration_error(p, p)


def test_reliability_gives_every_outcome_once():
    rows = metrics.reliability(np.linspace(0, 1, 101), np.append(np.full(100, 0.5), np.nan), bins=10)
    assert rows.shape == (10, 3)
    assert rows[:, 2].sum() == 100
    assert (np.diff(rows[:, 0]) > 0).all()
    np.testing.assert_allclose(rows[:, 1], 0.5)


def test_apgr_and_cpt_of_perfect_and_blind_routers():
    weak, strong = np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0, 1.0])
    assert metrics.cpt(strong - weak, weak, strong, 0.5) == 0.25
    assert metrics.cpt(strong - weak, weak, strong, 0.8) == 0.5
    assert metrics.apgr(strong - weak, weak, strong) == pytest.approx(0.75)
    rng = np.random.default_rng(0)
    weak = (rng.random(20_000) < 0.5).astype(float)
    strong = (rng.random(20_000) < 0.9).astype(float)
    blind = rng.random(20_000)
    assert metrics.apgr(blind, weak, strong) == pytest.approx(0.5, abs=0.02)
    assert metrics.cpt(blind, weak, strong, 0.8) == pytest.approx(0.8, abs=0.03)


def test_sweep_reaches_from_the_cheapest_to_the_best():
    scores = np.array([[0.0, 1.0], [1.0, 1.0]])
    costs = np.array([[1.0, 10.0], [1.0, 10.0]])
    curve = metrics.sweep(scores, costs, scores, costs)
    assert curve.cost[0] == 1
    assert metrics.cost_at(curve, 1.0) == 5.5
    assert metrics.accuracy_at(curve, 1.0) == 0.5
    assert np.isnan(metrics.cost_at(curve, 1.1))
    assert np.isnan(metrics.accuracy_at(curve, 0.5))


def test_hull_and_aiq():
    curve = Curve(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.2, 1.0, 0.5]))
    edge = metrics.hull(curve)
    assert edge.cost.tolist() == [1, 3]
    assert metrics.aiq(curve, 1.0, 3.0) == pytest.approx(0.5, abs=0.01)
    assert np.isnan(metrics.aiq(curve, 1.0, 1.0))
