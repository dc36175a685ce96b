"""Vectors of queries, kept on disk between runs: of the predictor's encoder, and of the plain one for the baselines."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency
from leeroo.files.cache import cache_dir
from leeroo.prediction.artifact import ENCODER, TOKENIZER, read_manifest, sha256, source_key
from leeroo.prediction.cache import kept_vectors
from leeroo.prediction.encoder import Encoder
from leeroo.prediction.response import ResponsePredictor

Float32 = npt.NDArray[np.float32]
PLAIN_LENGTH = 128
"""Tokens that the plain encoder reads of a query."""


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
    key = source_key(read_manifest(predictor.artifact.folder))
    mark = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return _kept(queries, predictor.encode, mark[:16], progress)


def _kept(queries: Sequence[str], encode: Callable[[Sequence[str]], Float32], name: str, progress: bool) -> Float32:
    return kept_vectors(queries, encode, cache_dir() / f"vectors-{name}.npz", progress=progress)


def _plain_encoder() -> Path:
    folder = cache_dir() / "plain-minilm-int8"
    if (folder / ENCODER).exists() and (folder / TOKENIZER).exists():
        return folder
    try:
        from leeroo.training.backbone import base_files
        from leeroo.training.export import export_encoder
        from leeroo.training.network import load_encoder
    except ImportError as error:
        raise MissingDependency(f"The baselines' encoder needs {error.name}: pip install 'leeroo[train]'.") from None
    base = base_files()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TOKENIZER).write_bytes((base / TOKENIZER).read_bytes())
    export_encoder(load_encoder(base / "model.safetensors", base / "config.json").eval(), folder / ENCODER)
    return folder
