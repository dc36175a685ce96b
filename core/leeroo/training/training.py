"""Fit the predictor: outcome tables in, artifact out. One resumable command (`leeroo train`)."""

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leeroo.errors import ConfigError
from leeroo.files.folders import made_folder
from leeroo.prediction.artifact import TOKENIZER, Artifact, read_artifact, write_artifact
from leeroo.prediction.lexical import LEXICAL
from leeroo.prediction.surface import COUNTED
from leeroo.training import text_model
from leeroo.training.assembling import WORK, assemble, embed, fit_above, status, write_words
from leeroo.training.corpus import Corpus
from leeroo.training.everyday import everyday
from leeroo.training.population import SPREADS, Fitted, linear_traits
from leeroo.training.text_model import Head, Rows, Vectors
from leeroo.training.words import DIMENSIONS

if TYPE_CHECKING:
    from leeroo.training.backbone import Settings


@dataclass(frozen=True)
class TrainingReport:
    """What a training run did.

    Attributes:
        out: The artifact's folder.
        queries: Queries by part (train, validation, test); the test part was not looked at.
        experts: Number of columns (experts by table).
        trained_on: Hash of the tables.
        shrinkage: How experts' abilities were shrunk to what they share, as the validation part chose.
        validation: Losses of the chosen response model on the validation part.
        size: Bytes of the artifact.
        tried: All response models tried, with their validation losses.
    """

    out: Path
    queries: dict[str, int]
    experts: int
    trained_on: str
    shrinkage: str
    validation: dict[str, float]
    size: int
    tried: list[dict[str, float]] = field(default_factory=list, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {**asdict(self), "out": str(self.out)}


# long: 26 of its lines are its options, and 11 hand some of these on.
def train(
    dirs: Sequence[str | Path],
    out: str | Path,
    *,
    epochs: int = 1,
    seed: int = 0,
    threads: int | None = None,
    resume: bool = False,
    limit: int | None = None,
    minutes: float | None = None,
    base: str | Path | None = None,
    batch: int = 32,
    learning_rate: float | None = None,
    layers: int | None = None,
    frozen_layers: int = 1,
    max_length: int = 128,
    traits: int = 128,
    reworded: float = 0.4,
    serve_length: int = 160,
    causal_lm: str | None = None,
    lora_layers: int | None = None,
    lora_rank: int = 8,
    numbers_only: Collection[str] = (),
    progress: bool = False,
) -> TrainingReport:
    """Fine-tune the encoder, or a causal LM, on outcome tables, fit the response model and write the artifact.

    The tables are split by question into train (80%), validation (10%) and test (10%); the network sees the first, the
    second chooses the shrinkage and calibrates, the third is left for `leeroo eval`.

    Started by `accelerate launch`, the processes fine-tune together, and the main one does the rest; all return its
    report. They share the folder `out`.

    Args:
        dirs: Outcome tables.
        out: The artifact's folder; checkpoints lie in `out/work`.
        epochs: Passes over the training part; 0 leaves the text model as it is and fits the response model only.
        seed: Of the split, the order and the initial values.
        threads: Threads for torch and the text model.
        resume: Go on from the checkpoint in `out/work`.
        limit: Use this many queries of each table only.
        minutes: Let fine-tuning end by then, its learning rates annealed.
        base: Folder of the encoder to start from; the pinned MiniLM when None.
        batch: Queries per step.
        learning_rate: Of the encoder's top layer (1e-4 when None) or of the adapters (5e-4 when None).
        layers: Lowest layers that are kept. None: 4 of the encoder, which predict as well as all 6 and a third faster;
            all of a causal LM.
        frozen_layers: Lowest of these that stay as they are.
        max_length: Tokens per query in training.
        traits: Width of the latent traits.
        reworded: Share of the training queries shown in other words, so that slips and manners change little.
        serve_length: Tokens per query when serving.
        causal_lm: Read hidden states of this causal LM instead of the encoder's; `smollm2`, a path, or `hf:org/name`.
        lora_layers: Uppermost of these that get LoRA adapters; all when None.
        lora_rank: Rank of the adapters.
        numbers_only: Names of tables whose text the text model must not learn from, for their licence.
        progress: Show progress bars.

    Raises:
        ConfigError: A table or the base model is not usable, or the checkpoint was made with other settings.
        MissingDependency: torch, transformers, onnx, peft, gguf or pyarrow is not installed.
    """
    if base is not None and causal_lm is not None:
        raise ConfigError("Give an encoder or a causal LM to start from, not both.")
    text_model.check_installed()
    import torch

    from leeroo.training.backbone import Settings
    from leeroo.training.processes import processes

    team = processes(cpu=causal_lm is None or not torch.cuda.is_available())
    progress = progress and team.main
    corpus, place = Corpus.read(dirs, limit=limit, seed=seed), Path(out)
    made_folder(place / WORK)
    if threads is not None:
        torch.set_num_threads(threads)
    settings = Settings(
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate or (1e-4 if causal_lm is None else 5e-4),
        frozen_layers=frozen_layers,
        max_length=max_length,
        traits=traits,
        seed=seed,
        minutes=minutes,
        reworded=reworded,
    )
    shown = corpus.to_read(numbers_only)
    rows = np.unique(shown)
    backbone = text_model.opened(
        corpus, rows, settings, base=base, causal_lm=causal_lm, layers=layers, adapted=lora_layers, rank=lora_rank
    )
    head = text_model.fine_tuned(corpus, shown, place, settings, backbone, team, resume=resume, progress=progress)
    if not team.main:
        return team.same(None)
    reader = text_model.saved(backbone, corpus, rows, place, settings, serve_length, causal_lm is None)
    del backbone  # a large LM need not lie in memory twice
    vectors = text_model.vectors_of(corpus, place, reader, threads, progress)
    usual = embed(everyday(), place, reader.serving, reader.files, threads=threads)
    behind = DIMENSIONS + COUNTED if causal_lm is None else 0
    with status("fitting the response model", progress):
        fitted = _fit(corpus, rows, vectors, usual, head, settings, behind=behind)
    artifact = assemble(
        corpus, fitted, place, serving=reader.serving, files=reader.files, about=reader.about, dirs=dirs
    )
    write_artifact(artifact, place)
    return team.same(_report(corpus, fitted, place))


def _fit(
    corpus: Corpus,
    rows: Rows,
    vectors: Vectors,
    usual: Vectors,
    head: Head | None,
    settings: "Settings",
    *,
    behind: int,
) -> Fitted:
    """The response model, on the traits that the network learned, else on principal components."""
    width, seed = vectors.shape[1] - behind, settings.seed
    if head is None:
        project, project_bias = linear_traits(vectors[rows, :width], settings.traits)
        return fit_above(corpus, vectors, project, project_bias, activation="linear", everyday=usual, seed=seed)
    project, project_bias, learned = head
    return fit_above(
        corpus, vectors, project, project_bias, activation="gelu", learned=learned, everyday=usual, seed=seed
    )


def _report(corpus: Corpus, fitted: Fitted, place: Path) -> TrainingReport:
    best = min(fitted.tried, key=lambda entry: entry["total"])
    return TrainingReport(
        out=place,
        queries={part: int((corpus.parts == part).sum()) for part in ("train", "validation", "test")},
        experts=len(corpus.columns),
        trained_on=corpus.digest,
        shrinkage=str(fitted.settings["shrinkage"]),
        validation={k: v for k, v in best.items() if k in ("single", "pairs", "total")},
        size=sum(path.stat().st_size for path in place.iterdir() if path.is_file()),
        tried=fitted.tried,
    )


def refit(
    dirs: Sequence[str | Path],
    base: str | Path,
    out: str | Path,
    *,
    numbers_only: Collection[str] = (),
    seed: int = 0,
    progress: bool = False,
) -> Path:
    """Fit everything above the encoder anew on outcome tables, with the encoder and the traits of an artifact.

    Minutes instead of hours: what new tables and new published scores say of models, without any fine-tuning.

    Args:
        dirs: Outcome tables.
        base: The artifact whose encoder reads the queries.
        out: The new artifact's folder.
        numbers_only: Names of tables from whose text no words may be learned, for their licence.
        seed: Of the split and of what is drawn.
        progress: Show progress bars.

    Raises:
        ConfigError: A table or the artifact is not usable, or the artifact reads with a causal LM.
        MissingDependency: scikit-learn or pyarrow is not installed.
    """
    from tokenizers import Tokenizer

    old = read_artifact(Path(base))
    if old.settings.get("source", {}).get("kind", "onnx") != "onnx":
        raise ConfigError(f"{base}: it reads with a causal LM; train it anew: leeroo train ... --causal-lm.")
    corpus, place = Corpus.read(dirs, seed=seed), Path(out)
    files = _copied(old, place)
    tokenizer = Tokenizer.from_file(str(place / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows, length = np.unique(corpus.to_read(numbers_only)), int(old.settings["max_length"])
    files = (*files, write_words(tokenizer, corpus, rows, place, length, seed))
    serving = {"max_length": length, "counts": COUNTED}
    vectors = embed(list(corpus.queries), place, serving, files, threads=None, progress=progress)
    usual = embed(everyday(), place, serving, files, threads=None)
    project, project_bias = old.arrays["project"], old.arrays["project_bias"]
    with status("fitting the response model", progress):
        activation = str(old.settings.get("activation", "gelu"))
        fitted = fit_above(
            corpus,
            vectors,
            project,
            project_bias,
            activation=activation,
            everyday=usual,
            spreads=SPREADS[:1],
            seed=seed,
        )
    about = {key: old.about[key] for key in ("encoder", "licence", "training") if key in old.about}
    artifact = assemble(corpus, fitted, place, serving=serving, files=files, about=about, dirs=dirs)
    return write_artifact(artifact, place)


def _copied(old: Artifact, place: Path) -> tuple[str, ...]:
    """Put the encoder's files into another folder; what words say is fitted anew."""
    made_folder(place)
    files = tuple(name for name in old.files if name != LEXICAL)
    for name in files:
        if place.resolve() != old.folder.resolve():
            shutil.copyfile(old.folder / name, place / name)
    return files


def main_process() -> bool:
    """Whether this is the only process that trains, or the one of them that writes."""
    from leeroo.training.processes import launched

    return not launched() or os.environ["RANK"] == "0"
