"""A loopback server, and a router whose experts are its models."""

import leeroo
from leeroo.prediction.predictor import ConstantPredictor


def router(server, **quality):
    experts = {
        name: leeroo.Expert(model=name, base_url=server.url, price=leeroo.Price(input=place + 1.0, output=place + 2.0))
        for place, name in enumerate(quality)
    }
    return leeroo.Router(experts, predictor=ConstantPredictor(quality, output_tokens=20))
