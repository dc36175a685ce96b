import numpy as np
import pytest

from leeroo.evaluation import metrics
from leeroo.evaluation.intervals import RoutingFigures, bootstrap


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide():
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap(lambda rows: {"mean": float(values[rows].mean())}, 400, draws=1000)["mean"]
    assert low < values.mean() < high
    assert high - low == pytest.approx(4 * values.std() / 20, rel=0.1)


def test_a_figure_that_is_never_reached_has_an_infinite_end():
    assert bootstrap(lambda rows: {"cost": float("nan")}, 10, draws=20)["cost"] == (np.inf, np.inf)


def test_all_queries_once_give_the_figures_of_the_report():
    rng = np.random.default_rng(0)
    predicted, scores = rng.random((60, 3)), (rng.random((60, 3)) < 0.5).astype(float)
    costs = np.array([1.0, 2.0, 5.0]) * rng.uniform(0.5, 1.5, size=(60, 3))
    found = RoutingFigures(predicted, costs, scores, costs, ref=2, weak=0)(np.arange(60))
    curve = metrics.sweep(predicted, costs, scores, costs, points=200)
    advantage = predicted[:, 2] - predicted[:, 0]
    assert found["apgr"] == pytest.approx(metrics.apgr(advantage, scores[:, 0], scores[:, 2]))
    reached = metrics.accuracy_at(curve, float(costs[:, 2].mean()))
    assert found["accuracy_at_reference_cost"] == pytest.approx(reached)
