"""A folder of versioned artifacts: content-hashed, immutable, one of them in use, and the way back.

    FOLDER/current.json        ids that were put to use, the last one now; replaced in one step
    FOLDER/<id>/               an artifact, and version.json: when, from which parent, figures on held-out data

A version's id is the hash of all that decides its predictions, so the same weights are the same version. Readers see
the old version or the new one, never a mixture; a process keeps the version that it has loaded.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leeroo.errors import ConfigError, did_you_mean
from leeroo.files.folders import made_folder
from leeroo.prediction.artifact import MANIFEST, read_artifact, read_manifest, sha256

CURRENT, ABOUT = "current.json", "version.json"
STAGED = ".new-"
ABANDONED_SECONDS = 3600
KEPT_HISTORY = 100


@dataclass(frozen=True)
class Version:
    """One artifact of the folder.

    Attributes:
        id: Hash of what decides its predictions, 12 hexadecimal digits.
        folder: Where it lies; `leeroo.prediction.load` reads it.
        made: When it was added, UTC, ISO 8601.
        parent: The version that it was made from, None for a first one.
        figures: What was measured on held-out data, JSON-safe; empty where nothing was.
        note: A few words.
        manifest: The artifact's manifest: experts, settings, what it was trained on.
    """

    id: str
    folder: Path
    made: str
    parent: str | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def trained_on(self) -> str:
        """Hash of the tables that it was trained on, empty where the artifact does not say."""
        return str(self.manifest.get("about", {}).get("trained_on", ""))

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, without the manifest's settings."""
        about = self.manifest.get("about", {})
        return {
            "id": self.id,
            "made": self.made,
            "parent": self.parent,
            "experts": len(self.manifest.get("experts", ())),
            "trained_on": self.trained_on,
            "tables": about.get("tables", []),
            "queries": about.get("queries"),
            "figures": dict(self.figures),
            "note": self.note,
            "folder": str(self.folder),
        }


