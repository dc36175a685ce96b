"""How providers say that fewer output tokens are to be had than a request asks for, and how many: `most_output`.

That is no refusal of the request: asked for as many, they answer.
"""

import re
import threading
from collections.abc import Callable
from math import inf
from typing import NamedTuple

KEPT = 300.0
"""Seconds that it is remembered how much an account pays for; somebody may have topped it up since."""
ROOM = 32
"""Tokens, beside a tenth of them, by which a prompt may be longer than it is estimated."""
CAPPED = "gives at most"
"""How the reason begins why an expert is left out whose answers would be cut: no better one is left out for it."""


class Cap(NamedTuple):
    """How a provider says it.

    Attributes:
        pattern: In the error's text, lower case. Its group `most` is the number; or `window` and `taken` are the
            context window and the input, whose difference it is.
        source: Whose words they are, and a public page or thread where they can be read.
        passing: Whether it speaks of an account and not of a model, so that it may soon be otherwise.
    """

    pattern: str
    source: str
    passing: bool = False


TABLE: tuple[Cap, ...] = (
    Cap(
        r"fewer max_tokens\b.{0,80}can only afford (?P<most>\d+)",
        "OpenRouter (402); can1357/oh-my-pi#9569",
        passing=True,
    ),
    Cap(r"supports at most (?P<most>\d+) completion tokens", "OpenAI (400); aws-samples/bedrock-access-gateway#41"),
    Cap(r"max_tokens: \d+ > (?P<most>\d+), which is the maximum allowed", "Anthropic (400); docs errors page"),
    Cap(r"exceed context limit: (?P<taken>\d+) \+ \d+ > (?P<window>\d+)", "Anthropic (400); docker/docker-agent#569"),
    Cap(
        r"too large: \d+\. this model's maximum context length is (?P<window>\d+) tokens and your request has "
        r"(?P<taken>\d+) input",
        "vLLM (400); mitchross/talos-argocd-proxmox#2145",
    ),
    Cap(
        r"maximum context length is (?P<window>\d+) tokens.{0,60}\((?P<taken>\d+) in the messages, \d+ in the "
        r"completion",
        "OpenAI, vLLM (400); ogx-ai/ogx#4534",
    ),
)
_PATTERNS = tuple(re.compile(row.pattern) for row in TABLE)


class Most(NamedTuple):
    """How much output is to be had.

    Attributes:
        tokens: For the request that was refused.
        window: The context window that it must fit into with the input, where that is the reason.
        passing: As of a `Cap`.
    """

    tokens: int
    window: int | None = None
    passing: bool = False


def most_output(text: str) -> Most | None:
    """How much output an error says is to be had; None where it says nothing of the kind, or that there is none.

    Args:
        text: Of the error, lower case.
    """
    for row, pattern in zip(TABLE, _PATTERNS, strict=True):
        found = pattern.search(text)
        if found is None:
            continue
        said = found.groupdict()
        window = int(said["window"]) if "window" in said else None
        most = int(said["most"]) if window is None else window - int(said["taken"])
        return Most(most, window, row.passing) if most > 0 else None
    return None


class OutputCaps:
    """How much output experts have said that they give, while the process lives. Thread-safe.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[tuple[str, bool], tuple[Most, float]] = {}
        self._lock = threading.Lock()

    def note(self, key: str, most: Most) -> None:
        """An expert has said how much it gives; what hangs on an account is forgotten after a while."""
        with self._lock:
            self._said[key, most.passing] = most, self._clock() + (KEPT if most.passing else inf)

    def most(self, key: str, input_tokens: int) -> int | None:
        """Output tokens that an expert gives for an input, None where it has said nothing."""
        if not self._said:
            return None
        with self._lock:
            now, said = self._clock(), [self._said.get((key, passing)) for passing in (False, True)]
        known = [one[0] for one in said if one is not None and one[1] > now]
        found = [max(1, most.window - int(1.1 * input_tokens) - ROOM) if most.window else most.tokens for most in known]
        return min(found, default=None)
