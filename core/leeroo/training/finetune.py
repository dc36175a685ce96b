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
    network, optimizer = _network(corpus, rows, backbone, settings)
    lessons = _Lessons(corpus, rows, backbone, settings, weights or LossWeights())
    plan, same = lessons.plan(), {**asdict(settings), **backbone.identity, "shown": len(rows)}
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = _Checkpoint(folder / "checkpoint.pt", network, optimizer, same)
    step, spent = checkpoint.restore(backbone.device) if resume else (0, 0.0)
    started = time.monotonic() - spent
    network.train()
    model = team.prepare(network)
    with (folder / "log.jsonl" if team.main else Path(os.devnull)).open("a", buffering=1, encoding="utf-8") as log:
        for number in _shown(range(step, len(plan)), len(plan), step, progress):
            elapsed = time.monotonic() - started
            if settings.minutes is not None:
                elapsed = team.same(elapsed)  # all end at the same step
            done = _share_done(number, len(plan), elapsed, settings.minutes)
            if done >= 1:
                break
            loss = lessons.loss(network, model, plan[number], number, team)
            _descend(network, optimizer, loss, done, settings.warm_up)
            log.write(_entry(number, len(plan), loss, elapsed))
            if team.main and (number + 1) % settings.save_every == 0:
                checkpoint.save(number + 1, elapsed)
    if team.main:
        checkpoint.save(len(plan), time.monotonic() - started)
    return network.eval()


def _entry(step: int, of: int, loss: torch.Tensor, elapsed: float) -> str:
    return json.dumps({"step": step, "of": of, "loss": round(loss.item(), 4), "s": round(elapsed)}) + "\n"


def _network(
    corpus: Corpus, rows: np.ndarray, backbone: Backbone, settings: Settings
) -> tuple[Network, torch.optim.Optimizer]:
    """A network that says each expert's mean score at first, and what moves it."""
    network = Network(backbone.module, len(corpus.columns), settings.traits)
    with torch.no_grad():
        mean = np.nan_to_num(np.nanmean(corpus.scores[rows], axis=0), nan=0.5).clip(0.02, 0.98)
        network.bias.copy_(torch.from_numpy(np.log(mean / (1 - mean))))
    network.to(backbone.device)
    head = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    groups = [
        *backbone.groups(settings),
        {"params": head, "peak": settings.head_learning_rate, "weight_decay": 0.01},
    ]
    return network, torch.optim.AdamW([{**group, "lr": 0.0} for group in groups])


class _Lessons:
    """What the network is shown: queries in batches, with their outcomes."""

    def __init__(
        self, corpus: Corpus, rows: np.ndarray, backbone: Backbone, settings: Settings, terms: LossWeights
    ) -> None:
        self._corpus, self._rows, self._settings, self._terms = corpus, rows, settings, terms
        self._device, self._tokenizer = backbone.device, backbone.tokenizer
        tokens, _ = standardised_log_tokens(corpus.tokens)
        self._scores, self._lengths = torch.from_numpy(corpus.scores), torch.from_numpy(tokens)
        self._table = torch.from_numpy(corpus.group).to(self._device)
        self._ids = encode(self._tokenizer, [corpus.queries[i] for i in rows], settings.max_length)

    def plan(self) -> list[np.ndarray]:
        """The batches of all epochs: places among the rows."""
        sizes = np.array([len(row) for row in self._ids])
        found: list[np.ndarray] = []
        for epoch in range(self._settings.epochs):
            found += batches(sizes, self._settings.batch, np.random.default_rng((self._settings.seed, epoch)))
        return found

    def loss(self, network: Network, model: nn.Module, at: np.ndarray, number: int, team: Processes) -> torch.Tensor:
        """Of one batch; `model` is the network as the team calls it."""
        rows = self._rows[at]
        ids = [self._ids[i] for i in at]
        shown = _in_other_words(self._corpus, rows, ids, self._tokenizer, self._settings, number)
        share = pad([shown[i] for i in team.share(len(at))])
        batch_ids, mask = (torch.from_numpy(a).to(self._device) for a in share)
        logits, log_tokens = (team.whole(rows_of, len(at)) for rows_of in model(batch_ids, mask))
        index = torch.from_numpy(rows)
        known, told = self._scores[index].to(self._device), self._lengths[index].to(self._device)
        return loss_of(network, logits, log_tokens, known, told, self._table, self._terms)


def _share_done(step: int, of: int, seconds: float, minutes: float | None) -> float:
    """Of the steps, or of the time where that is nearer its end."""
    share = step / of
    return share if minutes is None else max(share, seconds / 60 / minutes)


def _descend(
    network: Network, optimizer: torch.optim.Optimizer, loss: torch.Tensor, done: float, warm_up: float
) -> None:
    """One step; the learning rates rise at first, and fall to nothing when all is `done`."""
    scale = min(1.0, done / warm_up) * min(1.0, (1 - done) / (1 - warm_up))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * scale
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([p for p in network.parameters() if p.grad is not None], 1.0)
    optimizer.step()


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


class _Checkpoint:
    """Where a run stands, on disk: a later one with the same settings goes on from there."""

    def __init__(
        self, path: Path, network: Network, optimizer: torch.optim.Optimizer, settings: dict[str, Any]
    ) -> None:
        self._path, self._network, self._optimizer, self._settings = path, network, optimizer, settings

    def save(self, step: int, spent: float) -> None:
        """Write beside the old one and swap, so that an interruption leaves a whole file.

        What does not learn is left out: of a causal LM that is nearly all.
        """
        frozen = {name for name, p in self._network.named_parameters() if not p.requires_grad}
        state = {
            "network": {name: value for name, value in self._network.state_dict().items() if name not in frozen},
            "optimizer": self._optimizer.state_dict(),
            "settings": self._settings,
            "step": step,
            "spent": spent,
        }
        fresh = self._path.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self._path)

    def restore(self, device: torch.device) -> tuple[int, float]:
        """The step to go on from and the seconds spent; from the start where there is no checkpoint."""
        if not self._path.exists():
            return 0, 0.0
        state = torch.load(self._path, weights_only=True, map_location=device)
        if {**state["settings"], "minutes": None} != {**self._settings, "minutes": None}:
            raise ConfigError(f"{self._path}: made with other settings; give another --out, or leave out --resume.")
        self._network.load_state_dict(state["network"], strict=False)
        self._optimizer.load_state_dict(state["optimizer"])
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
