"""Records of large files, one at a time: JSON Lines, JSON arrays, JSON values in a row, CSV; each maybe gzipped.

Memory holds one record, not the file. Bytes that are no UTF-8 are read as Windows-1252, which is what they nearly
always are in a file of mixed encodings; UTF-16 and UTF-32 are known by their first bytes.
"""

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from leeroo.errors import ConfigError

LONGEST = 64 << 20
"""Characters of one record; a longer one is left out."""
_CHUNK = 1 << 20
_MIXED = "leeroo.mixed"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_MIXED, _as_windows_1252)


def records_of(path: Path) -> Iterator[tuple[int, Any]]:
    """The records of a file with their line, or, in an array, their number; from 1.

    A record that cannot be read is given as a `ValueError` in its place.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        with _binary(path) as binary:
            text = cast(TextIO, io.TextIOWrapper(cast(Any, binary), _encoding(binary), _MIXED, newline="\n"))
            is_csv = path.name.lower().removesuffix(".gz").endswith(".csv")
            yield from _csv(text) if is_csv else _json(text)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConfigError(f"Cannot read {path}: {reason}.") from None


def _binary(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _encoding(binary: BinaryIO) -> str:
    head = cast(Any, binary).peek(4)[:4]
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    # PowerShell redirects as UTF-16; without a mark, the zero bytes beside the first brace give it away.
    if len(head) > 1 and 0 in head[:2]:
        return "utf-16-le" if head[1] == 0 else "utf-16-be"
    return "utf-8"


def _json(text: TextIO) -> Iterator[tuple[int, Any]]:
    first, before = "", 0
    while not first.strip():
        first, before = text.readline(LONGEST), before + 1
        if not first:
            return
    start = first.strip()
    if start.startswith("[") or (start == "{"):
        yield from _values(text, first)
        return
    line = first
    while line:
        if len(line) >= LONGEST and not line.endswith("\n"):
            yield before, ValueError(f"longer than {LONGEST >> 20} million characters")
            while line and not line.endswith("\n"):
                line = text.readline(LONGEST)
        elif line.strip():
            yield before, _parsed(line)
        line, before = text.readline(LONGEST), before + 1


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return ValueError(_reason(error))


def _values(text: TextIO, buffer: str) -> Iterator[tuple[int, Any]]:
    """The values of an array, or values one after another, however they are broken into lines."""
    decoder = json.JSONDecoder()
    buffer = buffer.lstrip()
    at, number = int(buffer.startswith("[")), 1
    is_array, at_end = at == 1, False
    while True:
        while at < len(buffer) and buffer[at] in " \t\r\n,":
            at += 1
        if at < len(buffer):
            if is_array and buffer[at] == "]":
                return
            try:
                value, at = decoder.raw_decode(buffer, at)
            except (ValueError, RecursionError) as error:
                if at_end or len(buffer) - at > LONGEST or isinstance(error, RecursionError):
                    yield number, ValueError(f"{_reason(error)}; what follows is not read")
                    return
            else:
                yield number, value
                number += 1
                continue
        elif at_end:
            return
        # Twice as much each time: a record of many chunks is not parsed from its start for each of them.
        more = text.read(max(_CHUNK, len(buffer) - at))
        buffer, at, at_end = buffer[at:] + more, 0, not more


def _csv(text: TextIO) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(text)
    try:
        for record in reader:
            yield reader.line_num, {key: value for key, value in record.items() if key and value not in (None, "")}
    except csv.Error as error:
        yield reader.line_num, ValueError(f"{error}; what follows is not read")


def _reason(error: Exception) -> str:
    """What is wrong, without a word of the text."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg}, character {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "not valid JSON"
