"""How providers say that fewer output tokens are to be had than a request asks for, and how many: `most_output`.

That is no refusal of the request: asked for as many, they answer.
"""

import re
from typing import NamedTuple


class Cap(NamedTuple):
    """How a provider says it.

    Attributes:
        pattern: In the error's text, lower case. Its group `most` is the number; or `window` and `taken` are the
            context window and the input, whose difference it is.
        source: Whose words they are, and a public page or thread where they can be read.
    """

    pattern: str
    source: str


TABLE: tuple[Cap, ...] = (
    Cap(r"fewer max_tokens\b.{0,80}can only afford (?P<most>\d+)", "OpenRouter (402); can1357/oh-my-pi#9569"),
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


def most_output(text: str) -> int | None:
    """Output tokens that an error says are to be had; None where it says nothing of the kind, or that there are none.

    Args:
        text: Of the error, lower case.
    """
    for pattern in _PATTERNS:
        found = pattern.search(text)
        if found is None:
            continue
        said = found.groupdict()
        most = int(said["most"]) if "most" in said else int(said["window"]) - int(said["taken"])
        return most if most > 0 else None
    return None
