"""The file of keys, and the commands over it."""

import json
import os
import stat
import subprocess
import sys

import pytest

from leeroo import ConfigError, LeerooError
from leeroo.serve.keys import KeyFile, digest


def test_a_key_is_found_by_its_secret_until_it_is_revoked_and_only_its_hash_is_kept(tmp_path):
    keys = KeyFile(tmp_path / "keys.json")
    key, secret = keys.add("acme/team", "Team")
    reader = KeyFile(keys.path)  # another process
    assert reader.find(secret) == key
    assert reader.find(secret[:-1]) is None
    text = keys.path.read_text()
    assert secret not in text
    assert digest(secret) in text
    assert stat.S_IMODE(os.stat(keys.path).st_mode) == 0o600
    keys.revoke(key.id)
    assert reader.find(secret) is None
    assert [one.revoked is None for one in keys.all()] == [False]
    with pytest.raises(LeerooError, match="revoked already"):
        keys.revoke(key.id)
    with pytest.raises(LeerooError, match="No key 'x'"):
        keys.revoke("x")


def test_scopes_cover_what_is_beneath_them_and_nothing_beside(tmp_path):
    key, _ = KeyFile(tmp_path / "keys.json").add("acme/team")
    assert key.covers("acme/team")
    assert key.covers("acme/team/ann")
    assert not key.covers("acme")
    assert not key.covers("acme/teamwork")
    assert KeyFile(tmp_path / "keys.json").add("*")[0].covers("anyone")


def test_keys_added_at_the_same_time_are_all_kept(tmp_path):
    path = tmp_path / "keys.json"
    code = f"from leeroo.serve.keys import KeyFile\nfor _ in range(10): KeyFile({str(path)!r}).add('a')"
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [one.wait() for one in running] == [0, 0, 0]
    assert len({key.id for key in KeyFile(path).all()}) == 30


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 2, "keys": []}', '{"version": 1, "keys": [{"id": 1}]}'])
def test_a_damaged_file_is_named_and_never_lets_anybody_in(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"keys\.json"):
        KeyFile(path).find("lr-x")


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(ConfigError, match="leeroo keys add"):
        KeyFile(tmp_path / "keys.json").all()
    with pytest.raises(ConfigError, match="scope is ''"):
        KeyFile(tmp_path / "keys.json").add("")


def test_the_commands(tmp_path):
    def leeroo(*args):
        done = subprocess.run(
            [sys.executable, "-m", "leeroo", "keys", *args, "--keys", "k.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    code, secret, said = leeroo("add", "acme", "--name", "Ann")
    assert code == 0
    assert KeyFile(tmp_path / "k.json").find(secret.strip()).name == "Ann"
    assert secret.strip() not in said
    rows = json.loads(leeroo("list", "--json")[1])
    assert [(row["scope"], row["name"], row["revoked"]) for row in rows] == [("acme", "Ann", None)]
    assert leeroo("revoke", rows[0]["id"])[0] == 0
    code, _, said = leeroo("revoke", rows[0]["id"])
    assert (code, "revoked already" in said, "Traceback" in said) == (1, True, False)


def test_what_is_looked_up_is_a_digest_never_the_key(tmp_path, monkeypatch):
    """So how long a look-up takes says nothing of a key: it depends on a hash that nobody can steer."""
    file = KeyFile(tmp_path / "keys.json")
    _, secret = file.add("a")
    file.find(secret)
    seen = []

    class Watched(dict):
        def get(self, key, default=None):
            seen.append(key)
            return super().get(key, default)

    monkeypatch.setattr(file, "_by_digest", Watched(file._by_digest))
    assert file.find(secret).scope == "a"
    assert file.find(secret[:-1] + "x") is None
    assert len(seen) == 2
    assert all(len(key) == 64 and secret[3:10] not in key for key in seen)
