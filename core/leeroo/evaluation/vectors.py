"""Vectors of the plain encoder, for the baselines: the pinned MiniLM, as it was before any fine-tuning."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency
from leeroo.prediction.artifact import ENCODER, TOKENIZER
from leeroo.prediction.encoder import Encoder
from leeroo.prediction.predictor import Predictor

Float32 = npt.NDArray[np.float32]


def cache_dir() -> Path:
    """Where vectors and the plain encoder are kept between runs: LEEROO_CACHE, or ~/.cache/leeroo."""
    return Path(os.environ.get("LEEROO_CACHE") or Path.home() / ".cache" / "leeroo")


def plain_vectors(
    queries: Sequence[str], predictor: Predictor | None = None, *, max_length: int = 128, progress: bool = False
) -> Float32:
    """Vectors of the queries by the plain encoder, int8, shape (queries, width); kept on disk for the next run.

    Raises:
        MissingDependency: The encoder must be exported first, and torch is not installed.
    """
    folder = _plain_encoder()
    name = hashlib.sha256(f"{max_length}|{'|'.join(queries)}".encode()).hexdigest()[:24]
    kept = cache_dir() / f"plain-{name}.npy"
    if kept.exists():
        return np.asarray(np.load(kept))
    encoder = Encoder(folder, max_length=max_length)
    order = np.argsort([len(query) for query in queries], kind="stable")
    chunks = np.array_split(order, max(1, len(order) // 256))
    if progress:
        from rich.progress import track

        steps = track(chunks, description="encoding for the baselines")
    else:
        steps = chunks
    rows = [(at, encoder.encode([queries[i] for i in at])) for at in steps]
    vectors = np.empty((len(queries), rows[0][1].shape[1]), dtype=np.float32)
    for at, found in rows:
        vectors[at] = found
    np.save(kept, vectors)
    return vectors


def _plain_encoder() -> Path:
    folder = cache_dir() / "plain-minilm-int8"
    if (folder / ENCODER).exists() and (folder / TOKENIZER).exists():
        return folder
    try:
        from leeroo.learning.export import export_encoder
        from leeroo.learning.finetune import base_files
        from leeroo.learning.network import load_encoder
    except ImportError as error:
        raise MissingDependency(f"The baselines' encoder needs {error.name}: pip install 'leeroo[train]'.") from None
    base = base_files()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TOKENIZER).write_bytes((base / TOKENIZER).read_bytes())
    export_encoder(load_encoder(base / "model.safetensors", base / "config.json").eval(), folder / ENCODER)
    return folder
