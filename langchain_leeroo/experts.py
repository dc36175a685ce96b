"""From an `Expert` to the LangChain chat model that runs it, and what that model can be told."""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.model_profile import ModelProfile
from pydantic import SecretStr

from langchain_leeroo.unwrapping import unwrapped
from leeroo.endpoints.openai_compatible import resolve
from leeroo.endpoints.parameters import with_tools
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
    """An expert with what its ready chat model says of itself, where nobody has said otherwise.

    Args:
        name: The expert's name.
        given: A chat model, an `Expert`, or a mapping of an expert's fields.

    Raises:
        ConfigError: Something that is none of these.
    """
    if isinstance(given, str):
        return {"model": given}
    given = unwrapped(name, given)
    if isinstance(given, BaseChatModel):
        return _unset(Expert(model=given, name=name, **_known_of(given)), given)
    if isinstance(given, Expert):
        inner = unwrapped(name, given.model)
        given = given if inner is given.model else given.model_copy(update={"model": inner})
        known = _known_of(given.model) if isinstance(given.model, BaseChatModel) else {}
        missing = {key: value for key, value in known.items() if key not in given.model_fields_set}
        if not missing:
            return given
        known_now = given.model_copy(update=missing)
        return _unset(known_now, given.model) if "max_output_tokens" in missing else known_now
    if not hasattr(given, "keys"):
        raise ConfigError(
            f"Expert {name!r} is a {type(given).__name__}; give a LangChain chat model, a leeroo.Expert, or a mapping "
            "such as {'model': 'openai:gpt-5-nano'}."
        )
    model = unwrapped(name, given.get("model") if isinstance(given, Mapping) else None)
    if not isinstance(model, BaseChatModel):
        return given
    fields = {**_known_of(model), **given, "model": model}
    if "max_output_tokens" in given:
        return fields
    try:
        return _unset(Expert(**fields), model)
    except ConfigError:
        return fields  # the pool says what is wrong, and with which expert


def _unset(expert: Expert, model: BaseChatModel) -> Expert:
    """The expert; what its model could write at most is no cap that a user has set."""
    if not _is_capped(model):
        expert.model_fields_set.discard("max_output_tokens")
    return expert


def _is_capped(model: BaseChatModel) -> bool:
    return bool(getattr(model, "max_tokens", None))


def _known_of(model: BaseChatModel) -> dict[str, Any]:
    """An expert's fields as far as the model's own profile and settings say them."""
    profile = model.profile or {}
    capabilities = set(DEFAULT_CAPABILITIES)
    for key, capability in _PROFILE:
        if profile.get(key) is True:
            capabilities.add(capability)
        elif profile.get(key) is False:
            capabilities.discard(capability)
    fields: dict[str, Any] = {"capabilities": frozenset(capabilities)}
    window = profile.get("max_input_tokens")
    if isinstance(window, int) and window > 0:
        fields["context_window"] = window
    cap = getattr(model, "max_tokens", None) or profile.get("max_output_tokens")
    if isinstance(cap, int) and not isinstance(cap, bool) and cap > 0:
        fields["max_output_tokens"] = cap
    return fields


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

    place, proxy = resolve(expert), os.environ.get("OPENAI_PROXY") or None
    return ChatOpenAI(
        model=place.model,
        base_url=place.base_url,
        api_key=SecretStr(place.api_key),
        # Retries are the router's: another expert is better than the same again, and the cap counts every attempt.
        max_retries=0,
        timeout=expert.timeout,
        stream_usage=True,
        default_headers=expert.headers or None,
        openai_proxy=None,  # LangChain's own setting; it and a client cannot be given both
        http_client=sync_client(expert.timeout, proxy=proxy),
        http_async_client=async_client(expert.timeout, proxy=proxy),
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


def beside_tools(model: BaseChatModel, expert: Expert, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The kwargs as OpenAI's chat completions take them with tools: newer models are told not to think.

    What the model or the call says of thinking stands, and so do models that are asked by OpenAI's responses.

    Args:
        model: The expert's model.
        expert: Whose it is.
        kwargs: As the model would be called.
    """
    given = dict(kwargs)
    if not is_openai(model) or any(getattr(model, name, None) for name in ("reasoning_effort", "reasoning")):
        return given
    if asks_responses(model, {**given, "tools": []}):
        return given
    place = expert.base_url or getattr(model, "openai_api_base", None)
    told = with_tools(expert.model_id, place, {**given, "tools": True})
    return {key: value for key, value in told.items() if key != "tools"}


def is_openai(model: BaseChatModel) -> bool:
    """Whether a model is one of langchain-openai's, or derived from one."""
    return _kind(type(model))[1]


def asks_responses(model: BaseChatModel, kwargs: Mapping[str, Any]) -> bool:
    """Whether a model of langchain-openai's asks OpenAI's responses with these kwargs, and no chat completions."""
    responses = getattr(model, "_use_responses_api", None)
    tools = [tool for tool in kwargs.get("tools") or () if isinstance(tool, Mapping)]
    return callable(responses) and bool(responses({**kwargs, "tools": tools}))


@lru_cache(maxsize=256)
def _kind(model: type[BaseChatModel]) -> tuple[str, bool]:
    """What a class of models calls the output cap, and whether it is langchain-openai's."""
    names = {cls.__name__ for cls in model.__mro__}
    cap = next((key for name, key in _CAP_NAMES.items() if name in names), "max_tokens")
    return cap, "BaseChatOpenAI" in names


def provider_of(expert: Expert) -> str:
    """The provider of an expert's messages, in LangChain's word for it."""
    if isinstance(expert.model, BaseChatModel):
        return expert.model._get_ls_params().get("ls_provider", "leeroo")
    return "openai" if expert.base_url is not None or expert.provider is None else expert.provider


def profile_of(pool: Pool, given: Mapping[str, Any]) -> ModelProfile:
    """What every expert of the pool can do: callers may rely on it whichever expert is chosen.

    What is not known of an expert is neither promised nor denied.

    Args:
        pool: The experts.
        given: The same as the user gave them, which shows what was declared.
    """
    profile = ModelProfile(name="leeroo", max_output_tokens=min(expert.max_output_tokens for expert in pool))
    for key, capability in _PROFILE:
        said = {_says(expert, given.get(expert.name), key, capability) for expert in pool}
        if said == {True} or False in said:
            profile[key] = False not in said  # type: ignore[literal-required]
    windows = [expert.context_window for expert in pool if expert.context_window is not None]
    if windows:
        profile["max_input_tokens"] = min(windows)
    return profile


def _says(expert: Expert, given: Any, key: str, capability: Capability) -> bool | None:
    """What is declared of an expert, else what its model's own profile says; None: nobody knows."""
    declared = given.model_fields_set if isinstance(given, Expert) else given if isinstance(given, Mapping) else ()
    if "capabilities" in declared:
        return capability in expert.capabilities
    said = (expert.model.profile or {}).get(key) if isinstance(expert.model, BaseChatModel) else None
    return said if isinstance(said, bool) else None
