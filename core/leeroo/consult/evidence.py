"""A caller's own check of an answer, `verify`: a function, a pydantic model or a JSON schema. It may hang or raise."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal

from leeroo.consult.readings import as_json
from leeroo.errors import ConfigError

Verify = Callable[[str], bool] | type | Mapping[str, Any]
Verdict = Literal["passed", "failed", "hung"]
PATIENCE = 5.0
"""Seconds that a check may take where the call has no nearer deadline."""
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def verdict(verify: Verify, text: str, seconds: float | None = None) -> tuple[Verdict, str | None]:
    """Whether an answer passes a check.

    Args:
        verify: The check.
        text: The answer.
        seconds: The most that the check may take, `PATIENCE` when absent.

    Returns:
        The verdict, and for the record the type of what the check raised: an answer that makes it raise has failed.
    """
    check = check_of(verify)
    end: list[tuple[bool, str | None]] = []

    def run() -> None:
        try:
            end.append((bool(check(text)), None))
        except BaseException as error:
            end.append((False, type(error).__name__))

    # A thread cannot be ended from outside; as a daemon it keeps no program from ending.
    thread = threading.Thread(target=run, name="leeroo-verify", daemon=True)
    thread.start()
    thread.join(PATIENCE if seconds is None else max(0.0, min(seconds, PATIENCE)))
    if not end:
        return "hung", None
    passed, raised = end[0]
    return ("passed" if passed else "failed"), raised


def check_of(verify: Verify) -> Callable[[str], Any]:
    """The check as a function of an answer's text.

    Raises:
        ConfigError: It is neither a function, nor a pydantic model, nor a JSON schema.
    """
    validate = getattr(verify, "model_validate_json", None)
    if validate is not None:
        return lambda text: validate(text) is not None
    if isinstance(verify, Mapping):
        return lambda text: conforms(as_json(text), verify)
    if callable(verify):
        return verify
    raise ConfigError(f"verify is a {type(verify).__name__}; give a function, a pydantic model or a JSON schema.")


def conforms(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a JSON value has the shape of a schema: `type`, `enum`, `required`, `properties` and `items` are read."""
    kinds = schema.get("type")
    named = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if named and not any(_is(value, kind) for kind in named):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return all(key in value for key in schema.get("required", ())) and all(
            conforms(one, known[key]) for key, one in value.items() if key in known
        )
    if isinstance(value, list) and "items" in schema:
        return all(conforms(one, schema["items"]) for one in value)
    return True


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES.get(kind, object))
