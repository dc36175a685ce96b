"""How one model's name is spelled: what punctuation does not matter, and which endings are not part of the name.

Nothing here guesses. A name is looked up whole; where it is not known, one ending of a known kind goes and the rest is
looked up whole again. "gpt-4o" is therefore never "gpt-4".
"""

import re
from typing import Literal, NamedTuple

Kind = Literal["host", "quantised", "mode", "effort", "preview", "snapshot", "tuned"]

# `3p1` as Fireworks writes it, `3-1` and `3_1` where no dot may stand. The second number ends there: in `qwen3-8b` the
# 8 is a size, and that model is not `qwen3.8b`. Longer numbers are dates.
_POINT = re.compile(r"(?<=\d)p(?=\d)")
_DASHED_NUMBER = re.compile(r"(?<![\d.])(\d{1,2})-(\d{1,2})(?![\da-z.])")
_VERSION = re.compile(r"(?<![a-z\d.])v(?=\d)")
_SEPARATOR = re.compile(r"(?<!\d)[-.]+|[-.]+(?!\d)|-(?=-)")
_DASHES = re.compile(r"[\s_:@]+")


def plain(name: str) -> str:
    """Lower case, with a dash for every separator that is not a dot."""
    return _DASHES.sub("-", name.lower())


def key(name: str) -> str:
    """What two spellings of one name have in common.

    Separators count only between two digits, `v` before a number does not, and a decimal point may be a dash.
    """
    text = _DASHED_NUMBER.sub(r"\1.\2", _POINT.sub(".", plain(name)))
    return _SEPARATOR.sub("", _VERSION.sub("", text))


class Peeled(NamedTuple):
    """A name without one ending.

    Attributes:
        name: The rest.
        kind: What the ending says of the model.
        effort: The reasoning effort that it asks for, or None.
    """

    name: str
    kind: Kind
    effort: str | None = None


# `qwen3.8-max-thinking` is a model called max that thinks.
_LEVELS = "minimal|low|medium|high|xhigh|max(?!-(?:thinking|reasoning))"
_EFFORT = re.compile(
    rf"[-.](?:(?:think(?:ing)?|reasoning|effort)-?)?(?P<level>{_LEVELS})(?:-(?:effort|thinking|reasoning))?$"
    r"|-(?P<off>none|no-?think(?:ing)?|non-?thinking|non-?reasoning|no-?reasoning)$"
    r"|-(?P<on>think(?:ing)?|reasoning)(?:-\d{1,3}k)?$"
)


def peel_effort(name: str) -> tuple[str, str] | None:
    """The name without its ending for the reasoning effort, and the effort; None where it has none.

    Efforts are "none", "minimal", "low", "medium", "high", "xhigh", "max", and "thinking" where no level is said.
    """
    found = _EFFORT.search(name)
    if not found or not found.start():
        return None
    effort = found["level"] or ("none" if found["off"] else "thinking")
    return name[: found.start()], effort


_BITS = r"(?:ud-|i1-)?(?:iq[1-8]|q[2-8]|tq[12])(?:-(?:0|1|k|nl|xxs|xs|s|m|l|xl))*|q[48]f(?:16|32)-[01]"
_FORMATS = (
    r"fp[48]|nvfp4|mxfp[48]|int[48]|nf4|[2-8]-?bit|w\d+a\d+|awq|gptq|gguf|ggml|exl[23]|\d(?:\.\d+)?bpw|bnb|mlx|mlc|qat|"
    r"eetq|hqq|aqlm|auto-?round|dwq|i1|marlin|quantized|quantised|smoothquant|onnx|imatrix|dynamic|block|unsloth|g128"
)
_DATE = (
    r"20\d\d-[01]\d-[0-3]\d|20\d\d[01]\d[0-3]\d|[01]\d-20\d\d|20\d\d-[01]\d|[01]\d-[0-3]\d|"
    r"(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])|2[3-7](?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])?|00\d"
)

# (pattern, what goes in the ending's place, kind, stage). A later stage's ending stands nearer to the name, so once it
# is gone no ending of an earlier stage goes: the `thinking` of `qwen3-4b-thinking-2507` is part of that model's name.
_ENDINGS: tuple[tuple[str, str, Kind, int], ...] = (
    (r"-\d{5}-of-\d{5}$", "", "host", 0),
    (r"[-.](?:fp16|bf16|f16|fp32|f32|hf|safetensors|pytorch)$", "", "host", 0),
    # Cloudflare's quicker form of a quantised model.
    (r"(?<=-fp8)-fast$", "", "host", 0),
    (rf"[-.](?:{_BITS}|{_FORMATS})$", "", "quantised", 0),
    # Together: Turbo is FP8, Lite is INT4; Reference is full precision.
    (r"-instruct-(?:turbo|lite)(?:-free)?$", "-instruct", "quantised", 0),
    (r"-instruct-(?:reference|fast|tput|basic)$", "-instruct", "host", 0),
    # Groq's words for instruct models.
    (r"-(?:versatile|instant|specdec)$", "-instruct", "host", 0),
    (r"-(?:maas|tput|cloud|highspeed|lightning|ultrafast|ultraspeed|us|dottxt)$", "", "host", 0),
    (r"-fc(?:-any|-auto)?$", "", "mode", 0),
    (r"-latest$", "", "host", 2),
    (r"-preview$", "", "preview", 2),
    (rf"-(?:{_DATE})$", "", "snapshot", 2),
    (r"-(?:instruct|it|chat)$", "", "tuned", 1),
)
_COMPILED = tuple((re.compile(pattern), rest, kind, stage) for pattern, rest, kind, stage in _ENDINGS)


def peel(name: str, stage: int) -> tuple[Peeled, int] | None:
    """Take one ending off a plain name.

    Args:
        name: The name, as `plain` gives it.
        stage: How near to the name the endings are that have gone already.

    Returns:
        The rest and its stage, or None when the name has no more endings of a known kind.
    """
    # Many a model is called `...-max`, so that alone is an effort only where the registry has a row for it.
    if stage == 0 and (effort := peel_effort(name)) and (effort[1] != "max" or "think" in name):
        return Peeled(effort[0], "effort", effort[1]), 0
    for pattern, rest, kind, own in _COMPILED:
        if own >= stage and (found := pattern.search(name)) and found.start():
            return Peeled(name[: found.start()] + rest, kind), own
    return None
