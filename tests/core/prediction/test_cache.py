import numpy as np
import pytest

from leeroo.prediction.cache import kept_vectors


class Encoder:
    """Remembers what it was asked."""

    def __init__(self):
        self.seen = []

    def __call__(self, texts):
        self.seen += texts
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


@pytest.mark.parametrize("progress", [False, True])
def test_only_new_queries_are_encoded_and_rows_keep_their_order(tmp_path, progress):
    encoder, file = Encoder(), tmp_path / "new" / "vectors.npz"
    first = kept_vectors(["ccc", "a", "ccc"], encoder, file, progress=progress)
    assert first.tolist() == [[3, 1], [1, 1], [3, 1]]
    assert encoder.seen == ["a", "ccc"]
    second = kept_vectors(["bb", "a"], encoder, file, progress=progress)
    assert second.tolist() == [[2, 1], [1, 1]]
    assert encoder.seen == ["a", "ccc", "bb"]
    assert [path.name for path in file.parent.iterdir()] == ["vectors.npz"]
