"""The text model of a training run: made, fine-tuned, saved as it will be served, and its vectors of the corpus."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import MissingDependency
from leeroo.prediction.surface import COUNTED
from leeroo.training.assembling import WORK, embed, write_words
from leeroo.training.corpus import Corpus

if TYPE_CHECKING:
    from leeroo.training.backbone import Backbone, Settings
    from leeroo.training.processes import Processes

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Head = tuple[Vectors, Vectors, Vectors]
"""project, project_bias and learned, as `fit_response` takes them."""


def check_installed() -> None:
    """Import what a run needs.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        import leeroo.training.finetune
        import leeroo.training.lora
        import leeroo.training.processes  # noqa: F401 - only whether it can be had
    except ImportError as error:
        raise MissingDependency(f"Training needs {error.name}: pip install 'leeroo[train]'.") from None


def opened(
    corpus: Corpus,
    rows: Rows,
    settings: "Settings",
    *,
    base: str | Path | None,
    causal_lm: str | None,
    layers: int | None,
    adapted: int | None,
    rank: int,
) -> "Backbone":
    """The encoder of `base`, or the causal LM; see `leeroo.training.training.train`."""
    if causal_lm is None:
        from leeroo.training.backbone import MiniLM

        return MiniLM(base, layers=layers)
    from leeroo.training.lora import LoRA

    return LoRA(
        causal_lm,
        [corpus.queries[i] for i in np.random.default_rng(settings.seed).permutation(rows)],
        layers=layers,
        adapted=adapted if settings.epochs else 0,
        rank=rank,
        max_length=settings.max_length,
        seed=settings.seed,
    )


def fine_tuned(
    corpus: Corpus,
    rows: Rows,
    place: Path,
    settings: "Settings",
    backbone: "Backbone",
    team: "Processes",
    *,
    resume: bool,
    progress: bool,
) -> Head | None:
    """What the network learned above the text model, which is changed; None where nothing is to be learned."""
    if settings.epochs == 0:
        return None
    from leeroo.training.finetune import fit

    work = place / WORK
    return fit(corpus, rows, work, settings, backbone=backbone, resume=resume, progress=progress, team=team).head()


@dataclass(frozen=True)
class Reader:
    """The text model as the artifact's folder holds it: how it is served, its files, and what is said of it."""

    serving: dict[str, Any]
    files: tuple[str, ...]
    about: dict[str, Any]


def saved(
    backbone: "Backbone", corpus: Corpus, rows: Rows, place: Path, settings: "Settings", serve_length: int, words: bool
) -> Reader:
    """The text model written to `place`, with `words` the parts of vectors that are counted beside it."""
    source, files = backbone.save(place)
    if words:
        files = (*files, write_words(backbone.tokenizer, corpus, rows, place, serve_length, settings.seed))
    about = {**backbone.about, "training": {**asdict(settings), **backbone.identity}}
    return Reader({"max_length": serve_length, **({"counts": COUNTED} if words else {}), **source}, files, about)


def vectors_of(corpus: Corpus, place: Path, reader: Reader, threads: int | None, progress: bool) -> Vectors:
    """Of all queries; the test part is not even read, and stays 0."""
    read = np.flatnonzero(corpus.parts != "test")
    queries = [corpus.queries[i] for i in read]
    some = embed(queries, place, reader.serving, reader.files, threads=threads, progress=progress)
    found = np.zeros((len(corpus.queries), some.shape[1]), dtype=np.float32)
    found[read] = some
    return found
