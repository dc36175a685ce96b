"""Fit the network to outcomes, end to end, with checkpoints. Needs torch."""

import json
import os
import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from leeroo.errors import ConfigError
from leeroo.prediction.text import encode, pad
from leeroo.training.backbone import Backbone, Settings
from leeroo.training.corpus import Corpus, standardised_log_tokens
from leeroo.training.network import LossWeights, Network, loss_of
from leeroo.training.processes import Processes
from leeroo.training.rewording import reworded


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


def fit(
    corpus: Corpus,
    rows: np.ndarray,
    folder: Path,
    settings: Settings,
    *,
    backbone: Backbone,
    resume: bool = False,
    progress: bool = False,
    weights: LossWeights | None = None,
    team: Processes | None = None,
) -> Network:
    """Fine-tune backbone and head on some rows of the corpus.

    Args:
        corpus: All tables.
        rows: Indices of the queries to train on.
        folder: Where checkpoints and the log go.
        settings: How to train.
        backbone: The text model; it is changed.
        resume: Go on from the folder's checkpoint, when it has one of the same settings.
        progress: Show a progress bar.
        weights: Weights of the loss's terms.
        team: The processes that train together; they share the folder. This one alone when absent.

    Returns:
        The fitted network, in evaluation mode.
    """
    team = team or Processes()
    torch.manual_seed(settings.seed)
    device, tokenizer = backbone.device, backbone.tokenizer
    network = Network(backbone.module, len(corpus.columns), settings.traits)
    with torch.no_grad():
        mean = np.nan_to_num(np.nanmean(corpus.scores[rows], axis=0), nan=0.5).clip(0.02, 0.98)
        network.bias.copy_(torch.from_numpy(np.log(mean / (1 - mean))))
    network.to(device)
    head = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    groups = [
        *backbone.groups(settings),
        {"params": head, "peak": settings.head_learning_rate, "weight_decay": 0.01},
    ]
    optimizer = torch.optim.AdamW([{**group, "lr": 0.0} for group in groups])
    tokens, _ = standardised_log_tokens(corpus.tokens)
    scores, lengths = torch.from_numpy(corpus.scores), torch.from_numpy(tokens)
    table = torch.from_numpy(corpus.group).to(device)
    ids = encode(tokenizer, [corpus.queries[i] for i in rows], settings.max_length)
    sizes = np.array([len(row) for row in ids])
    plan: list[np.ndarray] = []
    for epoch in range(settings.epochs):
        plan += batches(sizes, settings.batch, np.random.default_rng((settings.seed, epoch)))
    folder.mkdir(parents=True, exist_ok=True)
    state_file = folder / "checkpoint.pt"
    same = {**asdict(settings), **backbone.identity}
    step, spent = _restore(state_file, network, optimizer, same, device) if resume else (0, 0.0)
    started = time.monotonic() - spent
    terms = weights or LossWeights()
    network.train()
    model = team.prepare(network)
    log = (folder / "log.jsonl" if team.main else Path(os.devnull)).open("a", encoding="utf-8")
    for number in _shown(range(step, len(plan)), len(plan), step, progress):
        elapsed = time.monotonic() - started
        done = number / len(plan)
        if settings.minutes is not None:
            elapsed = team.same(elapsed)  # all end at the same step
            done = max(done, elapsed / 60 / settings.minutes)
        if done >= 1:
            break
        scale = min(1.0, done / settings.warm_up) * min(1.0, (1 - done) / (1 - settings.warm_up))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * scale
        at = plan[number]
        shown = _in_other_words(corpus, rows[at], [ids[i] for i in at], tokenizer, settings, number)
        batch_ids, mask = (torch.from_numpy(a).to(device) for a in pad([shown[i] for i in team.share(len(at))]))
        index = torch.from_numpy(rows[at])
        logits, log_tokens = (team.whole(rows_of, len(at)) for rows_of in model(batch_ids, mask))
        known, told = scores[index].to(device), lengths[index].to(device)
        loss = loss_of(network, logits, log_tokens, known, told, table, terms)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for p in network.parameters() if p.grad is not None], 1.0)
        optimizer.step()
        log.write(
            json.dumps({"step": number, "of": len(plan), "loss": round(loss.item(), 4), "s": round(elapsed)}) + "\n"
        )
        if team.main and (number + 1) % settings.save_every == 0:
            log.flush()
            _save(state_file, network, optimizer, same, number + 1, elapsed)
    log.close()
    if team.main:
        _save(state_file, network, optimizer, same, len(plan), time.monotonic() - started)
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


def _save(path: Path, network: Network, optimizer: Any, same: dict[str, Any], step: int, spent: float) -> None:
    """Write a checkpoint beside the old one and swap, so that an interruption leaves a whole file.

    What does not learn is left out: of a causal LM that is nearly all.
    """
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    state = {
        "network": {name: value for name, value in network.state_dict().items() if name not in frozen},
        "optimizer": optimizer.state_dict(),
        "settings": same,
        "step": step,
        "spent": spent,
    }
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    fresh.replace(path)


def _restore(
    path: Path, network: Network, optimizer: Any, same: dict[str, Any], device: torch.device
) -> tuple[int, float]:
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True, map_location=device)
    if {**state["settings"], "minutes": None} != {**same, "minutes": None}:
        raise ConfigError(f"{path}: made with other settings; give another --out, or leave out --resume.")
    network.load_state_dict(state["network"], strict=False)
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
