"""Fit the lexical part of vectors: see `leeroo.prediction.lexical`. Needs scikit-learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency
from leeroo.prediction.lexical import Lexical
from leeroo.prediction.text import as_read, tokenise

DIMENSIONS = 64


def fit_lexical(
    tokenizer: Any, texts: Sequence[str], table: npt.NDArray[np.int64], *, max_length: int, seed: int = 0
) -> Lexical:
    """The projection of bags of tokens to their principal directions, every table with an equal say.

    Args:
        tokenizer: A `tokenizers.Tokenizer` without truncation or padding.
        texts: Training texts.
        table: The table's number of each.
        max_length: As in `as_read`.
        seed: Of the randomised decomposition (Halko et al. 2011).

    Raises:
        MissingDependency: scikit-learn is not installed.
    """
    try:
        from scipy.sparse import csr_matrix, diags
        from sklearn.utils.extmath import randomized_svd
    except ImportError as error:
        raise MissingDependency(f"Training needs {error.name}: pip install 'leeroo[train]'.") from None
    ids = tokenise(tokenizer, as_read(texts, max_length))
    places = np.cumsum([0, *(len(row) for row in ids)])
    shape = (len(ids), int(tokenizer.get_vocab_size()))
    bags = csr_matrix((np.ones(places[-1], np.float32), np.concatenate(ids), places), shape=shape)
    bags.sum_duplicates()
    seen = np.asarray((bags > 0).sum(axis=0)).ravel()
    rarity = np.log((1 + len(ids)) / (1 + seen)).astype(np.float32)
    bags.data = 1 + np.log(bags.data)
    bags = bags.multiply(rarity).tocsr()
    length = np.sqrt(np.asarray(bags.multiply(bags).sum(axis=1)).ravel())
    say = np.sqrt(1000 / np.bincount(table)[table])
    _, _, axes = randomized_svd(
        diags(say / np.maximum(length, 1e-9)) @ bags, min(DIMENSIONS, *shape), random_state=seed
    )
    found = np.zeros((shape[1], DIMENSIONS), dtype=np.float32)  # few texts have fewer directions
    found[:, : len(axes)] = axes.T * rarity[:, None]
    return Lexical(found)
