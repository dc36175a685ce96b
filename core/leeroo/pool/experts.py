"""Who can answer, and what it costs: `Price`, `Expert`, `Pool`.

Money inside Leeroo is counted in whole nano-dollars (10**-9 USD), so that sums are exact; users see USD.
"""

import math
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from leeroo.errors import ConfigError, did_you_mean

NANO = 1_000_000_000
"""Nano-dollars in one USD."""

Capability = Literal["tools", "structured_output", "vision", "audio", "documents", "streaming"]
DEFAULT_CAPABILITIES: frozenset[Capability] = frozenset({"tools", "structured_output", "streaming"})
LOOKS_LIKE_KEY = re.compile(r"\b(sk-[A-Za-z0-9_-]{8,}|AIza[\w-]{20,}|gsk_\w{16,}|xai-\w{16,}|hf_\w{16,})")
SECRET_IN_URL = re.compile(r"//[^/@\s]*:[^/@\s]+@|[?&](api[_-]?key|key|token|access_token|secret|sig)=", re.IGNORECASE)
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})


def to_nano(usd: float) -> int:
    """USD to nano-dollars, rounded down: a cap never grows by rounding, and `to_usd` is undone exactly."""
    nearest = round(usd * NANO)
    return nearest if nearest / NANO <= usd else nearest - 1


def to_usd(nano: int) -> float:
    """Nano-dollars to USD."""
    return nano / NANO


def show_usd(amount: float) -> str:
    """A sum for people, to three significant digits: "$0.00000412"."""
    if not amount:
        return "$0"
    digits = max(2, 2 - math.floor(math.log10(abs(amount))))
    text = f"{abs(amount):.{digits}f}"
    return ("-$" if amount < 0 else "$") + (text.rstrip("0").rstrip(".") if digits > 2 else text)


