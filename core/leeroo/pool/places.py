"""Where an expert is reached: whether on this machine or network, and whose host it is."""

import ipaddress
import os
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from leeroo.pool.experts import Expert

# provider -> hosts that are its own; their subdomains are the regional ones. From the providers' pages, 2026-11.
_HOSTS: dict[str, tuple[str, ...]] = {
    "openai": ("api.openai.com",),
    "anthropic": ("api.anthropic.com",),
    "azure_openai": ("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
    "google_genai": ("generativelanguage.googleapis.com",),
    "google_vertexai": ("aiplatform.googleapis.com",),
    "mistralai": ("api.mistral.ai",),
    "groq": ("api.groq.com",),
    "deepseek": ("api.deepseek.com",),
    "openrouter": ("openrouter.ai",),
    "together": ("api.together.xyz", "api.together.ai"),
    "fireworks": ("api.fireworks.ai",),
    "xai": ("api.x.ai",),
    "cohere": ("api.cohere.ai", "api.cohere.com"),
    "perplexity": ("api.perplexity.ai",),
}
_OLLAMA_PORT = 11434
_LOCAL_NAMES = (".localhost", ".local", ".lan", ".internal", ".home.arpa", ".svc", ".docker")

# Fields by which the frameworks' model objects name their endpoint, and what their classes are.
_ADDRESSES = ("openai_api_base", "api_base", "base_url", "azure_endpoint", "endpoint_url", "anthropic_api_url")
_CLASSES = {
    "ChatOpenAI": "openai", "OpenAI": "openai", "OpenAIResponses": "openai",
    "AzureChatOpenAI": "azure_openai", "AzureOpenAI": "azure_openai",
    "ChatAnthropic": "anthropic", "Anthropic": "anthropic",
    "ChatBedrock": "bedrock", "ChatBedrockConverse": "bedrock", "Bedrock": "bedrock", "BedrockConverse": "bedrock",
    "ChatGoogleGenerativeAI": "google_genai", "GoogleGenAI": "google_genai", "ChatVertexAI": "google_vertexai",
    "ChatOllama": "ollama", "Ollama": "ollama",
    "ChatMistralAI": "mistralai", "MistralAI": "mistralai",
    "ChatGroq": "groq", "Groq": "groq",
    "ChatDeepSeek": "deepseek", "DeepSeek": "deepseek",
    "ChatOpenRouter": "openrouter", "OpenRouter": "openrouter",
    "ChatTogether": "together", "TogetherLLM": "together",
    "ChatFireworks": "fireworks", "Fireworks": "fireworks",
    "ChatXAI": "xai",
    "ChatCohere": "cohere", "Cohere": "cohere",
    "ChatPerplexity": "perplexity", "Perplexity": "perplexity",
}  # fmt: skip


def address_of(expert: Expert) -> str | None:
    """The URL at which an expert is reached, where one is stated: its `base_url`, or the one of its model object."""
    if expert.base_url is not None or isinstance(expert.model, str):
        return expert.base_url
    fields: dict[str, Any] = getattr(expert.model, "__dict__", {})
    found = next((value for name in _ADDRESSES if isinstance(value := fields.get(name), str) and value), None)
    if found is None:
        return None
    # What the environment puts in the place of OpenAI's own address speaks for OpenAI, whatever stands in between.
    return None if found in {os.environ.get(name) for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE")} else found


def provider_of(expert: Expert) -> str | None:
    """Who runs an expert, by LangChain's name: told by its host, else by its prefix or by the class of its model."""
    return _provider_at(expert, address_of(expert))


def _provider_at(expert: Expert, url: str | None) -> str | None:
    by_host = None if url is None else provider_of_host(url)
    if by_host is not None or isinstance(expert.model, str):
        return by_host or expert.provider
    return next((_CLASSES[cls.__name__] for cls in type(expert.model).__mro__ if cls.__name__ in _CLASSES), None)


def name_of(expert: Expert) -> str:
    """The name of an expert's model with who serves it before it, who may leave words out: `ollama:llama3.2`."""
    url = address_of(expert)
    provider = "ollama" if url is not None and _is_ollama(url) else _provider_at(expert, url)
    return expert.model_id if provider is None else f"{provider}:{expert.model_id}"


@lru_cache(maxsize=256)
def _is_ollama(url: str) -> bool:
    """Whether a URL has Ollama's own port; its endpoint in OpenAI's format is reached as if it were OpenAI's."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").port == _OLLAMA_PORT
    except ValueError:
        return False


def host_of(url: str) -> str:
    """The host of a URL in lower case, "" where there is none. What stands before an `@` is no host."""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=256)
def provider_of_host(url: str) -> str | None:
    """The provider whose own host a URL names, regional ones included; `api.openai.com.example.org` is nobody's."""
    host = host_of(url)
    for provider, hosts in _HOSTS.items():
        if any(host == own or host.endswith(f".{own}") for own in hosts):
            return provider
    return None


@lru_cache(maxsize=256)
def is_local(url: str) -> bool:
    """Whether a URL leads to this machine or to a private network, told by the name or the address alone."""
    host = host_of(url)
    if not host:
        return False
    try:
        address = ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        # A name without a dot is known to this network only: `localhost`, a container, a host beside this one.
        return "." not in host or host.endswith(_LOCAL_NAMES)
    carrier = isinstance(address, ipaddress.IPv4Address) and address in ipaddress.ip_network("100.64.0.0/10")
    return address.is_private or address.is_loopback or address.is_link_local or address.is_unspecified or carrier


def is_self_hosted(expert: Expert) -> bool:
    """Whether an expert runs on the user's own machines, where no list price holds."""
    url = address_of(expert)
    if url is not None:
        return is_local(url)
    return expert.provider == "hf" or provider_of(expert) == "ollama"
