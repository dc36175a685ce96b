"""How alike two texts are to a predictor: the cosine of its vectors, for likenesses that were fitted with it."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from leeroo.consult.likeness import Similarity
from leeroo.consult.readings import ends

if TYPE_CHECKING:
    from leeroo.prediction.predictor import Predictor

REMEMBERED = 16
"""Vectors that are kept: an answer is compared with every other of its call."""


def similarity_of(predictor: "Predictor") -> Similarity | None:
    """The cosine of two texts' vectors, -1..1; None where the predictor has none."""
    import numpy as np

    encode = getattr(predictor, "encode", None)
    if encode is None:
        return None
    kept: OrderedDict[str, Any] = OrderedDict()

    def vector(text: str) -> Any:
        found = kept.get(text)
        if found is None:
            found = kept[text] = encode([ends(text)])[0]
            while len(kept) > REMEMBERED:
                kept.popitem(last=False)
        return found

    def similarity(one: str, other: str) -> float:
        a, b = vector(one), vector(other)
        return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))

    return similarity
