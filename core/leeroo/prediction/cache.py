"""Vectors of queries in a file: they are kept between runs because they take long to make."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]


def kept_vectors(
    queries: Sequence[str], encode: "Callable[[Sequence[str]], Vectors]", file: Path, *, progress: bool = False
) -> "Vectors":
    """Vectors from a file; only those of queries that it has not are computed, and added to it.

    Args:
        queries: The texts.
        encode: Texts to vectors, shape (texts, width). Its identity must be part of the file's name.
        file: An .npz file, made where it is not there.
        progress: Show a progress bar.

    Returns:
        Shape (queries, width).
    """
    import numpy as np

    keys = [hashlib.sha256(query.encode()).hexdigest()[:24] for query in queries]
    known: dict[str, Vectors] = {}
    if file.exists():
        with np.load(file) as stored:
            known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    fresh = {key: query for key, query in zip(keys, queries, strict=True) if key not in known}
    if fresh:
        order = sorted(fresh, key=lambda key: len(fresh[key]))
        chunks = [order[start : start + 256] for start in range(0, len(order), 256)]
        for chunk in _tracked(chunks, progress):
            known |= zip(chunk, encode([fresh[key] for key in chunk]), strict=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_name(f"{file.stem}-{os.getpid()}.npz")
        np.savez(whole, keys=np.array(list(known)), vectors=np.stack(list(known.values())))
        whole.replace(file)
    return np.stack([known[key] for key in keys])


def _tracked(chunks: list[list[str]], progress: bool) -> Iterable[list[str]]:
    if not progress:
        return chunks
    from rich.progress import track

    return track(chunks, description="encoding")
