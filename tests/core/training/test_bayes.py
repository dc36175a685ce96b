import numpy as np

from leeroo.training.bayes import kmeans, map_logistic, pooled_platt


def test_the_prior_wins_without_data_and_loses_with_much():
    mean, precision = np.array([1.0, -1.0]), np.array([4.0, 4.0])
    np.testing.assert_array_equal(map_logistic(np.zeros((0, 2)), np.zeros(0), mean, precision), mean)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 2))
    y = (rng.random(20_000) < 1 / (1 + np.exp(-(X @ np.array([-2.0, 0.5]))))).astype(float)
    np.testing.assert_allclose(map_logistic(X, y, mean, precision), [-2.0, 0.5], atol=0.1)


def test_calibration_mends_overconfidence_and_keeps_the_order():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(3000, 2))
    scores = (rng.random((3000, 2)) < 1 / (1 + np.exp(-truth))).astype(float)
    found = pooled_platt(truth * 3, scores)
    np.testing.assert_allclose(found[:, 0], 1 / 3, atol=0.06)
    assert (pooled_platt(-truth, scores)[:, 0] > 0).all()
    np.testing.assert_array_equal(pooled_platt(truth, np.full_like(truth, np.nan)), [[1, 0], [1, 0]])


def test_centroids_find_separate_groups():
    rng = np.random.default_rng(2)
    groups = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 300)] + rng.normal(0, 0.01, (300, 3)).astype(np.float32)
    centres = kmeans(groups / np.linalg.norm(groups, axis=1, keepdims=True), 12)
    assert (np.eye(3) @ centres.T).max(axis=1).min() > 0.99
