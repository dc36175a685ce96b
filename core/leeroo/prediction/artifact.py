"""The predictor's artifact on disk: a folder of weights with a manifest that vouches for every file."""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leeroo.errors import ConfigError
from leeroo.files.folders import made_folder
from leeroo.prediction.surface import COUNTED

FloatArray = npt.NDArray[np.float32]
FORMAT = 1
"""Version of the artifact's layout; a reader refuses newer ones."""

MANIFEST = "manifest.json"
ENCODER, TOKENIZER, WEIGHTS = "encoder.onnx", "tokenizer.json", "response.safetensors"
SHIPPED = Path(__file__).parent / "weights"
EXPERT_ARRAYS = ("ability", "bias", "length", "length_bias", "calibration", "prior")
"""Those with a row per expert."""
ADDED = "added"
"""The table of experts that the user taught the predictor."""
OWN = "own_loading"
"""Levels and directions in the kinds of work, by experts of the table `ADDED` in their order; NaN where not known."""


@dataclass(frozen=True)
class KnownExpert:
    """One column of the response model.

    Attributes:
        name: The expert's name.
        table: The outcome table it was learned from.
        outcomes: How many outcomes it was learned from.
        source: learned, benchmark or prior.
    """

    name: str
    table: str
    outcomes: int = 0
    source: str = "learned"


@dataclass(frozen=True)
class Artifact:
    """What an artifact holds, in memory.

    Attributes:
        folder: Where it lies; the encoder is loaded from there when first needed.
        experts: The known experts, one per column.
        arrays: Numbers of the response model, by name (see `leeroo.prediction.response_model`).
        settings: max_length, activation, neighbours, token scale and what else serving needs.
        about: Where it comes from: training data's hash, base encoder, licence, figures.
        files: Names of the vector source's files in the folder.
    """

    folder: Path
    experts: tuple[KnownExpert, ...]
    arrays: Mapping[str, npt.NDArray[Any]]
    settings: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = (ENCODER, TOKENIZER)

    def without(self, columns: Collection[int]) -> "Artifact":
        """The artifact without the experts of these columns."""
        keep = [i for i in range(len(self.experts)) if i not in columns]
        arrays = {name: values[keep] if name in EXPERT_ARRAYS else values for name, values in self.arrays.items()}
        if "memory_scores" in arrays:
            arrays["memory_scores"] = arrays["memory_scores"][:, keep]
        if OWN in arrays:
            added = [i for i, expert in enumerate(self.experts) if expert.table == ADDED]
            arrays[OWN] = arrays[OWN][[i not in columns for i in added]]
        return replace(self, experts=tuple(self.experts[i] for i in keep), arrays=arrays)

    def own(self, column: int) -> FloatArray | None:
        """Levels and directions of an added expert, (kinds, 1 + directions); None where they were not fitted."""
        if OWN not in self.arrays or self.experts[column].table != ADDED:
            return None
        found = self.arrays[OWN][sum(expert.table == ADDED for expert in self.experts[:column])]
        return None if np.isnan(found).any() else found

    def with_expert(self, expert: KnownExpert, values: Mapping[str, npt.NDArray[Any]]) -> "Artifact":
        """The artifact with one more expert; one of the same name and table is replaced.

        Args:
            expert: Its name and where its traits come from.
            values: ability (traits,), bias (), length (traits,), length_bias (), calibration (2,), prior (), and, where
                the artifact knows kinds of work, own_loading (kinds, 1 + directions).
        """
        named = [(e.name, e.table) for e in self.experts]
        rest = self.without([i for i, name in enumerate(named) if name == (expert.name, expert.table)])
        arrays = dict(rest.arrays)
        for name in EXPERT_ARRAYS:
            arrays[name] = np.concatenate([arrays[name], np.asarray(values[name], dtype=np.float32)[None]])
        if "memory_scores" in arrays:
            unknown = np.full((len(arrays["memory_scores"]), 1), 255, dtype=np.uint8)
            arrays["memory_scores"] = np.concatenate([arrays["memory_scores"], unknown], axis=1)
        if expert.table == ADDED and "kinds_from_place" in arrays:
            kinds, _, loadings = arrays["kinds_from_place"].shape
            before = sum(other.table == ADDED for other in rest.experts)
            unknown = np.full((before, kinds, loadings), np.nan, dtype=np.float32)
            mine = np.asarray(values.get(OWN, np.full((kinds, loadings), np.nan)), dtype=np.float32)
            arrays[OWN] = np.concatenate([arrays.get(OWN, unknown), mine[None]])
        return replace(rest, experts=(*rest.experts, expert), arrays=arrays)


