"""What of LlamaIndex's messages the router reads and counts: `Reading`.

Everything that is forwarded counts. What the expert surely reads is text; what only its endpoint may show it (names,
ids, signatures, unknown fields) is `rest`, which counts in the worst case alone.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ToolCallBlock,
    VideoBlock,
)

from leeroo import InvalidRequest
from leeroo.pool.forwarded import everything, is_data
from leeroo.pool.media import measured
from leeroo.query import Capability, Medium

MEDIA: tuple[tuple[type, Capability], ...] = (
    (ImageBlock, "vision"),
    (VideoBlock, "vision"),
    (AudioBlock, "audio"),
    (DocumentBlock, "documents"),
)
DATA = ("image", "video", "audio", "data", "path")
"""Fields that hold a medium, or where it lies."""


class Reading:
    """Collects what messages say and need.

    Attributes:
        text: What the expert reads.
        rest: What else is sent.
        media: Number of pictures, sounds and documents.
        attachments: Those among them that count by their provider's rule.
        marks: What is said about the provider's cache.
        needs: Capabilities that the messages ask for.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self.rest: list[str] = []
        self.media = 0
        self.attachments: list[Medium] = []
        self.marks: list[Mapping[str, Any]] = []
        self.needs: set[Capability] = set()

    def message(self, message: ChatMessage) -> None:
        """Read one message.

        Raises:
            InvalidRequest: It is none.
        """
        if not isinstance(message, ChatMessage):
            raise InvalidRequest("chat takes a list of ChatMessage; for plain text there is complete(text).")
        for block in message.blocks:
            if isinstance(block, TextBlock):  # first, for nearly all are
                self.text.append(block.text)
            else:
                self._block(block)
        extra = message.additional_kwargs
        if extra:
            self.marks.append(extra)
            if extra.get("tool_calls"):
                self.text.append(str(extra["tool_calls"]))
            self.rest.append(everything(extra, but=["tool_calls"]))

    def beside(self, kwargs: Mapping[str, Any], but: tuple[str, ...] = ()) -> None:
        """Read what goes beside the messages; plain numbers are settings that no model reads."""
        said = {k: v for k, v in kwargs.items() if not isinstance(v, (int, float)) and v is not None}
        if said:
            self.rest.append(everything(said, but=but))

    def _block(self, block: Any) -> None:
        medium = next((capability for kind, capability in MEDIA if isinstance(block, kind)), None)
        fields = {name: value for name, value in vars(block).items() if name != "block_type"}
        if medium is not None:
            self._medium(block, medium, fields)
        elif isinstance(block, TextBlock):
            self.text.append(block.text)
        elif isinstance(block, ToolCallBlock):
            self.text.append(f"{block.tool_name} {block.tool_kwargs}")
            self.rest.append(block.tool_call_id or "")
        else:
            if isinstance(block, CachePoint):
                self.marks.append({"cache_control": vars(getattr(block, "cache_control", None) or block)})
            for name, value in fields.items():
                self._field(name, value)

    def _medium(self, block: Any, medium: Capability, fields: Mapping[str, Any]) -> None:
        self.media += 1
        self.needs.add(medium)
        characters = _document(block) if isinstance(block, DocumentBlock) else ""
        self.rest.append(characters)
        if not (characters and _is_text(block)):  # of what lies at an address nobody knows the size
            self.attachments.append(measured(medium, _data(block), film=isinstance(block, VideoBlock)))
        self.rest.append(everything({name: _address(value) for name, value in fields.items() if name not in DATA}))

    def _field(self, name: str, value: Any) -> None:
        """A field of a block that may hold further blocks."""
        for inner in value if isinstance(value, list) else (value,):
            if hasattr(inner, "block_type"):
                self._block(inner)
            elif name == "content" and isinstance(inner, str):
                self.text.append(inner)
            elif inner is not None and not isinstance(inner, (int, float)):
                self.rest.append(everything(inner))


def _address(value: Any) -> Any:
    """A field beside a medium; None where it is but the medium's address."""
    text = str(value) if value is not None and not isinstance(value, (str, Mapping, list, tuple)) else value
    return None if isinstance(text, str) and is_data("url", text) else text


def _is_text(block: Any) -> bool:
    """Whether a block is a document of plain text: a token of it is a byte at least, and nothing else is made of it."""
    return isinstance(block, DocumentBlock) and (block.document_mimetype or "").startswith("text/")


def _data(block: Any) -> bytes:
    """What a medium consists of; nothing where it lies at an address or cannot be read."""
    value = next((found for name in DATA if (found := getattr(block, name, None)) is not None), None)
    if isinstance(value, (bytes, bytearray)):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            return bytes(value)
    if value is not None and hasattr(value, "seekable") and value.seekable():
        place = value.tell()
        value.seek(0)
        data = value.read()
        value.seek(place)
        return data if isinstance(data, bytes) else b""
    try:
        return Path(value).read_bytes() if value is not None and not hasattr(value, "read") else b""
    except OSError:
        return b""  # the expert's own client will say that it is not there


def _document(block: DocumentBlock) -> str:
    """As many characters as a document has bytes: providers read its text, and a token is a byte at least."""
    data, size = block.data, 0
    if isinstance(data, (bytes, bytearray)):
        size = len(data)
    elif data is not None and data.seekable():
        place = data.tell()
        size = data.seek(0, os.SEEK_END)
        data.seek(place)
    elif block.path is not None:
        try:
            size = Path(block.path).stat().st_size
        except OSError:
            size = 0  # the expert's own client will say that it is not there
    return " " * size
