"""From an `Expert` to the LlamaIndex LLM that runs it, and to data and back."""

from collections.abc import Iterator, Mapping
from typing import Any

from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from leeroo import ConfigError, Expert, MissingDependency, Pool
from leeroo.pool.forwarded import everything
from llamaindex_leeroo.caps import NAMES, cap_field, multiplier
from llamaindex_leeroo.lending import is_openai_family

SECRET = ("key", "token", "secret", "password", "credential", "header", "auth")


def to_pool(experts: Mapping[str, Any], reference: str | None) -> Pool:
    """A pool of LLMs: what an LLM object knows of itself is taken over where the user has not said it.

    Raises:
        ConfigError: Not usable: no experts, no price, or an object that is no LlamaIndex LLM.
    """
    if not isinstance(experts, Mapping):
        raise ConfigError(f"experts must map names to LLMs, not be a {type(experts).__name__}.")
    given = {n: recalled(e) if isinstance(e, Mapping) else e for n, e in experts.items()}
    pool = Pool(given, reference=reference)
    return Pool({expert.name: _informed(expert) for expert in pool}, reference=pool.reference)


def _informed(expert: Expert) -> Expert:
    llm = expert.model
    if isinstance(llm, str):
        return expert
    if not isinstance(llm, LLM):
        raise ConfigError(
            f"Expert {expert.name!r} is a {type(llm).__module__}.{type(llm).__qualname__}; give a LlamaIndex LLM, "
            "or name the model as 'provider:model'."
        )
    several = multiplier(of_its_own(llm))
    if several is not None:
        raise ConfigError(
            f"Expert {expert.name!r} has {several}: all answers are paid for, and one is read. Leave it out."
        )
    update: dict[str, Any] = {}
    try:
        window = llm.metadata.context_window
    except ValueError as error:  # LlamaIndex's OpenAI for a model that it does not know
        raise ConfigError(f"Expert {expert.name!r}: {error}") from error
    if "capabilities" not in expert.model_fields_set and not can_call_functions(llm):
        update["capabilities"] = expert.capabilities - {"tools", "structured_output"}
    if expert.context_window is None and window and window != DEFAULT_CONTEXT_WINDOW:
        update["context_window"] = window
    cap = _own_cap(llm)
    if "max_output_tokens" not in expert.model_fields_set and cap is not None:
        update["max_output_tokens"] = cap
    return expert.model_copy(update=update) if update else expert


def of_its_own(llm: Any) -> Mapping[str, Any]:
    """What an LLM sends with every request, as its user has set it."""
    found = getattr(llm, "additional_kwargs", None)
    return found if isinstance(found, Mapping) else {}


def added(pool: Pool, prompting: bool) -> str:
    """The most that an expert's LLM adds to a request by itself.

    Args:
        pool: The experts.
        prompting: Whether its system prompt is among that.
    """
    llms = [e.model for e in pool if isinstance(e.model, LLM)]
    texts = (everything(of_its_own(llm), (llm.system_prompt or "") if prompting else "") for llm in llms)
    return max(texts, key=len, default="").strip()


def by_react() -> dict[str, Any]:
    """What `LLM.predict_and_call` needs for an expert without tools; its own defaults are none that its agent takes."""
    from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

    return {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser()}


def chats(model: Any) -> bool:
    """Whether an expert's model takes messages; models that a pool names do."""
    return not isinstance(model, LLM) or model.metadata.is_chat_model


def can_call_functions(llm: LLM) -> bool:
    """Whether an LLM takes tools."""
    return isinstance(llm, FunctionCallingLLM) and llm.metadata.is_function_calling_model


def build(expert: Expert) -> LLM:
    """The LLM of an expert: the object it was given, or a client of its OpenAI-compatible endpoint.

    Raises:
        ConfigError: The environment variable of its key is not set, or its provider has no known endpoint.
        MissingDependency: The integration is not installed.
    """
    if isinstance(expert.model, LLM):
        return _without_retries(expert.model) if is_openai_family(type(expert.model)) else expert.model
    try:
        from llamaindex_leeroo.endpoint import endpoint_llm
    except ImportError:
        raise MissingDependency(
            f"Expert {expert.name!r} needs llama-index-llms-openai-like: pip install 'leeroo[llamaindex]'."
        ) from None
    return endpoint_llm(expert)


def _without_retries(llm: LLM) -> LLM:
    """A copy of an OpenAI client that tries once: what follows a failure is the router's to choose and to pay for."""
    from leeroo.endpoints.transport import async_client

    copy = llm.model_copy(update={"max_retries": 0})
    private = copy.__pydantic_private__ or {}
    if "_async_http_client" in private and private["_async_http_client"] is None:
        # Its own fails at first in every further event loop, which the retries hide.
        private["_async_http_client"], private["_aclient"] = async_client(llm.timeout), None  # type: ignore[attr-defined]
    for name in ("_client", "_aclient"):
        if private.get(name) is not None:
            private[name] = private[name].with_options(max_retries=0)
    return copy


def _own_cap(llm: LLM) -> int | None:
    field = cap_field(type(llm))
    value = getattr(llm, field) if field else None
    return value if isinstance(value, int) and value > 0 else None


def described(expert: Expert) -> dict[str, Any]:
    """An expert as JSON-safe data, without any secret: an LLM object is told by its class and its plain settings."""
    data = expert.model_dump(mode="json", exclude={"model"}, exclude_defaults=True)
    data.pop("name", None)
    if isinstance(expert.model, LLM):
        return {"model": _plain(expert.model.to_dict()), **data}
    return {"model": expert.model, **data}


def recalled(data: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `described`; secrets come from the environment again.

    Raises:
        ConfigError: The LLM's class has not been imported.
    """
    fields = dict(data)
    model = fields.get("model")
    if isinstance(model, Mapping):
        wanted = model.get("class_name")
        known = next((c for c in _subclasses(LLM) if c.class_name() == wanted and not c.__abstractmethods__), None)
        if known is None:
            raise ConfigError(f"The LLM class {wanted!r} is not loaded; import its integration first.")
        fields["model"] = known.from_dict(dict(model.items()))
    return fields


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if not _secret(str(k))}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _secret(name: str) -> bool:
    name = name.lower()
    return any(word in name for word in SECRET) and name not in NAMES and not name.endswith("_tokens")
