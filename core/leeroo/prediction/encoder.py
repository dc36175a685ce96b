"""Text to vectors on ONNX Runtime: int8, thread-safe, loaded at first use. No torch."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.prediction.artifact import ENCODER, TOKENIZER
from leeroo.prediction.lexical import LEXICAL, Lexical
from leeroo.prediction.onnxfile import check
from leeroo.prediction.surface import surface
from leeroo.prediction.text import as_read, pad, shorten, tokenise

FloatArray = npt.NDArray[np.float32]


class Encoder:
    """A sentence encoder in an artifact's folder.

    Args:
        folder: Holds encoder.onnx and tokenizer.json.
        max_length: Tokens read of each text; of longer ones the head and the tail.
        counts: Put what can be counted in a text behind its vector.
        threads: Threads per encoding; the runtime's choice when None.
    """

    def __init__(self, folder: Path, *, max_length: int, counts: bool = False, threads: int | None = None) -> None:
        self._folder = folder
        self._max_length = max_length
        self._counts = counts
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any, Lexical | None] | None = None

    def encode(self, texts: Sequence[str], *, batch: int = 16) -> FloatArray:
        """Mean-pooled vectors, behind them lexical ones and counts where the artifact has them, shape (texts, width).

        Args:
            texts: Any number of texts.
            batch: Texts per run; they are sorted by length first, so that padding costs little.
        """
        session, tokenizer, lexical = self._load()
        read = as_read(texts, self._max_length)
        whole = tokenise(tokenizer, read)
        ids = [shorten(row, self._max_length) for row in whole]
        order = np.argsort([len(row) for row in ids], kind="stable")
        found: FloatArray | None = None
        for start in range(0, len(order), batch):
            at = order[start : start + batch]
            batch_ids, mask = pad([ids[i] for i in at])
            vectors = session.run(None, {"ids": batch_ids, "mask": mask})[0]
            if found is None:
                found = np.empty((len(ids), vectors.shape[1]), dtype=np.float32)
            found[at] = vectors
        if found is None:
            return np.empty((0, 0), dtype=np.float32)
        behind = [] if lexical is None else [lexical.encode(whole)]
        return np.concatenate([found, *behind, *([surface(read)] if self._counts else [])], axis=1)

    def _load(self) -> tuple[Any, Any, Lexical | None]:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._open()
        return self._loaded

    def _open(self) -> tuple[Any, Any, Lexical | None]:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        # Threads that spin between runs would take the cores from the callers' own work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            check(self._folder / ENCODER)
            session = onnxruntime.InferenceSession(
                str(self._folder / ENCODER), options, providers=["CPUExecutionProvider"]
            )
            tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER))
        except ConfigError:
            raise
        except Exception as error:  # onnxruntime and tokenizers raise bare or private types
            raise ConfigError(f"{self._folder}: the predictor's encoder cannot be loaded: {error}") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        words = self._folder / LEXICAL
        return session, tokenizer, Lexical.read(words) if words.exists() else None
