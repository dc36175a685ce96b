"""A causal LM in training: frozen weights, LoRA adapters (Hu et al. 2021) in its upper layers. Needs torch, peft."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from leeroo.errors import ConfigError, MissingDependency
from leeroo.prediction.base_model import SMOLLM2, fingerprint, locate
from leeroo.prediction.causal_lm import ADAPTERS, SCALING, HiddenStates, device, layers_of, load_base, mean_pooled
from leeroo.prediction.text import encode, pad
from leeroo.training.backbone import Settings

_SAMPLE = 128
"""Queries from which the hidden states' means and deviations are taken."""


class LoRA:
    """A causal LM as the backbone; only its adapters learn.

    On a GPU the frozen weights are bf16 and activations are computed again in the backward pass (gradient
    checkpointing), to save memory; adapters and head are fp32 everywhere.

    Args:
        base: As `leeroo.prediction.base_model.locate` takes it.
        texts: Training queries; the hidden states are standardised by a sample of them.
        layers: The hidden states after this many layers are read; all when None.
        adapted: Adapters are put into this many of the uppermost layers read; into all when None; 0: none.
        rank: Of the adapters.
        max_length: Tokens per query.
        seed: Of the adapters' initial values.

    Raises:
        ConfigError: The model cannot be found or loaded, or peft does not know where to put adapters into it.
        MissingDependency: transformers, gguf or peft is not installed.
    """

    def __init__(
        self,
        base: str,
        texts: Sequence[str],
        *,
        layers: int | None = None,
        adapted: int | None = None,
        rank: int = 8,
        max_length: int = 128,
        seed: int = 0,
    ) -> None:
        path, name = locate(base)
        model, self.tokenizer = load_base(path, layers)
        model.requires_grad_(False)
        self.device = device()
        self.module = HiddenStates(model).to(self.device)
        self._standardise(texts[:_SAMPLE], max_length)
        depth = len(layers_of(model))
        self._adapted = depth if adapted is None else min(adapted, depth)
        if self._adapted:
            torch.manual_seed(seed)
            self.module.model = _with_adapters(model, self._adapted, rank, name)
        if self.device.type == "cuda":
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self._source = {"kind": "causal-lm", "base": name, "fingerprint": fingerprint(path, name), "layers": layers}
        self.identity: Mapping[str, Any] = {**self._source, "adapted": self._adapted, "rank": rank}
        licence = "SmolLM2-135M-Instruct is Apache-2.0 (Hugging Face)." if name == SMOLLM2 else "Its licence applies."
        shown = name if name == SMOLLM2 or name.startswith("hf:") else path.name
        self.about: Mapping[str, str] = {
            "encoder": f"causal LM {shown}, not part of the artifact",
            "licence": f"The adapters derive from {shown}. {licence}",
        }

    def groups(self, settings: Settings) -> list[dict[str, Any]]:
        """The adapters."""
        learn = [p for p in self.module.parameters() if p.requires_grad]
        return [{"params": learn, "peak": settings.learning_rate, "weight_decay": 0.0}] if learn else []

    def save(self, folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Adapters as peft writes them, and the scaling; the base model is only named."""
        from safetensors.torch import save_file

        scaling = {"centre": self.module.centre, "scale": self.module.scale}
        save_file({key: value.cpu().contiguous() for key, value in scaling.items()}, str(folder / SCALING))
        settings = {"source": {**self._source, "adapters": bool(self._adapted)}}
        if not self._adapted:
            return settings, (SCALING,)
        from peft import get_peft_model_state_dict

        config_file, weights_file = ADAPTERS
        weights = get_peft_model_state_dict(self.module.model, save_embedding_layers=False)
        save_file({key: value.cpu().contiguous() for key, value in weights.items()}, str(folder / weights_file))
        self.module.model.peft_config["default"].save_pretrained(str(folder))
        assert (folder / config_file).is_file()  # noqa: S101 - peft names it so
        return settings, (*ADAPTERS, SCALING)

    @torch.no_grad()
    def _standardise(self, texts: Sequence[str], max_length: int) -> None:
        """Mean 0 and deviation 1/3 of each pooled dimension: about what a sentence encoder gives the head.

        The deviation of a dimension that hardly varies is not blown up.
        """
        ids = sorted(encode(self.tokenizer, texts, max_length), key=len)
        pooled = []
        for start in range(0, len(ids), 16):
            rows, mask = (torch.from_numpy(a).to(self.device) for a in pad(ids[start : start + 16]))
            pooled.append(mean_pooled(self.module(rows, mask).last_hidden_state, mask))
        found = torch.cat(pooled)
        deviation = found.std(dim=0) if len(found) > 1 else torch.ones_like(found[0])
        floor = 0.1 * deviation.median().clamp(min=1e-6)
        self.module.centre.copy_(found.mean(dim=0))
        self.module.scale.copy_(1 / (3 * deviation.clamp(min=floor)))


def _with_adapters(model: Any, count: int, rank: int, name: str) -> Any:
    """The model with adapters in the query and value projections of its uppermost layers, where peft knows them."""
    try:
        from peft import LoraConfig, get_peft_model
        from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as TARGETS
    except ImportError:
        raise MissingDependency("Training a causal LM needs peft: pip install 'leeroo[train]'.") from None
    kind = model.config.model_type
    if kind not in TARGETS:
        raise ConfigError(
            f"{name}: peft does not know where adapters go in a {kind!r} model; known: {sorted(TARGETS)}."
        )
    upper = {id(module) for layer in list(layers_of(model))[-count:] for module in layer.modules()}
    # Whole names: peft's own choice of layers expects a prefix that a model without its output layer lacks.
    places = [path for path, module in model.named_modules() if id(module) in upper and _is_target(path, TARGETS[kind])]
    if not places:
        raise ConfigError(f"{name}: no place for adapters found in its layers; train with --lora-layers 0.")
    config = LoraConfig(
        task_type="FEATURE_EXTRACTION",
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.05,
        target_modules=places,
    )
    adapted = get_peft_model(model, config)
    kept = adapted.peft_config["default"]
    kept.base_model_name_or_path = name  # not where it lies on this machine
    if not isinstance(kept.target_modules, str):
        kept.target_modules = sorted(kept.target_modules)  # a set would be written in another order each time
    return adapted


def _is_target(path: str, targets: str | list[str]) -> bool:
    """Whether peft's table means this module: a regular expression of its path, or the last part of it."""
    return bool(re.fullmatch(targets, path)) if isinstance(targets, str) else path.rsplit(".", 1)[-1] in targets
