import numpy as np

from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction import ConstantPredictor, Predictor


def test_constants_are_given_per_expert():
    predictor = ConstantPredictor({"a": 0.9}, output_tokens=50, default=0.3)
    pool = [Expert(model="m", name=name, price=Price(input=1, output=1)) for name in ("a", "b")]
    found = predictor.predict(["x", "y"], pool)
    assert isinstance(predictor, Predictor)
    np.testing.assert_allclose(found.quality, [[0.9, 0.3]] * 2)
    assert (found.output_tokens == 50).all()
    assert found.sources == ("constant", "constant")
