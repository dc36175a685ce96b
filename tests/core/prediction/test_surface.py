"""Counts of texts: what they see, and that no distance depends on them."""

import numpy as np

from leeroo.prediction.arithmetic import unit
from leeroo.prediction.surface import COUNTED, surface


def test_texts_that_differ_only_in_what_an_encoder_hardly_sees_are_told_apart() -> None:
    one, other = surface(["Add 12 and 345.", "Add 12 and 345678."])
    assert (one != other).any()
    assert (surface(["A line."])[0] != surface(["A\nline."])[0]).any()


def test_every_text_has_its_counts_whatever_it_holds() -> None:
    odd = ["", " ", "\n\n", "日本語のテキスト", "9" * 5000, "\ud800 lone", "x" * 100_000, "1e999 ?"]
    found = surface(odd)
    assert found.shape == (len(odd), COUNTED)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert surface([]).shape == (0, COUNTED)


def test_counts_of_a_text_do_not_depend_on_its_neighbours() -> None:
    assert (surface(["a b", "What is 2 + 2?"])[1] == surface(["What is 2 + 2?"])[0]).all()


def test_distances_between_vectors_hardly_change() -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(2, 64)).astype(np.float32))
    longer = np.concatenate([vectors, surface(["short", "long " * 2000])], axis=1)
    assert abs(float(unit(longer)[0] @ unit(longer)[1]) - float(vectors[0] @ vectors[1])) < 1e-3
