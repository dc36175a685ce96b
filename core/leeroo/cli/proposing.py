"""Which models `leeroo init` proposes, by the providers whose keys are at hand, and the pool file it writes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leeroo.endpoints.providers import PROVIDERS
from leeroo.errors import ConfigError, did_you_mean
from leeroo.pool.experts import Expert
from leeroo.pool.names import Model, resolve
from leeroo.pool.pool import Pool
from leeroo.prediction.predictor import Source

MOST = 5
"""Experts of a proposal: more are a list, not a pool that somebody has thought about."""

# provider -> models, from small to large; current as of 2026-11. A test holds them to the registry and the price list.
CURRENT: dict[str, tuple[str, ...]] = {
    "openai": ("gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-sol"),
    "anthropic": ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"),
    "google_genai": ("gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-4-argon"),
    "mistralai": ("mistral-small-2603", "mistral-large-2512", "mistral-medium-3.5"),
    "deepseek": ("deepseek-v4-flash", "deepseek-v4-pro"),
    "xai": ("grok-4.3", "grok-4.7"),
    "groq": ("openai/gpt-oss-20b", "openai/gpt-oss-120b", "llama-3.3-70b-versatile"),
    "openrouter": ("openai/gpt-oss-20b", "deepseek/deepseek-v4-flash", "openai/gpt-5.4-mini"),
}

# Variables that hold a provider's key beside the one that Leeroo looks for.
_OTHER_VARIABLES = {"google_genai": ("GOOGLE_API_KEY",)}

_SOURCES: dict[Source, str] = {
    "learned": "quality predicted from outcomes",
    "catalogue": "quality predicted from published scores",
    "benchmark": "quality guessed from the scores in this file",
    "relative": "quality guessed from a relative of it",
    "price": "quality guessed from its price and date",
    "prior": "quality not known yet: taken for a model like most until you teach it",
    "constant": "quality fixed",
}


@dataclass(frozen=True)
class Proposed:
    """One expert of a proposal.

    Attributes:
        name: In the pool.
        model: `provider:model`.
        variable: Environment variable of its key.
    """

    name: str
    model: str
    variable: str


def variable_of(provider: str, environment: Mapping[str, str]) -> str:
    """The variable that holds a provider's key: the one that is set, else the one that Leeroo looks for.

    Raises:
        ConfigError: No such provider; the message lists those that there are.
    """
    if provider not in CURRENT:
        raise ConfigError(f"Unknown provider {provider!r}.{did_you_mean(provider, CURRENT)}")
    usual = PROVIDERS[provider][1]
    names = (usual, *_OTHER_VARIABLES.get(provider, ()))
    return next((name for name in names if environment.get(name, "").strip()), usual)


def providers_at_hand(environment: Mapping[str, str]) -> list[str]:
    """The providers whose keys are in an environment."""
    return [provider for provider in CURRENT if environment.get(variable_of(provider, environment), "").strip()]


def propose(providers: Sequence[str], environment: Mapping[str, str], most: int = MOST) -> list[Proposed]:
    """Models of the providers, taken in turns, from every rung between small and large.

    Args:
        providers: Names out of `CURRENT`.
        environment: Where keys are looked for, by name only.
        most: Experts at most.

    Raises:
        ConfigError: An unknown provider, or none.
    """
    if not providers:
        raise ConfigError("A pool needs a provider: give --provider.")
    left = {provider: list(CURRENT[provider]) for provider in providers if variable_of(provider, environment)}
    found: list[Proposed] = []
    # One provider from small to large; of several, now the smallest of one and now the largest of the next.
    largest = False
    while len(found) < most and any(left.values()):
        for provider, models in left.items():
            if models and len(found) < most:
                model = models.pop(-1 if largest and len(left) > 1 else 0)
                name = model.rsplit("/", 1)[-1]
                taken = {other.name for other in found}
                name = f"{name}-{provider}" if name in taken else name
                found.append(Proposed(name, f"{provider}:{model}", variable_of(provider, environment)))
                largest = not largest
    return found


def write_pool(proposed: Sequence[Proposed], max_cost: float, known: Mapping[str, Source]) -> str:
    """The text of a pool file, with what is known of each expert as comments.

    Args:
        proposed: The experts.
        max_cost: USD, default cap of every call.
        known: Where the predictor's estimates of each expert come from, by name.
    """
    experts = {p.name: {"model": p.model, "api_key_env": p.variable} for p in proposed}
    pool = Pool(experts)
    lines = [
        "# Written by `leeroo init`. Check it with `leeroo pool check FILE`, try it with `leeroo chat --pool FILE`.",
        "# Prices are looked up by model name, in USD per 1M tokens as listed when this was written; to fix one, give",
        "#   price: {input: 0.10, output: 0.50}",
        "# Keys stay in the environment: `api_key_env` names the variable.",
        "experts:",
    ]
    by_price = sorted(proposed, key=lambda p: pool[p.name].known_price.cost(1000, 300))
    for place, expert in ((p, pool[p.name]) for p in by_price):
        lines += [f"  {place.name}:", *(f"    # {line}" for line in _about(expert, known.get(place.name, "prior")))]
        lines += [f"    model: {place.model}", f"    api_key_env: {place.variable}"]
    lines += [
        f"reference: {pool.reference}  # what 'saved' is measured against: the dearest here",
        "budget:",
        f"  max_cost: {max_cost:g}  # USD, hard cap of every call, retries and fallbacks included",
        "  tolerance: 0.02  # the cheapest expert within this of the best answers; or min_quality, willingness_to_pay",
        "# ledger: sqlite:///leeroo.db  # keeps calls and limits; needs pip install 'leeroo[ledger]'",
        "# learn: true  # from feedback: leeroo.feedback(call_id, score)",
    ]
    return "\n".join(lines) + "\n"


def _about(expert: Expert, source: Source) -> list[str]:
    price = expert.known_price
    window = f"context {expert.context_window:,} tokens" if expert.context_window else "context window not listed"
    lines = [f"${price.input:g} in, ${price.output:g} out per 1M tokens; {window}"]
    if price.tiers:
        lines[0] += f"; dearer above {price.tiers[0].above:,} input tokens"
    named = resolve(str(expert.model))
    facts = _facts(named.row) if named else []
    return [*lines, "; ".join([*facts, _SOURCES[source]])]


def _facts(row: Model) -> list[str]:
    thinks = {"yes": "thinks before it answers", "hybrid": "thinks on demand", "no": "does not think first"}
    facts = [f"released {row.released}"] if row.released else []
    facts += [f"{row.size:g}B parameters"] if row.size else []
    facts += [thinks[row.reasoning]] if row.reasoning in thinks else []
    return facts
