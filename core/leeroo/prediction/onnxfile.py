"""An ONNX file keeps its weights within itself: `check`.

The format lets a tensor name another file, whose bytes are then read in its place: any file of the machine, by a path
with `..` in it or by an absolute one. Leeroo's exports never do so. The file is looked through without `onnx`, which
serving does not have; field numbers are those of onnx.proto (ONNX 1.23, 2026-11).
"""

from collections.abc import Iterator
from pathlib import Path

from leeroo.errors import ConfigError

_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_FIXED = {1: 8, 5: 4}
"""Bytes of the wire types of fixed size."""


def check(path: Path) -> None:
    """See that no tensor lies elsewhere.

    Raises:
        ConfigError: One does, or the file is damaged.
    """
    data = memoryview(path.read_bytes())
    waiting = [("model", 0, len(data))]
    try:
        while waiting:
            kind, start, end = waiting.pop()
            for field, value, size in _fields(data, start, end):
                if kind == "tensor":
                    if field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value):
                        raise ConfigError(
                            f"{path}: a tensor of it lies in another file, which could be any of this machine's; "
                            "save the model with its weights within, or train the artifact again."
                        )
                elif size is not None and (inner := _WITHIN[kind].get(field)) is not None:
                    waiting.append((inner, value, value + size))
    except (IndexError, ValueError):
        raise ConfigError(f"{path}: damaged, not an ONNX file; install or train the artifact again.") from None


def _fields(data: memoryview, at: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """Each field's number, with its value, or with where it begins and its size."""
    while at < end:
        key, at = _number(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _number(data, at)
            yield field, value, None
        elif wire == 2:
            size, at = _number(data, at)
            if at + size > end:
                raise ValueError
            yield field, at, size
            at += size
        elif wire in _FIXED:
            at += _FIXED[wire]
        else:
            raise ValueError
    if at != end:
        raise ValueError


def _number(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError
