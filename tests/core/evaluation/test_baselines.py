import numpy as np
import pytest

from leeroo.evaluation.baselines import ON_VECTORS, Known, domain_mean, nearest_chosen, on_vectors
from leeroo.evaluation.metrics import auc


def test_domain_mean_leans_on_the_overall_mean():
    scores = np.array([[1.0, 0.0]] * 50 + [[0.0, 1.0]] * 50)
    found = domain_mean(["a"] * 50 + ["b"] * 50, scores, ["a", "b", "unseen"])
    np.testing.assert_allclose(found, [[52.5 / 55, 2.5 / 55], [2.5 / 55, 52.5 / 55], [0.5, 0.5]])


def simple(count=700, *, noise=0.0):
    """Two experts that answer where one coordinate is positive; the second is unknown on every fifth query."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(count + 400, 12)).astype(np.float32)
    scores = np.stack([vectors[:, 0] > 0, vectors[:, 1] > 0], axis=1)
    scores = np.where(rng.random(scores.shape) < noise, ~scores, scores).astype(float)
    scores[::5, 1] = np.nan
    val, test = slice(count, count + 200), slice(count + 200, None)
    return Known(vectors[:count], scores[:count], vectors[val], scores[val]), vectors[test], scores[test]


@pytest.mark.parametrize("name", ON_VECTORS)
def test_every_baseline_learns_a_simple_rule(name):
    known, vectors, scores = simple()
    found = ON_VECTORS[name](known, vectors)
    assert found.shape == (200, 2)
    assert ((found >= 0) & (found <= 1)).all()
    assert auc(found[:, 0], scores[:, 0]) > 0.8
    assert auc(found[:, 1], scores[:, 1]) > 0.8


def test_the_network_stops_before_it_learns_noise():
    known, vectors, scores = simple(150, noise=0.5)  # nothing can be learned
    found = ON_VECTORS["MLP"](known, vectors)
    told = ~np.isnan(scores)
    assert np.mean((found - scores)[told] ** 2) < 0.28  # 0.25 is the best; one that learned by heart reaches 0.4


def test_the_mean_of_two_is_their_mean():
    known, vectors, _ = simple(200)
    found = on_vectors(known, vectors)
    np.testing.assert_allclose(found["mean of MLP and kNN"], (found["MLP"] + found["kNN, k=80"]) / 2)


@pytest.mark.parametrize("name", ON_VECTORS)
def test_an_expert_without_outcomes_is_predicted_at_a_half(name):
    known, vectors, _ = simple(100)
    known.scores[:, 1] = np.nan
    known.val_scores[:, 1] = np.nan
    found = ON_VECTORS[name](known, vectors)
    assert np.isfinite(found).all()
    assert abs(found[:, 1].mean() - 0.5) < 0.1


def test_as_many_neighbours_are_asked_as_err_least():
    """Neighbours tell all where few are alike, and nothing where outcomes do not depend on the query."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 40, 400)
    vectors = (np.eye(40)[group] + rng.normal(0, 0.01, (400, 40))).astype(np.float32)
    own = np.where(rng.random((40, 3)) < 0.5, 0.9, 0.1)[group]
    near = nearest_chosen(vectors[:300], own[:300], vectors[300:])
    assert np.abs(near - own[300:]).mean() < 0.3
    noise = (rng.random((300, 3)) < 0.5).astype(float)
    far = nearest_chosen(vectors[:300], noise, vectors[300:])
    assert np.abs(far - 0.5).mean() < 0.07
    few = noise.copy()
    few[rng.random(few.shape) < 0.5] = np.nan
    assert np.isfinite(nearest_chosen(vectors[:300], few, vectors[300:])).all()
    assert nearest_chosen(vectors[:3], noise[:3], vectors[300:302]).shape == (2, 3)
