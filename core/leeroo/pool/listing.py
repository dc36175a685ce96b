"""List prices by model name, from `genai-prices` (offline: its data ships with the package)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from leeroo.pool.experts import Expert
from leeroo.pool.places import is_self_hosted, provider_of
from leeroo.pool.prices import Price, PriceTier

# LangChain's provider names, where genai-prices has another.
_PROVIDERS = {
    "anthropic_bedrock": "aws",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "google_anthropic_vertex": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "mistralai": "mistral",
    "xai": "x-ai",
}
# Service tiers as answers name them, and what genai-prices asks for them.
_SERVICES = {name: {"service_tier": name} for name in ("priority", "flex", "fast")} | {"batch": {"processing": "batch"}}
FREE = Price(input=0.0, output=0.0)


@dataclass(frozen=True)
class Listing:
    """What is publicly known of a model.

    Attributes:
        price: Its list price.
        context_window: Most input tokens, where listed.
    """

    price: Price
    context_window: int | None


def look_up(expert: Expert) -> Listing | None:
    """The list price of an expert's model, or None when the model is unknown or self-hosted (never a guess)."""
    if is_self_hosted(expert):
        return None
    provider, model_id = provider_of(expert), expert.model_id
    if provider is None and (expert.base_url or _may_be_a_tag(expert)):
        return None
    if provider == "openrouter" and (model_id.endswith(":free") or model_id == "openrouter/free"):
        return Listing(FREE, None)
    from datetime import UTC, datetime

    from genai_prices.data_snapshot import get_snapshot

    try:
        _, model = get_snapshot().find_provider_model(model_id, None, _PROVIDERS.get(provider or "", provider), None)
    except LookupError:
        return None
    now = datetime.now(UTC)
    price = _to_price(model.get_prices(now))
    if price is None:
        return None
    services = {}
    for name, context in _SERVICES.items():
        if any(variant.when == context for variant in model.price_variants or ()):
            served = _to_price(model.get_prices(now, context))
            if served is not None and served != price:
                services[name] = served
    return Listing(price.model_copy(update={"services": services}), model.context_window)


def _may_be_a_tag(expert: Expert) -> bool:
    """Whether a name that no provider stands before holds a colon: `deepseek-r1:7b` is not what DeepSeek sells."""
    return ":" in expert.model_id and not expert.model_id.startswith("ft:")


_COLUMNS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}
_FLAT = {"audio_input": "input_audio_mtok", "audio_output": "output_audio_mtok", "image_output": "output_image_mtok"}


def _to_price(listed: Any) -> Price | None:
    columns = {name: listed.__dict__.get(key) for name, key in _COLUMNS.items()}
    if columns["input"] is None or columns["output"] is None:
        return None
    starts = sorted({tier.start for value in columns.values() for tier in getattr(value, "tiers", ())})

    def at(value: Any, tokens: int) -> float | None:
        if value is None or isinstance(value, (Decimal, int, float)):
            return None if value is None else float(value)
        chosen = value.base
        for tier in value.tiers:
            if tokens > tier.start:
                chosen = tier.price
        return float(chosen)

    def prices(tokens: int) -> dict[str, Any]:
        return {key: at(value, tokens) for key, value in columns.items()}

    def each(key: str) -> float:
        """USD for one of what is listed by the thousand."""
        return (at(listed.__dict__.get(key), 0) or 0.0) / 1000

    return Price(
        **prices(0),
        **{name: at(listed.__dict__.get(key), 0) for name, key in _FLAT.items()},
        request=each("requests_kcount"),
        search=each("web_searches_kcount"),
        tiers=tuple(PriceTier(above=start, **prices(start + 1)) for start in starts),
    )
