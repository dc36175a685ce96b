"""Bearer keys: a file of hashed keys, each bound to a scope of the ledger.

A key is 256 random bits, so its SHA-256 cannot be guessed back and needs no slow hash: those are for passwords. The
file never holds a key itself; it is shown once, when it is made.
"""

import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from leeroo.errors import ConfigError, LeerooError
from leeroo.ledger.limits import EVERYTHING
from leeroo.scopes import check_scope

PREFIX = "lr-"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Key:
    """One bearer key as it is kept.

    Attributes:
        id: What people name it by, in lists and logs.
        scope: The ledger account that its calls are charged to; it may name any account beneath. "*": any account.
        sha256: Hex digest of the key.
        name: Whose it is, in the owner's words.
        created: When it was made, ISO 8601, UTC.
        revoked: When it was taken back, None while it holds.
    """

    id: str
    scope: str
    sha256: str
    name: str
    created: str
    revoked: str | None = None

    def covers(self, scope: str) -> bool:
        """Whether calls with this key may be charged to a scope."""
        return self.scope == EVERYTHING or scope == self.scope or scope.startswith(self.scope + "/")


class KeyFile:
    """The keys in a file that only its owner may read. Safe to change from many processes; changes hold at once.

    Args:
        path: The file, made by the first `add`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._stamp: tuple[int, int, int] | None = None
        self._by_digest: dict[str, Key] = {}

    def find(self, token: str) -> Key | None:
        """The key that a bearer token is, None where there is none or it is revoked.

        Raises:
            ConfigError: The file is not there any more, or damaged.
        """
        try:
            found = self.path.stat()
        except OSError as error:
            raise ConfigError(f"Cannot read {self.path}: {error.strerror}.") from None
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._by_digest = {key.sha256: key for key in self.all() if key.revoked is None}
            self._stamp = stamp
        return self._by_digest.get(digest(token))

    def all(self) -> list[Key]:
        """All keys, revoked ones included, oldest first.

        Raises:
            ConfigError: The file cannot be read, or is no file of keys.
        """
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            if data["version"] != VERSION:
                raise ConfigError(f"{self.path} has version {data['version']!r}, this Leeroo knows {VERSION}.")
            return [Key(**row) for row in data["keys"]]
        except OSError as error:
            raise ConfigError(f"Cannot read {self.path}: {error.strerror}. `leeroo keys add` makes it.") from None
        except (ValueError, KeyError, TypeError):
            raise ConfigError(f"{self.path} is no file of keys; `leeroo keys add` makes one.") from None

    def add(self, scope: str, name: str = "") -> tuple[Key, str]:
        """Make a key.

        Args:
            scope: The account that it is bound to, "acme/team-a"; "*" for any.
            name: Whose it is.

        Returns:
            The key as it is kept, and the secret itself, which nobody can read again.

        Raises:
            ConfigError: A malformed scope, or a file that cannot be written.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        key = Key(secrets.token_hex(4), check_scope(scope), digest(secret), name, _now())
        with self._alone() as keys:
            self._write([*keys, key])
        return key, secret

    def revoke(self, key_id: str) -> Key:
        """Take a key back; servers refuse it from their next request on.

        Raises:
            LeerooError: There is no such key, or it is revoked already.
        """
        with self._alone() as keys:
            found = next((key for key in keys if key.id == key_id), None)
            if found is None:
                raise LeerooError(f"No key {key_id!r} in {self.path}; `leeroo keys list` shows their ids.")
            if found.revoked is not None:
                raise LeerooError(f"Key {key_id!r} was revoked already, at {found.revoked}.")
            done = replace(found, revoked=_now())
            self._write([done if key is found else key for key in keys])
        return done

    @contextmanager
    def _alone(self) -> Iterator[list[Key]]:
        """The keys, with nobody else changing them: two that write at once must not lose a revocation."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise ConfigError(f"Cannot write {self.path}: {error.strerror}.") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield self.all() if self.path.exists() else []
        finally:
            os.close(folder)

    def _write(self, keys: list[Key]) -> None:
        text = json.dumps({"version": VERSION, "keys": [asdict(key) for key in keys]}, indent=2) + "\n"
        try:
            # A new file in place of the old one, readable by its owner only: a server never reads half a file.
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except OSError as error:
            raise ConfigError(f"Cannot write {self.path}: {error.strerror}.") from None


def digest(token: str) -> str:
    """SHA-256 of a token, in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
