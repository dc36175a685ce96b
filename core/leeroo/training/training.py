"""Fit the predictor: outcome tables in, artifact out. One resumable command (`leeroo train`)."""

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leeroo.errors import ConfigError, MissingDependency
from leeroo.prediction.artifact import TOKENIZER, read_artifact, write_artifact
from leeroo.prediction.lexical import LEXICAL
from leeroo.training.assembling import WORK, assemble, embed, fit_above, status, write_words
from leeroo.training.corpus import Corpus
from leeroo.training.population import SPREADS, linear_traits
from leeroo.training.words import DIMENSIONS


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
    try:
        import torch

        from leeroo.training import finetune
        from leeroo.training.backbone import Backbone, MiniLM, Settings
        from leeroo.training.lora import LoRA
        from leeroo.training.processes import processes
    except ImportError as error:
        raise MissingDependency(f"Training needs {error.name}: pip install 'leeroo[train]'.") from None
    if base is not None and causal_lm is not None:
        raise ConfigError("Give an encoder or a causal LM to start from, not both.")
    team = processes(cpu=causal_lm is None or not torch.cuda.is_available())
    progress = progress and team.main
    corpus = Corpus.read(dirs, limit=limit, seed=seed)
    place = Path(out)
    work = place / WORK
    work.mkdir(parents=True, exist_ok=True)
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
    rows = np.flatnonzero(corpus.parts == "train")
    backbone: Backbone
    if causal_lm is None:
        backbone = MiniLM(base, layers=layers)
    else:
        backbone = LoRA(
            causal_lm,
            [corpus.queries[i] for i in np.random.default_rng(seed).permutation(rows)],
            layers=layers,
            adapted=lora_layers if epochs else 0,
            rank=lora_rank,
            max_length=max_length,
            seed=seed,
        )
    head = None
    if epochs > 0:
        network = finetune.fit(
            corpus,
            corpus.to_read(numbers_only),
            work,
            settings,
            backbone=backbone,
            resume=resume,
            progress=progress,
            team=team,
        )
        head = network.head()
        del network
    if not team.main:
        return team.same(None)
    source, files = backbone.save(place)
    if causal_lm is None:
        files = (*files, write_words(backbone.tokenizer, corpus, rows, place, serve_length, seed))
    about = {**backbone.about, "training": {**asdict(settings), **backbone.identity}}
    del backbone  # a large LM need not lie in memory twice
    serving = {"max_length": serve_length, **source}
    # The test part is not even read.
    read = np.flatnonzero(corpus.parts != "test")
    some = embed([corpus.queries[i] for i in read], place, serving, files, threads=threads, progress=progress)
    vectors = np.zeros((len(corpus.queries), some.shape[1]), dtype=np.float32)
    vectors[read] = some
    width = vectors.shape[1] - (DIMENSIONS if causal_lm is None else 0)
    project, project_bias, learned = head or (*linear_traits(vectors[rows, :width], traits), None)
    with status("fitting the response model", progress):
        activation = "linear" if head is None else "gelu"
        fitted = fit_above(corpus, vectors, project, project_bias, activation=activation, learned=learned, seed=seed)
    artifact = assemble(corpus, fitted, place, serving=serving, files=files, about=about, dirs=dirs)
    write_artifact(artifact, place)
    best = min(fitted.tried, key=lambda entry: entry["total"])
    report = TrainingReport(
        out=place,
        queries={part: int((corpus.parts == part).sum()) for part in ("train", "validation", "test")},
        experts=len(corpus.columns),
        trained_on=corpus.digest,
        shrinkage=str(fitted.settings["shrinkage"]),
        validation={k: v for k, v in best.items() if k in ("single", "pairs", "total")},
        size=sum(path.stat().st_size for path in place.iterdir() if path.is_file()),
        tried=fitted.tried,
    )
    return team.same(report)


def refit(
    dirs: Sequence[str | Path], base: str | Path, out: str | Path, *, seed: int = 0, progress: bool = False
) -> Path:
    """Fit everything above the encoder anew on outcome tables, with the encoder and the traits of an artifact.

    Minutes instead of hours: what new tables and new published scores say of models, without any fine-tuning.

    Args:
        dirs: Outcome tables.
        base: The artifact whose encoder reads the queries.
        out: The new artifact's folder.
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
    place.mkdir(parents=True, exist_ok=True)
    files = tuple(name for name in old.files if name != LEXICAL)
    for name in files:
        if place.resolve() != old.folder.resolve():
            shutil.copyfile(old.folder / name, place / name)
    tokenizer = Tokenizer.from_file(str(place / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows, length = np.flatnonzero(corpus.parts == "train"), int(old.settings["max_length"])
    files = (*files, write_words(tokenizer, corpus, rows, place, length, seed))
    serving = {"max_length": length}
    vectors = embed(list(corpus.queries), place, serving, files, threads=None, progress=progress)
    project, project_bias = old.arrays["project"], old.arrays["project_bias"]
    with status("fitting the response model", progress):
        activation = str(old.settings.get("activation", "gelu"))
        fitted = fit_above(
            corpus, vectors, project, project_bias, activation=activation, spreads=SPREADS[:1], seed=seed
        )
    about = {key: old.about[key] for key in ("encoder", "licence", "training") if key in old.about}
    artifact = assemble(corpus, fitted, place, serving=serving, files=files, about=about, dirs=dirs)
    return write_artifact(artifact, place)


def main_process() -> bool:
    """Whether this is the only process that trains, or the one of them that writes."""
    from leeroo.training.processes import launched

    return not launched() or os.environ["RANK"] == "0"
