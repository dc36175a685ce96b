import numpy as np
import pytest

from leeroo.evaluation.baselines import ON_VECTORS, domain_mean
from leeroo.evaluation.metrics import auc


def test_domain_mean_leans_on_the_overall_mean():
    scores = np.array([[1.0, 0.0]] * 50 + [[0.0, 1.0]] * 50)
    found = domain_mean(["a"] * 50 + ["b"] * 50, scores, ["a", "b", "unseen"])
    np.testing.assert_allclose(found, [[52.5 / 55, 2.5 / 55], [2.5 / 55, 52.5 / 55], [0.5, 0.5]])


@pytest.mark.parametrize("name", ON_VECTORS)
def test_every_baseline_learns_a_simple_rule(name):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(900, 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.stack([vectors[:, 0] > 0, vectors[:, 1] > 0], axis=1).astype(float)
    scores[::5, 1] = np.nan
    found = ON_VECTORS[name](vectors[:700], scores[:700], vectors[700:])
    assert found.shape == (200, 2)
    assert ((found >= 0) & (found <= 1)).all()
    assert auc(found[:, 0], scores[700:, 0]) > 0.8
    assert auc(found[:, 1], scores[700:, 1]) > 0.8
