"""The experts of one router: `Pool`, which holds priced experts only."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from leeroo.errors import ConfigError, did_you_mean, nearest
from leeroo.pool.experts import Expert
from leeroo.pool.limits import UNKNOWN, output_limit
from leeroo.pool.listing import look_up
from leeroo.pool.places import is_self_hosted, name_of
from leeroo.pool.providers import LANGCHAIN_PROVIDERS, split_provider
from leeroo.pool.strict import explain


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
        found = look_up(expert)
        if found is None:
            raise ConfigError(_unpriced(expert, source) + _meant(expert))
        update: dict[str, Any] = {"price": found.price}
        if expert.context_window is None and found.context_window:
            update["context_window"] = found.context_window
        expert = expert.model_copy(update=update)
    if "max_output_tokens" not in expert.model_fields_set and expert.max_output_tokens == UNKNOWN:
        expert = expert.model_copy(update={"max_output_tokens": output_limit(name_of(expert))})
        # Nobody has said so: an adapter that knows more of the model may.
        expert.model_fields_set.discard("max_output_tokens")
    return expert


def _unpriced(expert: Expert, source: str) -> str:
    """What to do about a missing price, in the form of the file that the expert stands in."""
    in_file = source.endswith((".yaml", ".yml"))

    def price(given: str, taken: str) -> str:
        columns = f"input: {given}, output: {taken}" if in_file else f"'input': {given}, 'output': {taken}"
        return f"price: {{{columns}}}" if in_file else f"price={{{columns}}}"

    text = f"{source}: expert {expert.name!r} (model {expert.model_id!r}) has no known price. "
    if is_self_hosted(expert):
        return f"{text}What runs on your own machines costs what you say it costs, 0 included: {price('0', '0')}."
    text += f"Give it in USD per 1M tokens: {price('0.05', '0.40')}"
    if expert.model_id.endswith(":free"):
        return f"{text}; where it is free: {price('0', '0')}."
    listed = expert.model_copy(update={"model": f"openai:{expert.model_id}"})
    if expert.base_url is not None and expert.provider is None and look_up(listed) is not None:
        named = f"model: openai:{expert.model_id}" if in_file else f"model='openai:{expert.model_id}'"
        return f"{text}; or, where OpenAI's list price holds there, name its provider: {named}."
    return f"{text}; a local model costs what you say it costs, 0 included."


def _meant(expert: Expert) -> str:
    """What a model's id was perhaps meant to be: gateways write `provider/model`, and a provider may be misspelt."""
    found = re.fullmatch(r"([\w-]+)[:/](.+)", expert.model) if isinstance(expert.model, str) else None
    if found is None or expert.provider is not None or expert.base_url is not None:
        return ""
    near = nearest(found[1].lower(), LANGCHAIN_PROVIDERS, least=0.85)
    provider = split_provider(f"{found[1]}:{found[2]}")[0] or near
    return "" if provider is None else f" Or was '{provider}:{found[2]}' meant? A provider stands before a colon."


def _validated(name: str, given: Mapping[str, Any], source: str) -> Expert:
    for key in given:
        if key in {"api_key", "key", "token", "secret"}:
            raise ConfigError(
                f"{source}: experts.{name}.{key}: a literal key is refused; name an environment variable: "
                "api_key_env: MY_KEY"
            )
    try:
        return Expert.model_validate({**given, "name": name})
    except ValidationError as error:
        raise ConfigError(f"{source}: experts.{name}{explain(error, Expert)}") from None


def _typical_cost(expert: Expert) -> int:
    return expert.known_price.cost(1000, 300)
