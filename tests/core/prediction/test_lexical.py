import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.prediction.lexical import Lexical


def test_vectors_are_of_unit_length_and_survive_writing(tmp_path):
    words = Lexical(np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32))
    found = words.encode([[1, 2, 2, 3], [4], []])
    assert found.shape == (3, 8)
    assert np.allclose(np.linalg.norm(found[:2], axis=1), 1, atol=1e-5)
    assert not found[2].any()
    words.write(tmp_path / "lexical.safetensors")
    again = Lexical.read(tmp_path / "lexical.safetensors").encode([[1, 2, 2, 3], [4], []])
    assert np.allclose(found, again, atol=0.02)  # int8


def test_a_word_said_often_counts_more_but_not_as_often():
    words = Lexical(np.eye(3, dtype=np.float32))
    once, often = words.encode([[0, 1]])[0], words.encode([[0, 0, 0, 0, 1]])[0]
    assert once[0] == pytest.approx(once[1])
    assert 1 < often[0] / often[1] < 4


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "lexical.safetensors").write_bytes(b"not numbers")
    with pytest.raises(ConfigError, match=r"lexical\.safetensors"):
        Lexical.read(tmp_path / "lexical.safetensors")
