"""From what was fitted to an artifact: vectors as they will be served, words, kinds of work, origin and licence."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction.artifact import Artifact, KnownExpert, sha256
from leeroo.prediction.cache import kept_vectors
from leeroo.prediction.lexical import LEXICAL
from leeroo.prediction.source import open_source
from leeroo.training.corpus import Corpus
from leeroo.training.knowledge import fit_knowledge
from leeroo.training.population import SPREADS, Fitted, fit_response
from leeroo.training.words import fit_lexical

FloatArray = npt.NDArray[np.float32]
WORK = "work"
"""Folder beside the artifact with checkpoints and vectors; may be deleted when training is done."""


def fit_above(
    corpus: Corpus,
    vectors: FloatArray,
    project: FloatArray,
    project_bias: FloatArray,
    *,
    activation: str,
    learned: FloatArray | None = None,
    everyday: FloatArray | None = None,
    spreads: Sequence[float] = SPREADS,
    seed: int = 0,
) -> Fitted:
    """All that stands above the encoder: a response model and, beside it, the kinds of work; the test part is left out.

    Args:
        corpus: All tables.
        vectors: Of all queries, the lexical part behind the encoder's.
        project: Encoder's part -> traits, shape (W, T).
        project_bias: Shape (T,).
        activation: As in `fit_response`.
        learned: The same.
        everyday: Vectors of requests of no kind, as `fit_kinds` takes them.
        spreads: The same.
        seed: Of what is drawn.
    """
    width = len(project)
    fitted = fit_response(
        corpus,
        vectors[:, :width],
        corpus.parts == "train",
        corpus.parts == "validation",
        project,
        project_bias,
        activation=activation,
        learned=learned,
        spreads=spreads,
        seed=seed,
    )
    arrays, kinds = fit_knowledge(corpus, vectors, corpus.parts != "test", width=width, everyday=everyday, seed=seed)
    return Fitted({**fitted.arrays, **arrays}, {**fitted.settings, "kinds": kinds}, fitted.tried)


def write_words(
    tokenizer: Any, corpus: Corpus, rows: npt.NDArray[np.int64], folder: Path, length: int, seed: int
) -> str:
    """Fit and write the lexical part of vectors; returns the file's name."""
    texts = [corpus.queries[i] for i in rows]
    fit_lexical(tokenizer, texts, corpus.table[rows], max_length=length, seed=seed).write(folder / LEXICAL)
    return LEXICAL


def embed(
    queries: Sequence[str],
    folder: Path,
    serving: Mapping[str, Any],
    files: Sequence[str],
    *,
    threads: int | None,
    progress: bool = False,
) -> FloatArray:
    """The vectors of the source that will serve, kept in `folder/work` for the next time.

    The response model is fitted on what it will be served: quantisation costs less that way.

    Args:
        queries: The texts.
        folder: Holds the source's files.
        serving: Settings of `open_source`.
        files: Names of the source's files.
        threads: Threads per encoding.
        progress: Show a progress bar.
    """
    hashes = [sha256(folder / name) for name in files]
    mark = hashlib.sha256(json.dumps([hashes, dict(serving)], sort_keys=True).encode()).hexdigest()[:16]
    source = open_source(folder, serving, threads=threads)
    return kept_vectors(queries, source.encode, folder / WORK / f"vectors-{mark}.npz", progress=progress)


def assemble(
    corpus: Corpus,
    fitted: Fitted,
    folder: Path,
    *,
    serving: Mapping[str, Any],
    files: tuple[str, ...],
    about: dict[str, Any],
    dirs: Sequence[str | Path],
) -> Artifact:
    """The artifact of a fitted response model, its origin and licence stated."""
    train_rows = corpus.parts == "train"
    counts = (~np.isnan(corpus.scores[train_rows])).sum(axis=0)
    experts = tuple(
        KnownExpert(name=expert, table=table, outcomes=int(count))
        for (table, expert), count in zip(corpus.columns, counts, strict=True)
    )
    settings = {**fitted.settings, **serving, "assumed_tokens": assumed_tokens(dirs)}
    origin = {
        "trained_on": corpus.digest,
        "tables": [Path(folder_).name for folder_ in dirs],
        "queries": int(train_rows.sum()),
        **about,
    }
    return Artifact(folder=folder, experts=experts, arrays=fitted.arrays, settings=settings, about=origin, files=files)


def assumed_tokens(dirs: Sequence[str | Path]) -> dict[str, float]:
    """Tables that assume one length for every output, and that length."""
    found = {Path(folder).name: OutcomeTable.read(folder).assumed_tokens for folder in dirs}
    return {name: length for name, length in found.items() if length is not None}


@contextmanager
def status(text: str, shown: bool) -> Iterator[None]:
    """Say on a terminal what goes on, where it is to be shown."""
    if not shown:
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
