"""Which `provider:` prefixes there are. A model id may hold colons of its own, so nothing else may be cut off."""

import re

# The prefixes that LangChain's `init_chat_model` takes (langchain 1.5.2).
LANGCHAIN_PROVIDERS = frozenset(
    [
        "anthropic",
        "anthropic_bedrock",
        "azure_ai",
        "azure_openai",
        "baseten",
        "bedrock",
        "bedrock_converse",
        "bedrock_mantle_anthropic",
        "bedrock_mantle_openai",
        "cohere",
        "deepseek",
        "fireworks",
        "google_anthropic_vertex",
        "google_genai",
        "google_vertexai",
        "groq",
        "huggingface",
        "ibm",
        "langsmith",
        "litellm",
        "meta",
        "mistralai",
        "nvidia",
        "ollama",
        "openai",
        "openrouter",
        "perplexity",
        "together",
        "upstage",
        "xai",
    ]
)
# `hf` is Leeroo's own: a local transformers model.
_KNOWN = LANGCHAIN_PROVIDERS | {"hf"}

# What people write for them.
_SYNONYMS = {
    "azure": "azure_openai",
    "gemini": "google_genai",
    "google": "google_genai",
    "google_gla": "google_genai",
    "google_vertex": "google_vertexai",
    "mistral": "mistralai",
    "vertex_ai": "google_vertexai",
    "vertexai": "google_vertexai",
}

# `mistral` is also a model of Ollama's library: `mistral:7b`, `mistral:latest`, `mistral:v0.3` are whole ids.
_OLLAMA_TAG = re.compile(r"\d|v\d|(latest|instruct|text)\b", re.IGNORECASE)


def split_provider(model: str) -> tuple[str | None, str]:
    """Split a known provider's prefix from a model id.

    Args:
        model: What a pool names a model by: `openai:gpt-5-mini`, `llama3.1:8b`, `ft:gpt-4o:acme::x1`.

    Returns:
        The provider by LangChain's name and the id without the prefix. None and the argument as it is, where what
        stands before the first colon is no known provider.
    """
    prefix, _, own = model.partition(":")
    own = own.strip()
    if not own:
        return None, model
    provider = prefix.lower().replace("-", "_")
    if provider == "mistral" and _OLLAMA_TAG.match(own):
        return None, model
    provider = _SYNONYMS.get(provider, provider)
    return (provider, own) if provider in _KNOWN else (None, model)
