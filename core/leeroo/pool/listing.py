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
    price = _to_price(model.get_prices(datetime.now(UTC)))
    return None if price is None else Listing(price=price, context_window=model.context_window)


def _may_be_a_tag(expert: Expert) -> bool:
    """Whether a name that no provider stands before holds a colon: `deepseek-r1:7b` is not what DeepSeek sells."""
    return ":" in expert.model_id and not expert.model_id.startswith("ft:")


def _to_price(listed: Any) -> Price | None:
    columns = {
        "input": listed.__dict__.get("input_mtok"),
        "output": listed.__dict__.get("output_mtok"),
        "cached_input": listed.__dict__.get("cache_read_mtok"),
    }
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

    requests = listed.__dict__.get("requests_kcount")
    return Price(
        **prices(0),
        request=float(requests) / 1000 if isinstance(requests, Decimal) else 0.0,
        tiers=tuple(PriceTier(above=start, **prices(start + 1)) for start in starts),
    )
