"""What is read from users and checked: `Strict`, and its faults in words."""

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from leeroo.errors import ConfigError, did_you_mean

_EXAMPLES = {"price": "{input: 0.05, output: 0.40}", "latency": "{first_token: 0.5, per_token: 0.02}"}


class Strict(BaseModel):
    """Base of what is read from users: unknown keys are refused.

    Raises:
        ConfigError: What is wrong, and with which field. (`model_validate` raises pydantic's own error.)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ConfigError(f"{type(self).__name__}{explain(error, type(self))}") from None

    # What lies within another is checked by pydantic alone, which then knows the whole place of a fault.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for the first fault that pydantic found: `.key: what is wrong. Did you mean ...?`."""
    faults = error.errors(include_url=False, include_input=False)
    # A misspelt key is also a missing one; its own name says more.
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    place = "".join(f".{part}" for part in first["loc"])
    if first["type"] == "extra_forbidden":
        for part in first["loc"][:-1]:
            model = _within(model, str(part)) or model
        return f"{place}: unknown key.{did_you_mean(str(first['loc'][-1]), set(model.model_fields) - {'name'})}"
    if example := _EXAMPLES.get(str(first["loc"][-1])) if first["type"] == "model_type" else None:
        return f"{place}: give a mapping, such as {example}"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}"


def _within(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    """The model that a field of another holds, or holds several of."""
    found = model.model_fields.get(field)
    kinds = (found.annotation, *get_args(found.annotation)) if found else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
