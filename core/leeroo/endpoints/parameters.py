"""Which parameters of a chat request a model takes: what it would refuse is left out or renamed, for that expert only.

The frameworks' own classes do the same for their callers. From the providers' pages and from threads of those who were
refused: ra-jeev/write-assist-ai#30, huggingface/smolagents#1211 and #1766, BerriAI/litellm#12635, n8n-io/n8n#14581,
Vali-98/ChatterUI#564.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from leeroo.pool.experts import Expert
from leeroo.pool.names import resolve
from leeroo.pool.places import provider_of_host

_SAMPLING = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "stop"}
)
_THINKING = frozenset({"reasoning_effort"})
_XAI = frozenset({"presence_penalty", "frequency_penalty", "stop"})
_OPENAI = frozenset({"openai", "azure_openai"})


def cap_name(base_url: str | None) -> str:
    """What an endpoint calls the output cap: OpenAI's newer models know one name only, other servers the other."""
    own = base_url is None or provider_of_host(base_url) in _OPENAI
    return "max_completion_tokens" if own else "max_tokens"


_HINTS = {
    # Others refuse it, and all of Azure: home-assistant/core#161256, OpenHands/software-agent-sdk#2295 (2026-01, 03).
    "prompt_cache_retention": (frozenset({"openai"}), r"gpt-4\.1(-\d{4}.*)?|gpt-5(\.[1-5])?(-(?!mini|nano).*)?"),
    # OpenAI's page on predicted outputs, 2026-11.
    "prediction": (_OPENAI, r"gpt-4(o|\.1)(-.*)?"),
}
"""Parameters that only make an answer quicker or cheaper, with the providers and the models that take them."""


def taken(expert: Expert, given: Mapping[str, Any], base_url: str | None) -> dict[str, Any]:
    """The parameters without those that the expert's model refuses.

    Args:
        expert: Who is asked.
        given: Parameters of a chat request by OpenAI's names, without the output cap.
        base_url: Where the expert is reached; None for OpenAI's own endpoint.
    """
    vendor, refused = _refused(expert.model_id)
    if vendor == "anthropic" and given.get("temperature") is not None:
        refused = frozenset({"top_p"})
    if vendor == "openai" and given.get("reasoning_effort") == "none":
        refused = frozenset()
    return {key: value for key, value in given.items() if key not in refused and _of_use(key, expert, base_url)}


def _of_use(name: str, expert: Expert, base_url: str | None) -> bool:
    """Whether a parameter may be sent for all that is known of who takes it."""
    if name not in _HINTS:
        return True
    providers, models = _HINTS[name]
    provider = "openai" if base_url is None else provider_of_host(base_url)
    return provider in providers and re.fullmatch(models, expert.model_id) is not None


@lru_cache(maxsize=1024)
def _refused(model_id: str) -> tuple[str, frozenset[str]]:
    """The model's maker, and what its models of this kind refuse; of a model that is not known, nothing."""
    found = resolve(model_id)
    if found is None:
        return "", frozenset()
    row = found.row
    if row.reasoning == "no":
        return row.vendor, _THINKING
    # Open weights (gpt-oss) are run by servers that sample as they are told.
    thinks = row.reasoning == "yes" and row.size is None
    if not thinks or found.effort == "none":
        return row.vendor, frozenset()
    return row.vendor, {"openai": _SAMPLING, "xai": _XAI}.get(row.vendor, frozenset())
