"""How many tokens a reasoning model thinks before it answers: they are billed as output, and come out of its cap."""

from functools import lru_cache
from typing import Any, NamedTuple

from leeroo.pool.experts import Expert
from leeroo.pool.limits import UNKNOWN, UNKNOWN_THINKING
from leeroo.pool.names import resolve
from leeroo.pool.places import name_of
from leeroo.pool.thought_measured import MEASURED


class Thought(NamedTuple):
    """What a model thinks.

    Attributes:
        factor: Tokens thought for each token of the answer.
        least: Tokens that even a short answer takes.
    """

    factor: float
    least: int

    def before(self, said: int) -> int:
        """Tokens thought before an answer of that length."""
        return max(self.least, round(said * self.factor)) if self.factor else self.least


NONE = Thought(0.0, 0)
# By effort, where the model itself was not measured (`thought_measured`). gpt-5 was: 0.9, 2.6 and 5.4 from low to high;
# the others are between half and three times these. The least: short answers of gpt-5 and gpt-5-nano at medium took
# 1,100 to 1,400 tokens of thought (covan-ai/covan#112), a few hundred at low. Who has measured declares
# `Expert.thinking`.
_BY_EFFORT = {
    "none": NONE,
    "minimal": Thought(0.2, 64),
    "low": Thought(1.0, 256),
    "medium": Thought(3.0, 1_024),
    "thinking": Thought(3.0, 1_024),
    "high": Thought(6.0, 2_048),
    "xhigh": Thought(10.0, 4_096),
    "max": Thought(12.0, 4_096),
}
_DECLARED_LEAST = 256
"""Tokens of thought for a short answer, where only a factor is declared."""
# Hybrids think where they are told to; these makers' do so unless they are told not to.
_THINK_BY_DEFAULT = frozenset({"google"})


def thought_of(expert: Expert) -> Thought:
    """What an expert thinks: as declared, else by its effort, else by its model's name; nothing where none is known."""
    if expert.thinking is not None:
        return Thought(expert.thinking, _DECLARED_LEAST if expert.thinking else 0)
    return _by_name(name_of(expert), None if isinstance(expert.model, str) else _effort_set(expert.model))


def _effort_set(model: Any) -> str | None:
    """The effort that a framework's model object is set to."""
    fields: dict[str, Any] = getattr(model, "__dict__", {})
    given = fields.get("reasoning_effort")
    if given is None and isinstance(reasoning := fields.get("reasoning"), dict):
        given = reasoning.get("effort")
    if given is None and isinstance(thinking := fields.get("thinking"), dict):
        given = "thinking" if thinking.get("type") == "enabled" else None
    return given if isinstance(given, str) and given in _BY_EFFORT else None


@lru_cache(maxsize=1024)
def _by_name(name: str, effort: str | None) -> Thought:
    found = resolve(name)
    if found is None:
        return NONE
    effort = effort or found.effort
    measured = MEASURED.get((found.model, effort or ""))
    if measured is not None:
        return Thought(measured, _BY_EFFORT.get(effort or "medium", _BY_EFFORT["thinking"]).least)
    if effort is not None and found.row.reasoning in ("yes", "hybrid"):
        return _BY_EFFORT.get(effort, _BY_EFFORT["thinking"])
    if found.row.reasoning == "hybrid":
        return _BY_EFFORT["low"] if found.row.vendor in _THINK_BY_DEFAULT else NONE
    return _BY_EFFORT["medium"] if found.row.reasoning == "yes" else NONE


def room(expert: Expert) -> int:
    """Output tokens that leave an expert room for an answer, and for the thought before it."""
    return UNKNOWN_THINKING if thought_of(expert).least else UNKNOWN


def with_thought(expert: Expert, said: int) -> int:
    """Output tokens expected of an expert, what it thinks included.

    Args:
        expert: Who answers.
        said: Expected tokens of the answer itself.
    """
    return said + thought_of(expert).before(said)