class Versions:
    """The versions of a folder, which is made when the first one is added. Safe for many processes.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def all(self) -> list[Version]:
        """All versions, oldest first.

        Raises:
            ConfigError: One of them is damaged.
        """
        found = [self._read(path.parent) for path in self.folder.glob(f"*/{ABOUT}") if path.parent.name[0] != "."]
        return sorted(found, key=lambda version: (version.made, version.id))

    def get(self, name: str) -> Version:
        """The version of an id or of the beginning of one; "current", or "previous", the one in use before.

        Raises:
            ConfigError: There is none, or several ids begin so.
        """
        if name in ("current", "previous"):
            place = 1 if name == "current" else 2
            history = self._history()
            if len(history) < place:
                raise ConfigError(f"{self.folder}: no {name} version; put one to use: leeroo artifacts use ID.")
            return self.get(history[-place])
        ids = [path.parent.name for path in self.folder.glob(f"*/{ABOUT}") if path.parent.name[0] != "."]
        near = [name] if name in ids else [known for known in ids if name and known.startswith(name)]
        if len(near) > 1:
            raise ConfigError(f"{self.folder}: {name!r} may be {', '.join(sorted(near))}; say which.")
        if not near:
            raise ConfigError(f"{self.folder}: no version {name!r}.{did_you_mean(name, ids)}")
        return self._read(self.folder / near[0])

    def current(self) -> Version | None:
        """The version in use, None where none was put to use yet.

        Raises:
            ConfigError: It is gone or damaged.
        """
        return self.get("current") if self._history() else None

    def add(
        self,
        artifact: str | Path,
        *,
        parent: str | None = None,
        figures: Mapping[str, Any] | None = None,
        note: str = "",
    ) -> Version:
        """Keep a copy of an artifact as a version; it is not put to use. The same weights give the same version.

        Args:
            artifact: Its folder.
            parent: Id of the version that it was made from; the one in use when None.
            figures: What was measured on held-out data, JSON-safe.
            note: A few words.

        Raises:
            ConfigError: The artifact is damaged, or there is no such parent.
        """
        source = Path(artifact)
        read_artifact(source)
        manifest = read_manifest(source)
        key = _id(manifest)
        place = self.folder / key
        if (place / ABOUT).exists():
            return self._read(place)
        before = self.get(parent) if parent is not None else self.current()
        about = {
            "made": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "parent": before.id if before else None,
            "figures": dict(figures or {}),
            "note": note,
        }
        made_folder(self.folder)
        self._sweep()
        staged = Path(tempfile.mkdtemp(prefix=STAGED, dir=self.folder))
        try:
            for name in manifest["files"]:
                self._copy(source / name, staged / name, manifest["files"][name], before)
            shutil.copyfile(source / MANIFEST, staged / MANIFEST)
            (staged / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            staged.chmod(0o755)
            try:
                staged.rename(place)
            except OSError:  # another process added the same one just now
                if not (place / ABOUT).exists():
                    raise
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return self._read(place)

    def use(self, name: str) -> Version:
        """Put a version to use, in one step, once all its files are found whole.

        Raises:
            ConfigError: There is none of that name, or it is damaged.
        """
        version = self.get(name)
        read_artifact(version.folder)
        history = self._history()
        if not history or history[-1] != version.id:
            self._write_history([*history, version.id])
        return version

    def back(self) -> Version:
        """Put the version to use that was in use before.

        Raises:
            ConfigError: There was none, or it is damaged.
        """
        version = self.get("previous")
        read_artifact(version.folder)
        self._write_history(self._history()[:-1])
        return version

    def _read(self, folder: Path) -> Version:
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            known = {name: about[name] for name in ("made", "parent", "figures", "note")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{folder / ABOUT}: not a version's description ({error}); delete {folder}.") from None
        manifest = read_manifest(folder)
        if _id(manifest) != folder.name:
            raise ConfigError(f"{folder}: was changed after it was added; delete it, and add the artifact again.")
        return Version(id=folder.name, folder=folder, manifest=manifest, **known)

    def _history(self) -> list[str]:
        path = self.folder / CURRENT
        try:
            return [str(key) for key in json.loads(path.read_text(encoding="utf-8"))["history"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: unreadable ({error}); delete it, then: leeroo artifacts use ID.") from None

    def _write_history(self, ids: list[str]) -> None:
        handle, name = tempfile.mkstemp(prefix=STAGED, dir=self.folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"history": ids[-KEPT_HISTORY:]}, file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, self.folder / CURRENT)

    def _copy(self, source: Path, target: Path, digest: str, parent: Version | None) -> None:
        """Versions of one encoder share its file: it is most of an artifact's size, and never changes in place."""
        kept = parent.folder / source.name if parent and parent.manifest["files"].get(source.name) == digest else None
        if kept is not None and sha256(kept) == digest:
            try:
                os.link(kept, target)
                return
            except OSError:  # a file system without links
                pass
        shutil.copyfile(source, target)
        target.chmod(0o444)

    def _sweep(self) -> None:
        """Take away what processes left that were killed while they added a version."""
        for path in self.folder.glob(f"{STAGED}*"):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def resolve(folder: Path) -> Path:
    """The artifact's folder that is meant: the folder itself, or the version in use where it holds versions.

    Raises:
        ConfigError: It holds versions, none of which is in use, or that one is gone or damaged.
    """
    if (folder / MANIFEST).exists():
        return folder
    versions = Versions(folder)
    current = versions.current()
    if current is not None:
        return current.folder
    if any(folder.glob(f"*/{ABOUT}")):
        raise ConfigError(f"{folder}: none of its versions is in use; choose one: leeroo artifacts use ID.")
    return folder


def _id(manifest: Mapping[str, Any]) -> str:
    decides = {name: manifest[name] for name in ("format", "settings", "experts", "files")}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]
