"""Vectors of queries, kept on disk between runs: of the predictor's encoder, and of the plain one for the baselines."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency
from leeroo.prediction.artifact import ENCODER, MANIFEST, TOKENIZER, sha256
from leeroo.prediction.encoder import Encoder
from leeroo.prediction.response import ResponsePredictor

Float32 = npt.NDArray[np.float32]
PLAIN_LENGTH = 128
"""Tokens that the plain encoder reads of a query."""


def cache_dir() -> Path:
    """Where vectors and the plain encoder are kept between runs: LEEROO_CACHE, or ~/.cache/leeroo."""
    return Path(os.environ.get("LEEROO_CACHE") or Path.home() / ".cache" / "leeroo")


def plain_vectors(queries: Sequence[str], *, progress: bool = False) -> Float32:
    """Vectors by the pinned MiniLM as it was before any fine-tuning, int8, shape (queries, width).

    Raises:
        MissingDependency: The encoder must be exported first, and torch is not installed.
    """
    folder = _plain_encoder()
    encode = Encoder(folder, max_length=PLAIN_LENGTH).encode
    return _kept(queries, encode, f"{sha256(folder / ENCODER)[:16]}-{PLAIN_LENGTH}", progress)


def predictor_vectors(queries: Sequence[str], predictor: ResponsePredictor, *, progress: bool = False) -> Float32:
    """Vectors by a predictor's own encoder, as it serves, shape (queries, width)."""
    artifact = predictor.artifact
    weights = artifact.folder / ENCODER
    mark = sha256(weights if weights.exists() else artifact.folder / MANIFEST)
    return _kept(queries, predictor.encode, f"{mark[:16]}-{artifact.settings['max_length']}", progress)


def _kept(queries: Sequence[str], encode: Callable[[Sequence[str]], Float32], name: str, progress: bool) -> Float32:
    """Vectors from the disk; only those of queries never seen are computed."""
    file = cache_dir() / f"vectors-{name}.npz"
    keys = [hashlib.sha256(query.encode()).hexdigest()[:24] for query in queries]
    known: dict[str, Float32] = {}
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


def _plain_encoder() -> Path:
    folder = cache_dir() / "plain-minilm-int8"
    if (folder / ENCODER).exists() and (folder / TOKENIZER).exists():
        return folder
    try:
        from leeroo.learning.backbone import base_files
        from leeroo.learning.export import export_encoder
        from leeroo.learning.network import load_encoder
    except ImportError as error:
        raise MissingDependency(f"The baselines' encoder needs {error.name}: pip install 'leeroo[train]'.") from None
    base = base_files()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TOKENIZER).write_bytes((base / TOKENIZER).read_bytes())
    export_encoder(load_encoder(base / "model.safetensors", base / "config.json").eval(), folder / ENCODER)
    return folder
