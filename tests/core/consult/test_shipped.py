import numpy as np

from leeroo.consult.model import ConsultModel, nodes, shipped


def test_what_ships_is_a_fitted_model():
    assert shipped() != ConsultModel()
    assert shipped().slope > 1
    assert shipped() is shipped()


def test_the_difficulty_has_the_moments_of_a_standard_normal():
    places, weights = nodes()
    assert np.allclose([np.sum(weights * places**k) for k in range(5)], [1, 0, 1, 0, 3])
