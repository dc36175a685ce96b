"""What one call may cost and must reach: `Budget`; and `budget()`, the ambient budget of a block of code.

Nearest wins: a call's own kwargs, then the ambient budget, then the router's defaults. The three selection rules
(`min_quality`, `tolerance`, `willingness_to_pay`) are alternatives, so a nearer rule replaces a farther one.
"""

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from types import NoneType
from typing import Any, NamedTuple, get_args

from leeroo.errors import ConfigError, did_you_mean, nearest
from leeroo.scopes import check_scope
from leeroo.spent import Spent

RULES = ("min_quality", "tolerance", "willingness_to_pay")
DEFAULT_TOLERANCE = 0.02
DEFAULT_CONFIDENCE = 0.4
"""Not 0.5: of two of which little is known the dearer would nearly always be taken to be surer."""
MOST = 1e12
"""The largest sum of money or time that is taken for meant."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The constraints of one call. None means: not set here.

    Attributes:
        max_cost: USD, hard cap of the call with all its retries and fallbacks.
        min_quality: 0..1; adequate means a predicted quality of at least this.
        tolerance: 0..1; adequate means within this of the best eligible expert (the default rule, 0.02).
        confidence: 0..1; how sure it must be that an expert is within the tolerance (0.4; 0.5: doubt does not count).
        willingness_to_pay: USD that a right answer is worth: the largest quality x this - cost is picked.
        max_latency: Seconds; slower experts are not eligible, and it is the call's deadline.
        scope: Ledger account charged, "acme/team-a/user-7".
        expert: Name of the expert to use, whatever its prediction.
        consult: Whether a second expert may be asked, where its answer is worth its price.
        max_calls: How many experts one call may ask for their answers; more than 1 turns `consult` on.

    Raises:
        ConfigError: A value of the wrong type or range, or two selection rules at once.
    """

    max_cost: float | None = None
    min_quality: float | None = None
    tolerance: float | None = None
    confidence: float | None = None
    willingness_to_pay: float | None = None
    max_latency: float | None = None
    scope: str | None = None
    expert: str | None = None
    consult: bool | None = None
    max_calls: int | None = None

    def __post_init__(self) -> None:
        for name, unit in (("max_cost", "USD"), ("willingness_to_pay", "USD"), ("max_latency", "seconds")):
            _check_number(name, getattr(self, name), unit, MOST)
        if self.max_latency == 0:
            raise ConfigError("max_latency is 0; give the seconds that a call may take, more than 0.")
        for name in ("min_quality", "tolerance", "confidence"):
            _check_number(name, getattr(self, name), "a probability", 1.0)
        for name in ("scope", "expert"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value.strip()):
                shown = repr(value) if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
                raise ConfigError(f"{name} is {shown}; give a non-empty string.")
        if self.scope is not None:
            object.__setattr__(self, "scope", check_scope(self.scope))
        if self.consult is not None and not isinstance(self.consult, bool):
            raise ConfigError(f"consult is {self.consult!r}; give true or false.")
        if self.max_calls is not None and (type(self.max_calls) is not int or self.max_calls < 1):
            raise ConfigError(f"max_calls is {self.max_calls!r}; give a whole number, 1 or more.")
        rules = [name for name in RULES if getattr(self, name) is not None]
        if len(rules) > 1:
            raise ConfigError(f"{' and '.join(rules)} are different rules of choice; give one of them.")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Budget":
        """A budget from a mapping such as a pool file's `budget`.

        Args:
            given: Values by the budget's names.

        Raises:
            ConfigError: An unknown key, with the nearest known one, or a bad value.
        """
        for key in given:
            if key not in BUDGET_KWARGS:
                raise ConfigError(f"Unknown budget key {key!r}.{did_you_mean(key, BUDGET_KWARGS)}")
        return cls(**given)

    def over(self, farther: "Budget") -> "Budget":
        """This budget where it says something, the farther one elsewhere."""
        # Every call merges three budgets and more, most of which say nothing.
        if self is NOTHING_SET or farther is NOTHING_SET:
            return farther if self is NOTHING_SET else self
        own = {name: value for name in BUDGET_KWARGS if (value := getattr(self, name)) is not None}
        if not own:
            return farther
        if any(rule in own for rule in RULES):
            own = {**dict.fromkeys(RULES), **own}
        return replace(farther, **own)

    @property
    def consults(self) -> bool:
        """Whether more than one expert may be asked for an answer."""
        return self.max_calls != 1 and (self.max_calls is not None if self.consult is None else self.consult)

    def to_dict(self) -> dict[str, float | str]:
        """What is set, JSON-safe: an infinite `max_cost` is no cap, and JSON has no infinity."""
        if self is NOTHING_SET:
            return {}
        found = {name: value for name in BUDGET_KWARGS if (value := getattr(self, name)) is not None}
        if found.get("max_cost") == math.inf:
            del found["max_cost"]
        return found


class BudgetField(NamedTuple):
    """One field of `Budget`, for whoever offers it elsewhere: a command line, a framework's class.

    Attributes:
        name: As a kwarg.
        type: Of a value that is set; None stands for "not set".
        description: What it means and in which unit, as `Budget` documents it; empty under `python -OO`.
    """

    name: str
    type: type[float] | type[str] | type[bool] | type[int]
    description: str


def _described(documented: str | None) -> Mapping[str, str]:
    """Descriptions by field, from a docstring's `Attributes`."""
    lines = re.findall(r"^    (\w+): (.+)$", inspect.cleandoc(documented or ""), re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in lines}


_DESCRIPTIONS = _described(Budget.__doc__)
FIELDS: Mapping[str, BudgetField] = {
    f.name: BudgetField(
        f.name, next(kind for kind in get_args(f.type) if kind is not NoneType), _DESCRIPTIONS.get(f.name, "")
    )
    for f in fields(Budget)
}
"""The fields of `Budget`, by name, in order: their one definition, from which others take names, types and words."""
BUDGET_KWARGS = tuple(FIELDS)


def split_kwargs(kwargs: Mapping[str, Any]) -> tuple[Budget, dict[str, Any]]:
    """Part a call's kwargs into its budget and what is meant for the expert.

    Raises:
        ConfigError: A bad value, or a kwarg that is a near miss of a budget's (it would be silently ignored).
    """
    if not kwargs:
        return NOTHING_SET, {}
    own = {key: value for key, value in kwargs.items() if key in BUDGET_KWARGS}
    rest = {key: value for key, value in kwargs.items() if key not in BUDGET_KWARGS}
    for key in rest:
        near = _near_miss(key)
        if near is not None:
            raise ConfigError(f"Unknown kwarg {key!r}. Did you mean {near!r}?")
    return (Budget(**own) if own else NOTHING_SET), rest


@lru_cache(maxsize=1024)
def _near_miss(key: str) -> str | None:
    """The budget kwarg that was probably meant; the same few keys come with every call."""
    return nearest(key, BUDGET_KWARGS, least=0.85)


def _check_number(name: str, value: object, unit: str, most: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{name} is {value!r}; give a number ({unit}).")
    if not (value == math.inf and name == "max_cost") and (value != value or value < 0 or value > most):
        limit = "between 0 and 1" if most == 1.0 else f"0 or more, at most {most:g}"
        shown = f"{value:g}" if abs(value) < 1e300 or value != value else "out of all bounds"
        raise ConfigError(f"{name} is {shown}; give {unit}, {limit}.")


NOTHING_SET = Budget()
"""The budget of most places of most calls; making it anew each time would cost every call."""


@dataclass(frozen=True)
class Ambient:
    """The budgets of the `budget()` blocks around the current code, merged, and their accounts, outermost first."""

    budget: Budget = NOTHING_SET
    accounts: tuple[Spent, ...] = ()


_ambient: ContextVar[Ambient | None] = ContextVar("leeroo_budget", default=None)
_NONE = Ambient()


def ambient() -> Ambient:
    """The ambient budget of the current context."""
    return _ambient.get() or _NONE


@contextmanager
def budget(*, max_total_cost: float | None = None, **kwargs: Any) -> Iterator[Spent]:
    """Give every Leeroo call inside the block a budget, and count what they cost together.

    Works through chains, engines, agents and async tasks started inside the block; plain threads see it when they are
    started with `contextvars.copy_context().run`. Blocks nest: the inner one's kwargs win, both are charged.

    Args:
        max_total_cost: USD, hard cap on all calls of the block together.
        **kwargs: The fields of `Budget`, per call.

    Yields:
        The running account: `spent.cost`, `spent.calls`, `spent.by_expert`, `spent.remaining`.

    Raises:
        ConfigError: An unknown kwarg or a bad value.
    """
    _check_number("max_total_cost", max_total_cost, "USD", MOST)
    outer = ambient()
    spent = Spent(max_total_cost=max_total_cost)
    token = _ambient.set(Ambient(Budget.of(kwargs).over(outer.budget), (*outer.accounts, spent)))
    try:
        yield spent
    finally:
        _ambient.reset(token)
