"""Which parameters of a chat request a model takes: what it would refuse is left out or renamed, for that expert only.

The frameworks' own classes do the same for their callers. From the providers' pages and from threads of those who were
refused: ra-jeev/write-assist-ai#30, huggingface/smolagents#1211 and #1766, BerriAI/litellm#12635, n8n-io/n8n#14581,
Vali-98/ChatterUI#564, The-PR-Agent/pr-agent#2456 (Claude without sampling), openai/openai-openapi#541 and
BerriAI/litellm#34569 (tools beside thought).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from leeroo.pool.experts import Expert
from leeroo.pool.names import resolve
from leeroo.pool.places import provider_of_host
from leeroo.pool.spelling import plain

_SAMPLING = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "stop"}
)
_ANTHROPIC = frozenset({"temperature", "top_p", "top_k"})
# Claude Opus 4.7, 4.8, and the families after them (read 2026-11).
_UNSAMPLED = re.compile(r"claude-(opus-4[-.][7-9]|(opus|sonnet|haiku)-[5-9]|fable)")
# From GPT-5.4 on, chat completions take tools only from a model that is told not to think.
_TOOLS_WITHOUT_THOUGHT = re.compile(r"gpt-5\.([4-9]|\d\d)")
_THINKING = frozenset({"reasoning_effort"})
_XAI = frozenset({"presence_penalty", "frequency_penalty", "stop"})
_OPENAI = frozenset({"openai", "azure_openai"})


def cap_name(base_url: str | None) -> str:
    """What an endpoint calls the output cap: OpenAI's newer models know one name only, other servers the other."""
    return "max_completion_tokens" if _is_openais(base_url) else "max_tokens"


def _is_openais(base_url: str | None) -> bool:
    return base_url is None or provider_of_host(base_url) in _OPENAI


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
    if vendor == "anthropic" and not refused and given.get("temperature") is not None:
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


def with_tools(model_id: str, base_url: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a request with tools as OpenAI's own endpoint takes them.

    What the caller says of the effort stands, and is refused for the next expert to answer: nobody is to think less
    than was asked without a word.

    Args:
        model_id: The model's name there.
        base_url: The endpoint, None for OpenAI's own.
        given: As the expert would be sent them.
    """
    asked = given.get("reasoning_effort") or given.get("reasoning")
    if asked or not given.get("tools") or not _is_openais(base_url) or not _TOOLS_WITHOUT_THOUGHT.search(model_id):
        return dict(given)
    return {**given, "reasoning_effort": "none"}


@lru_cache(maxsize=1024)
def _refused(model_id: str) -> tuple[str, frozenset[str]]:
    """The model's maker, and what its models of this kind refuse; of a model that is not known, nothing."""
    found = resolve(model_id)
    if found is None:
        return "", frozenset()
    row = found.row
    if row.vendor == "anthropic" and _UNSAMPLED.search(plain(model_id)):
        return row.vendor, _ANTHROPIC
    if row.reasoning == "no":
        return row.vendor, _THINKING
    # Open weights (gpt-oss) are run by servers that sample as they are told.
    thinks = row.reasoning == "yes" and row.size is None
    if not thinks or found.effort == "none":
        return row.vendor, frozenset()
    return row.vendor, {"openai": _SAMPLING, "xai": _XAI}.get(row.vendor, frozenset())
