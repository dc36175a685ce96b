"""Artifacts that reach for other files, claim what they do not have, or are of another version."""

import hashlib
import json
import shutil
import struct
from pathlib import Path

import pytest

from leeroo.errors import ConfigError
from leeroo.prediction import onnxfile
from leeroo.prediction.artifact import ENCODER, MANIFEST, WEIGHTS, read_artifact
from leeroo.prediction.encoder import Encoder

SHIPPED = Path(onnxfile.__file__).parent / "weights"


def number(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(at, value):
    if isinstance(value, int):
        return number(at << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(at << 3 | 2) + number(len(value)) + value


def tensor(location=None, *, data=b"", only_said=False):
    """A float tensor of one number, its bytes in another file where a location is given."""
    body = field(1, 1) + field(2, 1) + field(8, "w")
    if location is None:
        return body + field(9, data)
    named = b"" if only_said else field(13, field(1, "location") + field(2, location))
    return body + named + field(14, 1)


def model(graph):
    return field(1, 8) + field(7, graph + field(2, "g")) + field(8, field(2, 17))


def holding(given):
    """The same tensor in every place of a model that may hold one."""
    attribute = field(1, "value") + field(5, given) + field(20, 4)
    node = field(2, "y") + field(4, "Constant") + field(5, attribute)
    branch = field(4, "If") + field(5, field(1, "then_branch") + field(6, field(5, given)) + field(20, 5))
    sparse = field(1, given) + field(2, tensor(data=b"\0" * 8))
    return {
        "initializer": model(field(5, given)),
        "constant": model(field(1, node)),
        "within a branch": model(field(1, branch)),
        "among several": model(field(1, field(5, field(1, "value") + field(10, given)))),
        "sparse": model(field(15, sparse)),
        "a function's": model(b"") + field(25, field(1, "f") + field(7, node)),
        "training's": model(b"") + field(20, field(1, field(5, given))),
    }


@pytest.mark.parametrize("place", holding(b""))
@pytest.mark.parametrize("location", ["../../../../etc/passwd", "/etc/passwd", "beside.bin", "", "C:\\secrets"])
def test_no_weights_are_read_from_other_files(tmp_path, place, location):
    (tmp_path / "beside.bin").write_bytes(b"\0" * 4)
    shutil.copy(SHIPPED / "tokenizer.json", tmp_path)
    for only_said in (False, True):
        (tmp_path / ENCODER).write_bytes(holding(tensor(location, only_said=only_said))[place])
        with pytest.raises(ConfigError, match="lies in another file"):
            Encoder(tmp_path, max_length=8).encode(["Hello?"])


@pytest.mark.parametrize("place", holding(b""))
def test_weights_within_are_looked_through(tmp_path, place):
    (tmp_path / ENCODER).write_bytes(holding(tensor(data=b"\0" * 4))[place])
    onnxfile.check(tmp_path / ENCODER)


def test_the_shipped_encoder_has_its_weights_within():
    onnxfile.check(SHIPPED / ENCODER)


@pytest.mark.parametrize(
    "damage", [b"\xff" * 40, b"\x3a\xff\xff\xff\xff\x0f", b"\x3a", b"\x3b", b"\x09\0\0", b"<html>"]
)
def test_what_is_no_onnx_file_is_refused(tmp_path, damage):
    (tmp_path / ENCODER).write_bytes(damage)
    with pytest.raises(ConfigError, match="damaged"):
        onnxfile.check(tmp_path / ENCODER)


@pytest.fixture
def artifact(tmp_path):
    """A copy of the shipped one that can be forged: `forge(name, bytes)` mends the manifest's hash as well."""
    folder = tmp_path / "artifact"
    shutil.copytree(SHIPPED, folder)

    def forge(name=None, data=b"", **manifest):
        found = json.loads((folder / MANIFEST).read_text())
        if name is not None:
            (folder / name).write_bytes(data)
            found["files"][name] = hashlib.sha256(data).hexdigest()
        (folder / MANIFEST).write_text(json.dumps({**found, **manifest}))
        return folder

    return forge


def safetensors(header, *, says=None, data=b""):
    header = json.dumps(header).encode()
    return struct.pack("<Q", len(header) if says is None else says) + header + data


F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
FORGED = {
    "a header of 2^63 bytes": safetensors({}, says=2**63),
    "a header beyond the file": safetensors({}, says=10**8),
    "a shape of a world": safetensors({"a": {**F32, "shape": [2**40, 2**40]}}, data=b"\0" * 4),
    "data beyond the file": safetensors({"a": {**F32, "data_offsets": [0, 2**40]}}, data=b"\0" * 4),
    "data that overlap": safetensors({"a": F32, "b": F32}, data=b"\0" * 4),
    "negative": safetensors({"a": {**F32, "shape": [-1]}}, data=b"\0" * 4),
    "a deep header": struct.pack("<Q", 200_000) + b"[" * 100_000 + b"]" * 100_000,
    "nothing": b"",
    "no weights of ours": safetensors({"a": F32}, data=b"\0" * 4),
}


@pytest.mark.parametrize("what", FORGED)
def test_weights_that_claim_what_they_do_not_have_are_refused(artifact, what):
    with pytest.raises(ConfigError, match="does not fit together"):
        read_artifact(artifact(WEIGHTS, FORGED[what]))


def test_a_changed_file_is_refused(artifact):
    folder = artifact()
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ConfigError, match="damaged"):
        read_artifact(folder)


def test_no_file_out_of_the_folder_is_one_of_the_artifact(artifact):
    for name in ("../../etc/passwd", "/etc/passwd", "a/../../b"):
        with pytest.raises(ConfigError, match="not the name of a file"):
            read_artifact(artifact(files={name: "0" * 64, WEIGHTS: "0" * 64}))


@pytest.mark.parametrize(
    ("format_", "said"),
    [(2, "upgrade leeroo"), (10**9, "upgrade leeroo"), (0, "leeroo train"), (-1, "leeroo train"), ("1", "manifest"),
     (None, "manifest"), (True, "manifest")],
)  # fmt: skip
def test_other_versions_are_refused_with_the_remedy(artifact, format_, said):
    with pytest.raises(ConfigError, match=said):
        read_artifact(artifact(format=format_))


def test_an_older_ones_missing_arrays_are_refused_with_the_remedy(artifact):
    from safetensors.numpy import load_file, save

    arrays = load_file(str(SHIPPED / WEIGHTS))
    for name in ("theta", "b"):
        arrays.pop(name, None)
    arrays.pop(sorted(arrays)[0], None)
    first = dict(list(arrays.items())[:2])
    with pytest.raises(ConfigError, match="leeroo train"):
        read_artifact(artifact(WEIGHTS, save(first)))
