"""Everything of a request that an endpoint gets, as text to be counted, under whatever name it travels.

A list of fields that count is a list of holes: what is on none of its lines is forwarded all the same, and paid for. So
all that is sent counts, but for the data of media, which has a bound of its own; a caller names what it has counted by
itself.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from leeroo.query import Capability

MEDIA: Mapping[str, Capability] = {
    "image": "vision",
    "image_url": "vision",
    "input_image": "vision",
    "video": "vision",
    "video_url": "vision",
    "audio": "audio",
    "audio_url": "audio",
    "input_audio": "audio",
    "file": "documents",
    "input_file": "documents",
    "document": "documents",
}
"""What `type` says of a part that is a picture, a film, a sound or a document, in any of the known chat formats."""

_DATA_KEYS = frozenset({"url", "data", "file_data", "base64", "image_url", "image", "audio", "video_url", "audio_url"})
# A whole address or whole base64 and nothing beside it: a sentence in its place is read as text by somebody.
_DATA = re.compile(r"(?:data:[\w.+/-]*(?:;[\w.+=-]+)*;base64,)?[A-Za-z0-9+/_-]*={0,2}\s*", re.ASCII)
_ADDRESS = re.compile(r"https?://[^\s]{1,2000}", re.ASCII)
_SHORT = 64
"""Characters: shorter than this nothing is worth hiding, and "none" is base64, too."""


def everything(*values: Any, but: Iterable[str] = (), media: list[Mapping[str, Any]] | None = None) -> str:
    """All names and values in JSON-like values as one text, without the data of media.

    Args:
        *values: What is sent: mappings, sequences, strings, numbers; of anything else, its `str`.
        but: Names that are left out of the values' own (outermost) mappings, because they are counted elsewhere or
            belong to the bare chat format (`role`, `type`), which `Query.overhead` pays for.
        media: Parts of `MEDIA` that are found are added here, however deep they lie, and their data is left out of the
            text. None: no media are counted apart, so that their data is text as well.

    Returns:
        A text of which every piece of what is sent is a part, once; its UTF-8 bytes bound the tokens.
    """
    outermost = frozenset(but)
    found: list[str] = []
    # A stack and no recursion: a client chooses how deep its JSON is.
    waiting: list[tuple[Any, str, bool]] = []
    for value in reversed(values):
        if outermost and isinstance(value, Mapping):
            value = {key: inner for key, inner in value.items() if key not in outermost}
        waiting.append((value, "", False))
    while waiting:
        value, name, in_medium = waiting.pop()
        if isinstance(value, str):
            if not (in_medium and is_data(name, value)):
                found.append(value)
        elif isinstance(value, Mapping):
            medium = in_medium
            if media is not None and medium_of(value) is not None:
                media.append(value)
                medium = True
            for key, inner in value.items():
                if inner is None:
                    continue
                found.append(str(key))
                waiting.append((inner, str(key), medium))
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend((inner, name, in_medium) for inner in value)
        elif isinstance(value, (bytes, bytearray)):
            found.append(value.decode("latin-1"))
        else:
            found.append(_written(value))
    return "\n".join(found)


def medium_of(part: Any) -> Capability | None:
    """What an expert must be able to do to read a part of a message; None where it is no medium."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    return MEDIA.get(kind) if isinstance(kind, str) else None


def is_data(name: str, value: str) -> bool:
    """Whether a string within a part is the data of a medium, or its address, and no text."""
    if name not in _DATA_KEYS:
        return False
    if _ADDRESS.fullmatch(value):
        return True
    return len(value) > _SHORT and _DATA.fullmatch(value) is not None


def _written(value: Any) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # Python writes no whole number of more than 4,300 digits
        return "9" * (value.bit_length() // 3 + 1) if isinstance(value, int) else ""
