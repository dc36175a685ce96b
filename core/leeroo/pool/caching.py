"""Who keeps a prompt in its cache only where it is asked to, and how long a request has it do so.

Anthropic's models cache what a mark (`cache_control`) stands behind, wherever they run; most others cache by
themselves, and some of those refuse a request with a mark. From the providers' pages (2026-11) and the threads that
`leeroo.endpoints.marks` names.
"""

from typing import Literal

from leeroo.pool.experts import Expert
from leeroo.pool.names import resolve
from leeroo.pool.places import address_of, host_of, name_of, provider_of, provider_of_host

Kept = Literal["5m", "1h"]
"""How long a provider is asked to keep input in its cache."""

_REFUSE = frozenset({"openai", "azure_openai", "groq", "mistralai", "google_genai"})
_BY_THEMSELVES = frozenset({"fireworks", "deepseek", "xai", "together", "perplexity", "cohere", "ollama", "hf"})
"""Those who are not known to refuse a mark, and are asked for nothing by one."""
_REFUSING_HOSTS = frozenset({"api.cerebras.ai"})


def host_takes_marks(base_url: str | None) -> bool:
    """Whether an endpoint in OpenAI's format is not known to refuse marks.

    Args:
        base_url: The endpoint's; None for OpenAI's own.
    """
    if base_url is None or host_of(base_url) in _REFUSING_HOSTS:
        return False
    return provider_of_host(base_url) not in _REFUSE


def server_of(expert: Expert) -> str | None:
    """Who runs an expert, by LangChain's name; None for a server of one's own that speaks OpenAI's format."""
    url, provider = address_of(expert), provider_of(expert)
    if url is None:
        return "openai" if provider is None and isinstance(expert.model, str) else provider
    return None if provider == "openai" and provider_of_host(url) is None else provider


def takes_marks(expert: Expert) -> bool:
    """Whether an expert is not known to refuse marks."""
    url = address_of(expert)
    return server_of(expert) not in _REFUSE and (url is None or host_of(url) not in _REFUSING_HOSTS)


def needs_marks(expert: Expert) -> bool:
    """Whether an expert's model is known to cache nothing without a mark."""
    found = resolve(name_of(expert))
    return found is not None and found.row.vendor == "anthropic"


def writes_of(expert: Expert, asked: Kept | None) -> Kept | None:
    """How long an expert is asked to keep the input: as the request says, else as `prompt_cache` does.

    Args:
        expert: Who would be asked.
        asked: What the request's own marks say.
    """
    if asked is not None:
        return asked if takes_marks(expert) else None
    return setting_of(expert)


def setting_of(expert: Expert) -> Kept | None:
    """An expert's `prompt_cache`, where its provider is to be asked by marks; None where it caches by itself."""
    if expert.prompt_cache is None or server_of(expert) in _BY_THEMSELVES or not takes_marks(expert):
        return None
    return expert.prompt_cache


def mark(kept: Kept) -> dict[str, str]:
    """The mark that asks for it, in Anthropic's form, which OpenRouter and gateways know, too."""
    return {"type": "ephemeral"} if kept == "5m" else {"type": "ephemeral", "ttl": kept}