class Strict(BaseModel):
    """Base of what is read from users: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class PriceTier(Strict):
    """The price of the whole call once its input passes `above` tokens (long-context pricing).

    Attributes:
        above: Input tokens.
        input: USD per 1M input tokens.
        output: USD per 1M output tokens.
        cached_input: USD per 1M input tokens from the provider's cache; `input` when absent.
    """

    above: int = Field(gt=0)
    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class Price(Strict):
    """What an expert costs, in USD per 1M tokens.

    Attributes:
        input: Input (prompt) tokens.
        output: Output (completion) tokens, reasoning included.
        cached_input: Input tokens that the provider read from its cache; `input` when absent.
        request: USD per request, beside the tokens.
        tiers: Prices of long prompts; the highest tier whose `above` is passed holds for all tokens.
    """

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    request: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    tiers: tuple[PriceTier, ...] = ()

    # Read several times per expert and call; a pydantic private attribute would take ten times as long.
    @cached_property
    def _rates(self) -> tuple[tuple[int, int, int, int], ...]:
        """Rows of (above, input, output, cached input) in whole nano-dollars per 1M tokens, dearest tier last."""

        def row(above: int, p: Price | PriceTier) -> tuple[int, int, int, int]:
            cached = p.input if p.cached_input is None else p.cached_input
            return (above, round(p.input * NANO), round(p.output * NANO), round(cached * NANO))

        return (row(-1, self), *(row(t.above, t) for t in sorted(self.tiers, key=lambda t: t.above)))

    @cached_property
    def _ceilings(self) -> tuple[tuple[int, int, int], ...]:
        """Rows of (above, input, output): the most that a prompt of up to that length pays per 1M tokens."""
        rows, most_in, most_out = [], 0, 0
        for above, rate_in, rate_out, rate_cached in self._rates:
            most_in, most_out = max(most_in, rate_in, rate_cached), max(most_out, rate_out)
            rows.append((above, most_in, most_out))
        return tuple(rows)

    @cached_property
    def _request_nano(self) -> int:
        return round(self.request * NANO)

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> int:
        """Cost of one call in nano-dollars, rounded up.

        Args:
            input_tokens: All input tokens, the cached ones included.
            output_tokens: Output tokens.
            cached_tokens: How many of the input tokens were read from the provider's cache.
        """
        _, rate_in, rate_out, rate_cached = self._tier(input_tokens)
        cached = min(cached_tokens, input_tokens)
        micro = (input_tokens - cached) * rate_in + cached * rate_cached + output_tokens * rate_out
        return self._request_nano + -(-micro // 1_000_000)

    def worst_cost(self, input_tokens: int, output_tokens: int) -> int:
        """The most in nano-dollars that a call with up to that many tokens costs, rounded up.

        The same as `cost`, but for prices that fall with length or ask more for cached tokens: it never falls as
        tokens are added.
        """
        rate_in, rate_out = self._ceiling(input_tokens)
        return self._request_nano - (-(input_tokens * rate_in + output_tokens * rate_out) // 1_000_000)

    def affordable_output(self, input_tokens: int, nano: int) -> int | None:
        """Most output tokens that an amount pays for in the worst case.

        Args:
            input_tokens: Upper bound of the input.
            nano: Nano-dollars.

        Returns:
            Tokens, by `worst_cost`; None where output is free; -1 where the input alone is too dear.
        """
        rate_in, rate_out = self._ceiling(input_tokens)
        # In millionths of a nano-dollar: rounding the input up first would lose output that the money does pay for.
        left = (nano - self._request_nano) * 1_000_000 - input_tokens * rate_in
        if left < 0:
            return -1
        return None if rate_out == 0 else left // rate_out

    def _ceiling(self, input_tokens: int) -> tuple[int, int]:
        chosen = self._ceilings[0]
        for tier in self._ceilings[1:]:
            if input_tokens > tier[0]:
                chosen = tier
        return chosen[1], chosen[2]

    def _tier(self, input_tokens: int) -> tuple[int, int, int, int]:
        chosen = self._rates[0]
        for tier in self._rates[1:]:
            if input_tokens > tier[0]:
                chosen = tier
        return chosen


class Latency(Strict):
    """A declared latency, used until real calls have been seen.

    Attributes:
        first_token: Seconds until the first token.
        per_token: Seconds per output token.
    """

    first_token: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    per_token: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Expert(Strict):
    """One LLM behind one endpoint, with prices, limits and capabilities.

    Attributes:
        model: `provider:model` (as LangChain's `init_chat_model` takes it), `hf:path` for a local transformers model,
            or a ready chat model / LLM object of the framework in use.
        name: The expert's name in its pool.
        base_url: Any OpenAI-compatible endpoint (vLLM, Ollama, llama.cpp, OpenRouter, ...).
        api_key_env: Name of the environment variable that holds the key. The key itself is never stored.
        headers: Extra HTTP headers (no secrets: they are shown in errors).
        price: USD per 1M tokens; looked up in `genai-prices` by the model's name when absent.
        context_window: Most tokens of input and output together; None: unknown, not checked.
        max_output_tokens: Most output tokens the model can give; also the cap assumed when a call names none.
        capabilities: What the expert can do beside text.
        traits: A known expert of the predictor that this one behaves like, for example "Yi-6B".
        benchmark: Published benchmark scores (0..1) to predict from when there are no traits.
        tokenizer: A tiktoken encoding's name, the path of a `tokenizer.json`, or the URL of a `/tokenize` endpoint.
        latency: Declared latency until real calls have been seen.
        timeout: Seconds after which one attempt is given up.
        stop: Stop sequences sent with every request, for base models that do not know when to end.
    """

    model: Any
    name: str = ""
    base_url: str | None = None
    api_key_env: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    price: Price | None = None
    context_window: int | None = Field(default=None, gt=0)
    max_output_tokens: int = Field(default=4096, gt=0)
    capabilities: frozenset[Capability] = DEFAULT_CAPABILITIES
    traits: str | None = None
    benchmark: dict[str, float] | None = None
    tokenizer: str | None = None
    latency: Latency | None = None
    timeout: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    stop: tuple[str, ...] = ()

    @field_validator("model")
    @classmethod
    def _model_given(cls, value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip()):
            raise ValueError("give a model, for example 'openai:gpt-5-nano', or a chat model object")
        return value

    @field_validator("api_key_env")
    @classmethod
    def _name_of_variable(cls, value: str | None) -> str | None:
        if value is not None and (LOOKS_LIKE_KEY.search(value) or not re.fullmatch(r"[A-Za-z_]\w*", value)):
            raise ValueError("give the *name* of an environment variable, never a key itself")
        return value

    @field_validator("benchmark")
    @classmethod
    def _scores_in_range(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        for name, score in (value or {}).items():
            if not 0 <= score <= 1:
                raise ValueError(f"benchmark {name!r} is {score}; scores are between 0 and 1 (0.61, not 61)")
        return value

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        places = {"base_url": self.base_url or "", "tokenizer": self.tokenizer or ""}
        places |= {f"headers.{k}": v for k, v in self.headers.items()}
        if isinstance(self.model, str):
            places["model"] = self.model
        named = {f"headers.{k}" for k in self.headers if k.lower() in SECRET_HEADERS}
        for place, text in places.items():
            if place in named or LOOKS_LIKE_KEY.search(text) or SECRET_IN_URL.search(text):
                raise ValueError(
                    f"{place} holds what looks like a secret; put it in an environment variable (api_key_env)"
                )
        return self

    @cached_property
    def model_id(self) -> str:
        """The model's own name, without the provider."""
        if isinstance(self.model, str):
            return self.model.split(":", 1)[-1]
        # Fields before properties: a field is found at once, while pydantic models look long for what they lack.
        fields = getattr(self.model, "__dict__", {})
        for look in (fields.get, lambda name: getattr(self.model, name, None)):
            for attribute in ("model_name", "model", "model_id"):
                value = look(attribute)
                if isinstance(value, str) and value:
                    return value
        return type(self.model).__name__

    @property
    def known_price(self) -> Price:
        """The price of an expert of a pool, which holds priced experts only."""
        assert self.price is not None  # noqa: S101 - `Pool` refuses experts without a price
        return self.price

    @property
    def provider(self) -> str | None:
        """The provider's name where the model is written `provider:model`."""
        return self.model.split(":", 1)[0] if isinstance(self.model, str) and ":" in self.model else None

    def api_key(self) -> str | None:
        """The key from the environment.

        Raises:
            ConfigError: The named variable is not set.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env)
        if not key:
            raise ConfigError(
                f"Expert {self.name!r} needs the environment variable {self.api_key_env}, which is not set."
            )
        return key


class Pool:
    """The experts of one router, in the order given.

    Args:
        experts: Experts by name. A value may be an `Expert`, a mapping of its fields, or a ready model object.
        reference: The expert that `saved` is measured against; the dearest when absent.
        source: Where the pool was read from, for messages.

    Raises:
        ConfigError: No experts, an unknown reference, or an expert without a price.
    """

    def __init__(self, experts: Mapping[str, Any], *, reference: str | None = None, source: str = "pool") -> None:
        if not experts:
            raise ConfigError(f"{source}: a pool needs at least one expert: experts={{'small': ...}}.")
        for name in experts:
            if not isinstance(name, str) or not name.strip():
                raise ConfigError(f"{source}: {name!r} is no name for an expert; give a non-empty string.")
        self._experts = {name: _as_expert(name, given, source) for name, given in experts.items()}
        self.source = source
        if reference is not None and reference not in self._experts:
            raise ConfigError(
                f"{source}: reference {reference!r} is not in the pool.{did_you_mean(reference, self._experts)}"
            )
        self.reference = reference or max(self, key=_typical_cost).name

    def __iter__(self) -> Iterator[Expert]:
        return iter(self._experts.values())

    def __len__(self) -> int:
        return len(self._experts)

    def __contains__(self, name: object) -> bool:
        return name in self._experts

    def __getitem__(self, name: str) -> Expert:
        """The expert of that name, or of that model id.

        Raises:
            ConfigError: No expert has the name; the message lists those that there are.
        """
        if name in self._experts:
            return self._experts[name]
        same_model = [e for e in self if e.model_id == name or e.model == name]
        if same_model:
            return same_model[0]
        raise ConfigError(f"Unknown expert {name!r} in {self.source}.{did_you_mean(name, self._experts)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The experts' names, in order."""
        return tuple(self._experts)


def _as_expert(name: str, given: Any, source: str) -> Expert:
    if isinstance(given, Expert):
        expert = given if given.name == name else given.model_copy(update={"name": name})
    elif isinstance(given, Mapping):
        expert = _validated(name, given, source)
    else:
        expert = Expert(model=given, name=name)
    if expert.price is None:
        from leeroo.pool.listing import look_up

        found = look_up(expert)
        if found is None:
            raise ConfigError(
                f"{source}: expert {name!r} (model {expert.model_id!r}) has no known price. Give it in USD per 1M "
                "tokens: price={'input': 0.05, 'output': 0.40}; a local model costs what you say it costs, 0 included."
            )
        update: dict[str, Any] = {"price": found.price}
        if expert.context_window is None and found.context_window:
            update["context_window"] = found.context_window
        expert = expert.model_copy(update=update)
    return expert


def _validated(name: str, given: Mapping[str, Any], source: str) -> Expert:
    for key in given:
        if key in {"api_key", "key", "token", "secret"}:
            raise ConfigError(
                f"{source}: experts.{name}.{key}: a literal key is refused; name an environment variable: "
                "api_key_env: MY_KEY"
            )
    try:
        return Expert(**{**given, "name": name})
    except ValidationError as error:
        raise ConfigError(f"{source}: experts.{name}{explain(error, Expert)}") from None


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for the first fault that pydantic found: `.key: what is wrong. Did you mean ...?`."""
    faults = error.errors(include_url=False, include_input=False)
    # A misspelt key is also a missing one; its own name says more.
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    place = "".join(f".{part}" for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known: Mapping[str, Any] = model.model_fields
        for part in first["loc"][:-1]:
            inner = {"price": Price, "tiers": PriceTier, "latency": Latency}.get(str(part))
            known = inner.model_fields if inner else known  # type: ignore[attr-defined]
        return f"{place}: unknown key.{did_you_mean(str(first['loc'][-1]), set(known) - {'name'})}"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}"


def _typical_cost(expert: Expert) -> int:
    return expert.known_price.cost(1000, 300)
