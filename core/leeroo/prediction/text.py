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


def encode(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, at most `max_length` each.

    Of a long text the first two thirds of the limit and the last third are kept: the instruction often stands at the
    end, after the material.

    Args:
        tokenizer: A `tokenizers.Tokenizer` without truncation or padding.
        texts: The texts.
        max_length: Most tokens, special ones included.
    """
    found = []
    # Fast: without the tokens' places in the text.
    for encoding in tokenizer.encode_batch_fast([plain(clip(text, max_length)) for text in texts]):
        ids: list[int] = encoding.ids or [0]  # an empty text, where the tokenizer adds nothing of its own
        if len(ids) > max_length:
            tail = max_length // 3
            ids = ids[: max_length - tail] + ids[-tail:]
        found.append(ids)
    return found


def pad(rows: Sequence[Sequence[int]], pad_id: int = 0) -> tuple[IntArray, IntArray]:
    """Ids and attention mask, both of shape (rows, longest)."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask
