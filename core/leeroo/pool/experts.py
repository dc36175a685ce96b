"""Who can answer: `Expert`, one LLM behind one endpoint."""

import os
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from leeroo.errors import ConfigError
from leeroo.pool.extras import sampling_of, unpriced
from leeroo.pool.kinds import SERVICES
from leeroo.pool.prices import Price
from leeroo.pool.providers import split_provider
from leeroo.pool.strict import Strict
from leeroo.query import Capability, Sampling

DEFAULT_CAPABILITIES: frozenset[Capability] = frozenset({"tools", "structured_output", "streaming"})
LOOKS_LIKE_KEY = re.compile(r"\b(sk-[A-Za-z0-9_-]{8,}|AIza[\w-]{20,}|gsk_\w{16,}|xai-\w{16,}|hf_\w{16,})")
SECRET_IN_URL = re.compile(r"//[^/@\s]*:[^/@\s]+@|[?&](api[_-]?key|key|token|access_token|secret|sig)=", re.IGNORECASE)
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})


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
        max_output_tokens: Most output tokens the model can give, thought included; also the cap assumed when a call
            names none. When absent it is the model's own limit, as far as its name tells it, of which a call without
            `max_cost` uses as much as an answer usually takes.
        thinking: Tokens thought for each token of an answer, for reasoning models; by the effort and the model's name
            when absent.
        capabilities: What the expert can do beside text.
        traits: A known expert of the predictor that this one behaves like, for example "Yi-6B".
        benchmark: Published benchmark scores (0..1) to predict from when there are no traits.
        tokenizer: A tiktoken encoding's name, the path of a `tokenizer.json`, or the URL of a `/tokenize` endpoint.
        latency: Declared latency until real calls have been seen.
        timeout: Seconds after which one attempt is given up.
        media_tokens: Most input tokens of one picture ("vision"), sound ("audio") or document ("documents"), where the
            provider's own rule is not known to Leeroo; at the price of input tokens.
        stop: Stop sequences sent with every request, for base models that do not know when to end.
        prompt_cache: How long the provider is to keep each prompt in its cache, "5m" or "1h": for models that keep it
            only where they are asked to, as Anthropic's; most others cache by themselves.
    """

    model: Any
    name: str = ""
    base_url: str | None = None
    api_key_env: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    price: Price | None = None
    context_window: int | None = Field(default=None, gt=0)
    max_output_tokens: int = Field(default=4096, gt=0)
    thinking: float | None = Field(default=None, ge=0, le=1000, allow_inf_nan=False)
    capabilities: frozenset[Capability] = DEFAULT_CAPABILITIES
    traits: str | None = None
    benchmark: dict[str, float] | None = None
    tokenizer: str | None = None
    latency: Latency | None = None
    timeout: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    media_tokens: dict[Literal["vision", "audio", "documents"], Annotated[int, Field(gt=0)]] | None = None
    stop: tuple[str, ...] = ()
    prompt_cache: Literal["5m", "1h"] | None = None

    @field_validator("model")
    @classmethod
    def _model_given(cls, value: Any) -> Any:
        nothing = value is None or (isinstance(value, str) and not value.strip())
        if nothing or isinstance(value, (int, float, bytes, list, tuple, dict, set)):
            raise ValueError("give a model, for example 'openai:gpt-5-nano', or a chat model object")
        return value

    @field_validator("base_url")
    @classmethod
    def _whole_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        whole = re.match(r"https?://[^/]", value or "")
        # Ollama's own client takes a host and a port. The address itself is not said: it may hold a key.
        if value is not None and not whole and not str(info.data.get("model")).startswith("ollama:"):
            raise ValueError("give a whole address, such as http://localhost:8000/v1")
        if added := re.search(r"/(?:chat/completions|completions|responses|messages)/*$", value or ""):
            raise ValueError(f"leave {added[0]} away: it is added with every call")
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
        """The model's own name, whole: without the provider's prefix, with all tags, versions and colons of its own."""
        if isinstance(self.model, str):
            return split_provider(self.model)[1]
        # Fields before properties: a field is found at once, while pydantic models look long for what they lack.
        fields = getattr(self.model, "__dict__", {})
        for look in (fields.get, lambda name: getattr(self.model, name, None)):
            # An Azure object may know its deployment only.
            for attribute in ("model_name", "model", "model_id", "deployment_name", "azure_deployment", "engine"):
                value = look(attribute)
                if isinstance(value, str) and value:
                    return value
        return type(self.model).__name__

    @cached_property
    def service(self) -> str | None:
        """The service tier that a ready model object asks for with every request; None: the standard one."""
        fields = getattr(self.model, "__dict__", {})
        places = (fields, *(fields.get(name) for name in ("model_kwargs", "additional_kwargs", "extra_body")))
        found = (place.get("service_tier") for place in places if isinstance(place, Mapping))
        return next((tier for tier in found if isinstance(tier, str) and tier in SERVICES), None)

    @cached_property
    def sampling(self) -> Sampling:
        """How a ready model object has answers drawn, as far as its fields tell."""
        fields = getattr(self.model, "__dict__", {})
        inner = (fields.get(name) for name in ("extra_body", "model_kwargs", "additional_kwargs", "generate_kwargs"))
        found = Sampling()
        for place in (*inner, fields):
            found = found.over(sampling_of(place)) if isinstance(place, Mapping) else found
        return found

    @cached_property
    def unpriced(self) -> tuple[str, ...]:
        """What a ready model object asks for with every request and has no bound: more answers, a provider's tools."""
        fields = getattr(self.model, "__dict__", {})
        own = {key: fields[key] for key in ("n", "best_of", "tools") if isinstance(fields.get(key), (int, list, tuple))}
        places = (own, *(fields.get(name) for name in ("model_kwargs", "additional_kwargs", "extra_body")))
        found = {name for place in places if isinstance(place, Mapping) for name in unpriced(place)}
        found |= {f"its {name}" for name in ("built_in_tools", "built_in_tool") if fields.get(name)}  # LlamaIndex's
        return tuple(sorted(found))

    @property
    def known_price(self) -> Price:
        """The price of an expert of a pool, which holds priced experts only."""
        assert self.price is not None  # noqa: S101 - `Pool` refuses experts without a price
        return self.price

    @property
    def provider(self) -> str | None:
        """The provider by LangChain's name, where the model is written `provider:model`; None where it is not."""
        return split_provider(self.model)[0] if isinstance(self.model, str) else None

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