def sha256(path: Path) -> str:
    """The file's hash."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_artifact(artifact: Artifact, out: Path) -> Path:
    """Write weights and manifest to `out`; the vector source's files are copied from the artifact's folder."""
    from safetensors.numpy import save_file

    made_folder(out)
    for name in artifact.files:
        if not (out / name).exists() or (out.resolve() != artifact.folder.resolve()):
            shutil.copyfile(artifact.folder / name, out / name)
    save_file({k: np.ascontiguousarray(v) for k, v in artifact.arrays.items()}, str(out / WEIGHTS))
    manifest = {
        "format": FORMAT,
        "about": dict(artifact.about),
        "settings": dict(artifact.settings),
        "experts": [vars(expert) for expert in artifact.experts],
        "files": {name: sha256(out / name) for name in (*artifact.files, WEIGHTS)},
    }
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return out


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest.

    Raises:
        ConfigError: There is none, it is not JSON, or it was written by a newer Leeroo.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["format"]
        if type(version) is not int:
            raise TypeError("format is not a number")
        absent = {"settings", "experts", "files"} - set(manifest)
        if absent:
            raise KeyError(sorted(absent)[0])
    except OSError:
        raise ConfigError(
            f"{folder}: no predictor artifact there ({MANIFEST} is missing). `leeroo train` makes one."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a predictor's manifest ({error}).") from None
    if version > FORMAT:
        raise ConfigError(f"{path}: format {version} is newer than this Leeroo reads ({FORMAT}); upgrade leeroo.")
    if version < 1:
        raise ConfigError(f"{path}: format {version} is none of Leeroo's; make it anew with `leeroo train`.")
    return dict(manifest)


def source_files(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the files that vectors come from: all but the response model's.

    Raises:
        ConfigError: A name points out of the folder.
    """
    names = tuple(name for name in manifest["files"] if name != WEIGHTS)
    if outside := [name for name in names if Path(name).name != name]:
        raise ConfigError(f"{outside[0]!r}: not the name of a file in the artifact's folder; the manifest is damaged.")
    return names


def source_key(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What decides an artifact's vectors: two artifacts with the same key give the same vectors."""
    settings = manifest["settings"]
    files = {name: manifest["files"][name] for name in source_files(manifest)}
    return {
        "files": files,
        "source": settings.get("source"),
        "max_length": int(settings["max_length"]),
        "counts": int(settings.get("counts", 0)),
    }


def read_artifact(folder: Path) -> Artifact:
    """Read an artifact, every file checked against the manifest's hash.

    Raises:
        ConfigError: A file is missing or differs from the manifest, or the parts do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    manifest = read_manifest(folder)
    files = source_files(manifest)
    for name in (*files, WEIGHTS):
        path = folder / name
        expected = manifest["files"].get(name)
        if not path.is_file():
            raise ConfigError(f"{path}: missing from the predictor artifact; install or train it again.")
        if sha256(path) != expected:
            raise ConfigError(
                f"{path}: damaged (its sha256 is not the manifest's); install or train the artifact again."
            )
    try:
        arrays = load_file(str(folder / WEIGHTS))
        experts = tuple(KnownExpert(**expert) for expert in manifest["experts"])
        if any(len(arrays[name]) != len(experts) for name in EXPERT_ARRAYS):
            raise ValueError("experts and weights differ in number")
        if manifest["settings"].get("counts", 0) not in (0, COUNTED):
            raise ValueError("its trees split on other counts of a text than are taken now")
        if OWN in arrays and len(arrays[OWN]) != sum(expert.table == ADDED for expert in experts):
            raise ValueError("added experts and what is known of them differ in number")
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{folder}: the predictor artifact does not fit together ({error}): it is damaged, or of another "
            "version of Leeroo; make it anew with `leeroo train`."
        ) from None
    return Artifact(
        folder=folder,
        experts=experts,
        arrays=arrays,
        settings=manifest["settings"],
        about=manifest.get("about", {}),
        files=files,
    )
