"""Two experts that choose different letters, and say how probable theirs was: for tests of log-probabilities."""

from leeroo.prediction.predictor import ConstantPredictor

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide"
DEMAND = {"consult": True, "min_quality": 0.99}
NEAR = ConstantPredictor({"small": 0.6, "large": 0.63}, output_tokens=20)


def says(letter, value=-0.3, **more):
    """How a model of the scripted server behaves that answers a letter, with its log-probability."""
    return {"text": f"{letter}.", "logprobs": [(letter, value), (".", -0.01)], **more}


def disagree(server):
    """The small model says A, the large one B."""
    server.behave("small-model", says("A"))
    server.behave("large-model", says("B"))
