"""Text to token ids, the same for training and serving: without courtesies, and of long texts head and tail."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.prediction.courtesy import plain

IntArray = npt.NDArray[np.int64]
# A BERT word piece is rarely longer; what is cut here would be cut after tokenising, at a much higher price.
_CHARS_PER_TOKEN = 24


def clip(text: str, max_length: int) -> str:
    """The head and the tail of a very long text, so that tokenising 200,000 words costs nothing."""
    limit = max_length * _CHARS_PER_TOKEN
    text = text.strip()
    return text if len(text) <= 2 * limit else text[:limit] + " " + text[-limit:]


def as_read(texts: Sequence[str], max_length: int) -> list[str]:
    """Each text without courtesies; of a text far over `max_length` tokens its head and its tail.

    Args:
        texts: The texts.
        max_length: Tokens that the encoder reads; a long text is cut at many times as many.
    """
    return [plain(_encodable(clip(text, max_length))) for text in texts]


def tokenise(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text.

    Args:
        tokenizer: A `tokenizers.Tokenizer` without truncation or padding.
        texts: As `as_read` gives them.
    """
    # Fast: without the tokens' places in the text. An empty text, where the tokenizer adds nothing of its own, is one
    # padding token.
    return [encoding.ids or [0] for encoding in tokenizer.encode_batch_fast(list(texts))]


def _encodable(text: str) -> str:
    """A text without lone surrogates, which JSON may hold and no tokenizer takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def shorten(ids: list[int], max_length: int) -> list[int]:
    """At most `max_length` tokens: the first two thirds of the limit and the last third of a longer text.

    The instruction often stands at the end, after the material.
    """
    if len(ids) <= max_length:
        return ids
    tail = max_length // 3
    return ids[: max_length - tail] + ids[-tail:]


def encode(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, at most `max_length` each."""
    return [shorten(ids, max_length) for ids in tokenise(tokenizer, as_read(texts, max_length))]


def pad(rows: Sequence[Sequence[int]], pad_id: int = 0) -> tuple[IntArray, IntArray]:
    """Ids and attention mask, both of shape (rows, longest)."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask
