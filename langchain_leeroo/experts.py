"""From an `Expert` to the LangChain chat model that runs it, and what that model can be told."""

from functools import lru_cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.model_profile import ModelProfile
from pydantic import SecretStr

from leeroo.endpoints.openai_compatible import resolve
from leeroo.errors import ConfigError, MissingDependency
from leeroo.pool.experts import DEFAULT_CAPABILITIES, Expert
from leeroo.pool.pool import Pool
from leeroo.query import Capability
from leeroo.routing.attempt import Attempt

_PROFILE: tuple[tuple[str, Capability], ...] = (
    ("tool_calling", "tools"),
    ("structured_output", "structured_output"),
    ("image_inputs", "vision"),
    ("audio_inputs", "audio"),
    ("pdf_inputs", "documents"),
)
_CAP_NAMES = {
    "ChatGoogleGenerativeAI": "max_output_tokens",
    "ChatVertexAI": "max_output_tokens",
    "ChatOllama": "num_predict",
}
"""Models that call the output cap something else than `max_tokens`."""


def adapt(name: str, given: Any) -> Any:
    """A bare chat model becomes an `Expert` that can do what the model's own profile says; the rest passes as it is.

    Args:
        name: The expert's name.
        given: A chat model, an `Expert`, or a mapping of an expert's fields.

    Raises:
        ConfigError: Something that is none of these.
    """
    if isinstance(given, (Expert, dict)) or hasattr(given, "keys"):
        return given
    if isinstance(given, str):
        return {"model": given}
    if not isinstance(given, BaseChatModel):
        raise ConfigError(
            f"Expert {name!r} is a {type(given).__name__}; give a LangChain chat model, a leeroo.Expert, or a mapping "
            "such as {'model': 'openai:gpt-5-nano'}."
        )
    profile = given.profile or {}
    capabilities = set(DEFAULT_CAPABILITIES)
    for key, capability in _PROFILE:
        if profile.get(key) is True:
            capabilities.add(capability)
        elif profile.get(key) is False:
            capabilities.discard(capability)
    fields: dict[str, Any] = {"model": given, "name": name, "capabilities": frozenset(capabilities)}
    window = profile.get("max_input_tokens")
    if isinstance(window, int) and window > 0:
        fields["context_window"] = window
    told = getattr(given, "max_tokens", None)
    cap = told or profile.get("max_output_tokens")
    if isinstance(cap, int) and not isinstance(cap, bool) and cap > 0:
        fields["max_output_tokens"] = cap
    expert = Expert(**fields)
    if not told:
        # What a model could write is no cap that its user has set.
        expert.model_fields_set.discard("max_output_tokens")
    return expert


def build(expert: Expert) -> BaseChatModel:
    """The chat model of an expert. Keys are read from the environment now.

    Raises:
        ConfigError: Its key is not set, or its model cannot be made.
        MissingDependency: The package of its provider is not installed.
    """
    if isinstance(expert.model, BaseChatModel):
        return expert.model
    if not isinstance(expert.model, str):
        raise ConfigError(
            f"Expert {expert.name!r} has a {type(expert.model).__name__} as its model; give a LangChain chat model or "
            "'provider:model'."
        )
    if expert.base_url is not None or expert.provider in (None, "openai"):
        return _openai(expert)
    return _by_provider(expert)


def _openai(expert: Expert) -> BaseChatModel:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError:
        raise MissingDependency(
            f"Expert {expert.name!r} needs langchain-openai: pip install 'leeroo[langchain]'."
        ) from None
    from leeroo.endpoints.transport import async_client, sync_client

    place = resolve(expert)
    return ChatOpenAI(
        model=place.model,
        base_url=place.base_url,
        api_key=SecretStr(place.api_key),
        # Retries are the router's: another expert is better than the same again, and the cap counts every attempt.
        max_retries=0,
        timeout=expert.timeout,
        stream_usage=True,
        default_headers=expert.headers or None,
        http_client=sync_client(expert.timeout),
        http_async_client=async_client(expert.timeout),
    )


def _by_provider(expert: Expert) -> BaseChatModel:
    remedy = (
        f"install it and its LangChain package, or give base_url and api_key_env of {expert.provider}'s "
        "OpenAI-compatible endpoint"
    )
    try:
        from langchain.chat_models import init_chat_model
    except ImportError:
        raise MissingDependency(
            f"Expert {expert.name!r} ({expert.model}) needs the package langchain: {remedy}."
        ) from None
    given: dict[str, Any] = {"api_key": expert.api_key()} if expert.api_key_env else {}
    try:
        model = init_chat_model(expert.model_id, model_provider=expert.provider, max_retries=0, **given)
    except ImportError as error:
        raise MissingDependency(f"Expert {expert.name!r} ({expert.model}): {error}; {remedy}.") from None
    except Exception as error:
        raise ConfigError(
            f"Expert {expert.name!r} ({expert.model}) cannot be made: {type(error).__name__}. Is the provider's key in "
            "the environment, and the provider's name right?"
        ) from error
    if not isinstance(model, BaseChatModel):
        raise ConfigError(f"Expert {expert.name!r} ({expert.model}) is not a chat model.")
    return model


def limits(model: BaseChatModel, attempt: Attempt, timeout: float | None) -> dict[str, Any]:
    """The kwargs that hold a model to an attempt's output cap and time.

    Args:
        model: The expert's model.
        attempt: Where cap and time come from.
        timeout: The caller's own limit in seconds.
    """
    cap, is_openai = _kind(type(model))
    told: dict[str, Any] = {}
    if attempt.max_tokens is not None:
        told[cap] = attempt.max_tokens
    if is_openai:
        most = attempt.timeout if timeout is None else min(attempt.timeout, timeout)
        own = getattr(model, "request_timeout", None)
        if not isinstance(own, (int, float)) or most < own:
            told["timeout"] = most
    return told


@lru_cache(maxsize=256)
def _kind(model: type[BaseChatModel]) -> tuple[str, bool]:
    """What a class of models calls the output cap, and whether it is langchain-openai's."""
    names = {cls.__name__ for cls in model.__mro__}
    cap = next((key for name, key in _CAP_NAMES.items() if name in names), "max_tokens")
    return cap, "BaseChatOpenAI" in names


def profile_of(pool: Pool) -> ModelProfile:
    """What every expert of the pool can do: callers may rely on it whichever expert is chosen."""
    able: frozenset[Capability] = frozenset.intersection(*(expert.capabilities for expert in pool))
    profile = ModelProfile(
        name="leeroo",
        tool_calling="tools" in able,
        structured_output="structured_output" in able,
        image_inputs="vision" in able,
        audio_inputs="audio" in able,
        pdf_inputs="documents" in able,
        max_output_tokens=min(expert.max_output_tokens for expert in pool),
    )
    windows = [expert.context_window for expert in pool if expert.context_window is not None]
    if windows:
        profile["max_input_tokens"] = min(windows)
    return profile
