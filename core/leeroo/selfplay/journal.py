"""The run's memory: an append-only file of events, each on disk before the run goes on.

A run that was killed is started again and replayed: what an event says is not done, and not paid, a second time.
"""

import fcntl
import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from leeroo.errors import ConfigError, LeerooError
from leeroo.files.folders import made_folder

JOURNAL = "journal.jsonl"
LOCK = "lock"
Event = dict[str, Any]


class RunInProgress(LeerooError):
    """Another loop works on the folder."""


class Journal:
    """Events of one run, found by kind and key. One process at a time; safe to use from many threads.

    It holds queries and answers, so its file is readable by its owner only.

    Args:
        folder: The run's folder, made if it is not there.

    Raises:
        RunInProgress: Another process has it open.
        ConfigError: The file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        made_folder(folder)
        self.path = folder / JOURNAL
        self._lock_file = _locked(folder / LOCK)
        self._lock = threading.Lock()
        self._events: dict[tuple[str, str], Event] = {}
        try:
            for event in _read(self.path):
                self._events[event["kind"], event["key"]] = event
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._file = os.fdopen(file, "ab", buffering=0)
            _sync_folder(folder)
        except BaseException:
            self._lock_file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others have the folder."""
        self._file.close()
        self._lock_file.close()

    def add(self, kind: str, key: str, **data: Any) -> Event:
        """Write an event; it is on disk when this returns. One of the same kind and key is replaced."""
        event = {"kind": kind, "key": key, **data}
        line = json.dumps(event, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            os.fsync(self._file.fileno())
            self._events[kind, key] = event
        return event

    def find(self, kind: str, key: str) -> Event | None:
        """The event, or None."""
        return self._events.get((kind, key))

    def all(self, kind: str) -> list[Event]:
        """The events of a kind, oldest first."""
        with self._lock:
            return [event for (k, _), event in self._events.items() if k == kind]


def _locked(path: Path) -> IO[str]:
    """The lock file, held until it is closed or the process ends, however it ends."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise RunInProgress(
            f"{path.parent}: another self-play loop (process {owner}) works on this folder; wait for it, or give "
            "another --out."
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _read(path: Path) -> list[Event]:
    """The events of a file; a last line that was never finished is cut off."""
    if not path.exists():
        return []
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.truncate(path, end)
    found = []
    for number, line in enumerate(content[:end].splitlines(), start=1):
        try:
            event = json.loads(line)
            event["kind"], event["key"]
        except (ValueError, KeyError, TypeError):
            raise ConfigError(f"{path}:{number}: damaged; restore it, or start anew with another --out.") from None
        found.append(event)
    return found


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
