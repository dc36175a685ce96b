"""Chat models in wrappers of LangChain's: what was bound to them, and the model inside."""

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableBinding
from langchain_core.runnables.configurable import RunnableConfigurableFields

from leeroo.errors import ConfigError
from leeroo.pool.experts import Expert
from leeroo.pool.extras import unpriced


def unwrap(name: str, given: Any) -> tuple[Any, dict[str, Any]]:
    """The chat model inside bindings and configurable models, and the kwargs that were bound to it.

    A configurable model is taken as it is without a config: its own `configurable` fields are not offered any more.

    Args:
        name: The expert's name.
        given: Anything; what is no wrapper is returned as it is.

    Raises:
        ConfigError: A config was bound, or a configurable model has no default.
    """
    kwargs: dict[str, Any] = {}
    for _ in range(8):
        if isinstance(given, RunnableBinding):
            if any((given.config or {}).values()):
                raise ConfigError(
                    f"Expert {name!r} has a config bound to it; bind kwargs only, and give callbacks, tags and "
                    "metadata to the model itself or to ChatLeeroo."
                )
            given, kwargs = given.bound, {**given.kwargs, **kwargs}
        elif isinstance(given, RunnableConfigurableFields):
            given = given.default
        elif type(given).__name__ == "_ConfigurableModel":  # by name: the package langchain is not always there
            given = _default_of(name, given)
        else:
            break
    return given, kwargs


PRICED = ("service_tier", "reasoning_effort", "reasoning", "thinking", "n")
"""What may be bound to a model and moves what a call of it costs."""


def unwrapped(name: str, given: Any) -> Any:
    """The chat model inside, with what was bound to it and moves its price set on itself, where estimates look for it.

    Args:
        name: The expert's name.
        given: Anything; what is no wrapper is returned as it is.

    Raises:
        ConfigError: As `unwrap`.
    """
    inner, kwargs = unwrap(name, given)
    if not isinstance(inner, BaseChatModel):
        return inner
    update = {key: kwargs[key] for key in PRICED if key in kwargs and key in type(inner).model_fields}
    tools = {"tools": kwargs.get("tools")}
    if unpriced(tools):
        if "model_kwargs" not in type(inner).model_fields:
            raise ConfigError(
                f"Expert {name!r} has {', '.join(unpriced(tools))} bound to it, which its class does not show; "
                "bind it to ChatLeeroo instead."
            )
        update["model_kwargs"] = {**(getattr(inner, "model_kwargs", None) or {}), **tools}
    return inner.model_copy(update=update) if update else inner


def bound_to(name: str, given: Any) -> dict[str, Any]:
    """The kwargs that were bound to the model of an expert, as the user gave it."""
    if isinstance(given, BaseChatModel | str):
        return {}
    if isinstance(given, Expert):
        given = given.model
    model = given.get("model") if isinstance(given, Mapping) else given
    return {} if isinstance(model, BaseChatModel | str) else unwrap(name, model)[1]


def _default_of(name: str, given: Any) -> Any:
    try:
        return given._model({})
    except Exception as error:
        raise ConfigError(
            f"Expert {name!r} is a configurable model without a default; name its model: "
            "init_chat_model('openai:gpt-5-nano', ...)."
        ) from error
