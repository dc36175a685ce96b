"""The paper's predictor (arXiv 2401.13979): a causal LM's hidden states as vectors, with LoRA adapters. Needs torch.

The artifact holds the adapters and how to standardise the hidden states; the base model is named, not copied.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from leeroo.errors import ConfigError, MissingDependency
from leeroo.prediction.base_model import fingerprint, locate
from leeroo.prediction.text import encode, pad

FloatArray = npt.NDArray[np.float32]
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors")
"""As peft writes and reads them."""
SCALING = "scaling.safetensors"


def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mean_pooled(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of the hidden states of real tokens: (batch, length, width) and (batch, length) -> (batch, width)."""
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)


class HiddenStates(nn.Module):
    """`input_ids` and `attention_mask` -> standardised `last_hidden_state` in fp32, shape (batch, length, width).

    A few dimensions of an LM's hidden states are far larger than all others and hide the rest from dot products
    (Timkey and van Schijndel 2021), hence each dimension is standardised. All is linear, so that the mean over tokens
    is standardised, too.

    Args:
        model: A causal LM without its output layer, perhaps with adapters.
    """

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.config = model.config
        self.width = int(model.config.hidden_size)
        self.register_buffer("centre", torch.zeros(self.width))
        self.register_buffer("scale", torch.ones(self.width))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        """See the class."""
        found = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
        found.last_hidden_state = (found.last_hidden_state.float() - self.centre) * self.scale
        return found


def load_base(path: Path, layers: int | None) -> tuple[Any, Any]:
    """A causal LM without its output layer, and its `tokenizers.Tokenizer`.

    On a GPU the weights are bf16, on the CPU fp32.

    Args:
        path: A GGUF file or a folder as transformers writes it.
        layers: The hidden states after this many layers are read and the layers above dropped; all when None.

    Raises:
        ConfigError: transformers cannot load it, or it has fewer layers.
        MissingDependency: transformers or gguf is not installed.
    """
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise MissingDependency("A causal LM needs transformers: pip install 'leeroo[train]'.") from None
    is_gguf = path.suffix == ".gguf"
    where = {"gguf_file": path.name} if is_gguf else {}
    folder, target = str(path.parent if is_gguf else path), device()
    dtype = torch.bfloat16 if target.type == "cuda" else torch.float32
    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **where)
            model = AutoModel.from_pretrained(folder, dtype=dtype, local_files_only=True, **where)
    except ImportError as error:
        raise MissingDependency(f"{path}: needs another package: {error}. pip install 'leeroo[train]'.") from error
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: transformers cannot load this model: {error}") from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ConfigError(f"{path}: its tokenizer has no fast version (tokenizer.json); convert it with transformers.")
    backend.no_truncation()
    backend.no_padding()
    stack = layers_of(model)
    if layers is not None:
        if not 1 <= layers <= len(stack):
            raise ConfigError(f"{path}: has {len(stack)} layers; {layers} of them cannot be read.")
        del stack[layers:]
        model.config.num_hidden_layers = layers
    return model.to(target), backend


def layers_of(model: Any) -> nn.ModuleList:
    """The stack of layers, whatever the architecture calls it.

    Raises:
        ConfigError: There is none.
    """
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == model.config.num_hidden_layers:
            return module
    raise ConfigError(f"{type(model).__name__}: not a stack of layers; choose another causal LM.")


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of loading."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


class CausalLM:
    """The vector source of an artifact made with a causal LM. Thread-safe; the model is loaded at first use.

    Args:
        folder: Holds adapters and scaling.
        source: `base`, `fingerprint`, `layers` and `adapters` (whether there are any), from the manifest.
        max_length: Tokens read of each text; of longer ones the head and the tail.
        threads: CPU threads, for all of torch; torch's choice when None.
    """

    def __init__(self, folder: Path, source: Mapping[str, Any], *, max_length: int, threads: int | None = None) -> None:
        self._folder = folder
        self._source = source
        self._max_length = max_length
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: tuple[HiddenStates, Any] | None = None

    @torch.inference_mode()
    def encode(self, texts: Sequence[str], *, batch: int = 16) -> FloatArray:
        """Vectors, shape (texts, width).

        Args:
            texts: Any number of texts.
            batch: Texts per run; they are sorted by length first, so that padding costs little.

        Raises:
            ConfigError: The base model is not there, or is another one than in training.
        """
        states, tokenizer = self._load()
        ids = encode(tokenizer, texts, self._max_length)
        order = np.argsort([len(row) for row in ids], kind="stable")
        found = np.empty((len(ids), states.width), dtype=np.float32)
        for start in range(0, len(order), batch):
            at = order[start : start + batch]
            rows, mask = (torch.from_numpy(a).to(states.centre.device) for a in pad([ids[i] for i in at]))
            found[at] = mean_pooled(states(rows, mask).last_hidden_state, mask).cpu().numpy()
        return found

    def _load(self) -> tuple[HiddenStates, Any]:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._open()
        return self._loaded

    def _open(self) -> tuple[HiddenStates, Any]:
        from safetensors.torch import load_file

        name = str(self._source["base"])
        remedy = f"The artifact in {self._folder} builds on it; set settings.source.base in its manifest.json."
        try:
            path, known_as = locate(name)
        except ConfigError as error:
            raise ConfigError(f"{error} {remedy}") from error
        if fingerprint(path, known_as) != self._source["fingerprint"]:
            raise ConfigError(f"{path}: not the model of training (its fingerprint differs). {remedy}")
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        model, tokenizer = load_base(path, self._source["layers"])
        if self._source["adapters"]:
            try:
                from peft import PeftModel
            except ImportError:
                raise MissingDependency("This predictor's adapters need peft: pip install 'leeroo[train]'.") from None
            model = PeftModel.from_pretrained(model, str(self._folder)).merge_and_unload()
        states = HiddenStates(model)
        states.load_state_dict(load_file(str(self._folder / SCALING)), strict=False)
        return states.to(device()).eval(), tokenizer
