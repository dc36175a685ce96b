"""What pictures and sounds cost at most, by the providers' published rules: `Medium`, `measure`, `most_tokens_of`.

Each bound says what it rests on: a provider's page, as stored copies of 2026 have it, or more than any rule that is
known (an estimate on the safe side). Where nothing is known there is no bound, and calls under a cap are refused: an
owner who knows better says so with an expert's `media_tokens`.
"""

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leeroo.pool.forwarded import medium_of
from leeroo.query import Capability, Medium

if TYPE_CHECKING:
    from leeroo.pool.experts import Expert

HEAD = 400_000
"""Characters of base64 within which a picture's size is looked for; a JPEG may begin with long notes."""
AUDIO_PER_SECOND = 32
"""Tokens: Gemini's (ai.google.dev, "Understand and count tokens"; geminibyexample.com/027 repeats it)."""


def measure(part: Mapping[str, Any]) -> Medium:
    """Measure a part of a message that is a medium, from the data in it; an address is not fetched."""
    return measured(medium_of(part) or "documents", _data(part), film=str(part.get("type", "")).startswith("video"))


def measured(kind: Capability, data: bytes, *, film: bool = False) -> Medium:
    """Measure a medium.

    Args:
        kind: What an expert must be able to do to read it.
        data: What it consists of; empty where it lies at an address.
        film: Whether it is one.
    """
    if kind == "vision" and not film:
        width, height = _size(data)
        return Medium(kind, width, height)
    if kind == "audio":
        return Medium(kind, seconds=_seconds(data))
    return Medium("documents" if film else kind)  # of a film no bound is known either


def most_tokens_of(medium: Medium, expert: "Expert") -> int | None:
    """The most input tokens that a medium counts for at an expert; None: no bound is known."""
    stated = next((most for kind, most in (expert.media_tokens or {}).items() if kind == medium.kind), None)
    if stated is not None:
        return stated
    model = expert.model_id.rpartition("/")[2].lower()
    if medium.kind == "audio":
        known = medium.seconds is not None and model.startswith("gemini")  # OpenAI's sounds have a price of their own
        return int(AUDIO_PER_SECOND * (medium.seconds or 0)) + 64 if known else None
    if medium.kind != "vision":
        return None
    if model.startswith("gemini"):
        return _gemini(medium)
    return next((most for pattern, most in _MOST_OF_A_PICTURE if pattern.match(model)), None)


# OpenAI (the guide "Images and vision", in copies of 2025 and 2026): a picture is scaled into 2,048 x 2,048 and its
# shorter side to 768, which makes 8 tiles of 512 at most, each at the model's price beside a sum for the whole; or it
# counts patches of 32 pixels, 1,536 at most, times 1.62 (mini, gpt-5.4-mini too) to 2.46 (nano). From GPT-5.4 on there
# is a detail "original": 10,000 patches times 1.2 is an estimate on the safe side, for no stored copy has its table.
# Anthropic (platform.claude.com, "Images and vision"): patches of 28 pixels, a longer edge of at most 2,576: 4,784.
_MOST_OF_A_PICTURE = (
    (re.compile(r"gpt-4o-mini"), 2_833 + 8 * 5_667),
    (re.compile(r"(gpt-4\.1|gpt-5)[\d.]*-(mini|nano)|o4-mini|gpt-5(?!\.\d)|gpt-5\.[0-3]"), 3_800),
    (re.compile(r"gpt-5|gpt-6"), 12_000),
    (re.compile(r"(chat)?gpt-4o|gpt-4\.1|gpt-4\.5|gpt-4-turbo"), 85 + 8 * 170),
    (re.compile(r"o[134]"), 75 + 8 * 150),
    (re.compile(r"claude"), 4_800),
)


def _gemini(picture: Medium) -> int | None:
    """258 tokens a tile of up to 768 pixels, as Google's page on tokens says; Gemini 3 lets callers ask for 2,240."""
    if not picture.width or not picture.height:
        return None
    unit = min(768, max(256, int(min(picture.width, picture.height) / 1.5)))
    tiles = -(-picture.width // unit) * -(-picture.height // unit)
    return max(2_240, 258 * (tiles + 1))


def _data(part: Mapping[str, Any]) -> bytes:
    """The beginning of what is within a part as base64; nothing where it is an address."""
    waiting: list[Any] = [part]
    best = ""
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, str) and len(value) > len(best) and not value.startswith(("http://", "https://")):
            best = value
    encoded = best.partition(";base64,")[2] if best.startswith("data:") else best
    whole = len(encoded) * 3 // 4
    try:
        head = base64.b64decode(encoded[: HEAD - HEAD % 4], altchars=b"-_" if "-" in encoded[:HEAD] else None)
    except (binascii.Error, ValueError):
        return b""
    return head + bytes(max(0, whole - len(head)))


def _size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, GIF, WebP or JPEG; zeros where it is none."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack(">II", data[16:24])
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return struct.unpack("<HH", data[6:10])
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and data[12:16] == b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
    except (struct.error, IndexError):
        pass
    return 0, 0


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def _seconds(data: bytes) -> float | None:
    """The longest that a sound can last: a WAV's by its own rate, an MP3's by the lowest there is; None: not known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE" and data[12:16] == b"fmt ":
        rate = int.from_bytes(data[28:32], "little")
        own = int.from_bytes(data[24:28], "little") * max(1, int.from_bytes(data[32:34], "little"))
        slowest = min(rate, own)  # the header may contradict itself
        return len(data) / slowest if slowest else None
    if data[:3] == b"ID3" or data[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"):
        return len(data) / 1_000
    return None
